"use strict";

/* Sortable tables: the buttons in the header sort by their column; `aria-sort` is the current order. */

const collator = new Intl.Collator("en", { numeric: true });

function valueOf(row, column) {
  const text = row.cells[column].dataset.value;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function compareValues(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
}

function sortBy(table, header) {
  const headers = [...header.parentElement.cells];
  const column = headers.indexOf(header);
  const first = header.classList.contains("number") ? "descending" : "ascending";
  const other = first === "descending" ? "ascending" : "descending";
  const order = header.getAttribute("aria-sort") === first ? other : first;
  headers.forEach((each) => each.setAttribute("aria-sort", each === header ? order : "none"));
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => sign * compareValues(valueOf(a, column), valueOf(b, column)));
  table.tBodies[0].append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const header of table.tHead.rows[0].cells) {
    header.querySelector("button").addEventListener("click", () => sortBy(table, header));
  }
}

/* Copy buttons of commands. */

function say(words) {
  document.getElementById("said").textContent = words;
}

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const command = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(command.textContent);
    } catch {
      getSelection().selectAllChildren(command);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    say("Command copied.");
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

/* The legend of the learning curves shows and hides networks. */

for (const button of document.querySelectorAll(".legend button")) {
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    for (const curve of document.querySelectorAll(`.curves g.${button.dataset.network}`)) {
      curve.style.display = shown ? "" : "none";
    }
  });
}

/* Buttons that save a chart as a file, as it is printed: in the colors for light paper. */

const FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif";

function asFile(svg) {
  const copy = svg.cloneNode(true);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("font-family", FONT);
  return new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" });
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
  say(`${name} saved.`);
}

async function saveAsPng(svg, name) {
  const address = URL.createObjectURL(asFile(svg));
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  const scale = 3;
  [canvas.width, canvas.height] = [svg.width.baseVal.value * scale, svg.height.baseVal.value * scale];
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  canvas.toBlob((blob) => save(blob, name));
}

for (const place of document.querySelectorAll(".charts")) {
  const row = document.createElement("p");
  row.className = "save";
  for (const kind of ["SVG", "PNG"]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = kind;
    button.setAttribute("aria-label", `Save the chart ${place.id} as ${kind}`);
    button.addEventListener("click", () => {
      const svg = [...place.querySelectorAll("svg")].find((each) => each.getBoundingClientRect().width > 0);
      const name = `${place.id}.${kind.toLowerCase()}`;
      if (kind === "SVG") save(asFile(svg), name);
      else saveAsPng(svg, name);
    });
    row.append(button);
  }
  place.append(row);
}
