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

/* The copy button of the command to reproduce. */

document.getElementById("copy").addEventListener("click", async (event) => {
  const command = document.getElementById("command");
  try {
    await navigator.clipboard.writeText(command.textContent);
  } catch {
    getSelection().selectAllChildren(command);
    document.execCommand("copy");
  }
  event.target.textContent = "Copied";
  document.getElementById("copied").textContent = "Command copied.";
  setTimeout(() => { event.target.textContent = "Copy"; }, 2000);
});

/* Charts: Plotly JSON in which colors are names of CSS variables. */

const charts = [...document.querySelectorAll("script[data-chart]")].map((script) => ({
  place: document.getElementById(script.dataset.chart),
  figure: JSON.parse(script.textContent),
}));
const hiddenNetworks = new Set();

async function unpackPlotly() {
  const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(unpacked).text();
  document.head.append(script);
}

function paint(value, key, style) {
  if (Array.isArray(value)) return value.map((each) => paint(each, key, style));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, paint(each, name, style)]));
  }
  const variable = typeof value === "string" && /color(scale)?$/.test(key) && /^var\((--[a-z0-9-]+)\)$/.exec(value);
  return variable ? style.getPropertyValue(variable[1]).trim() : value;
}

function nameCells(figure) {
  const { classes, counts } = figure.layout.meta ?? {};
  for (const trace of figure.data) {
    if (trace.type !== "heatmap" || !classes) continue;
    trace.x = trace.y = classes.map((_, place) => place);
    trace.hovertext = counts.map((row, label) => {
      const images = row.reduce((sum, count) => sum + count, 0);
      return row.map((count, answer) => `label ${classes[label]}<br>answer ${classes[answer]}<br>${count} of ${images}`);
    });
  }
}

const digitWidth = 8; // pixels

function draw({ place, figure }) {
  const style = getComputedStyle(document.documentElement);
  const data = paint(figure.data, "", style);
  for (const trace of data) {
    if (hiddenNetworks.has(trace.meta)) trace.visible = false;
  }
  const layout = paint(figure.layout, "", style);
  layout.width = place.clientWidth;
  if (!layout.height) layout.height = place.clientHeight;
  if (layout.meta?.counts) {
    const cell = (layout.width - layout.margin.l - layout.margin.r) / layout.meta.counts.length;
    const digits = String(Math.max(...layout.meta.counts.map((row) => Math.max(...row)))).length;
    if (cell < digits * digitWidth) data.forEach((trace) => { delete trace.texttemplate; });
  }
  return Plotly.react(place, data, layout, { displayModeBar: false, showTips: false });
}

function drawAll() {
  charts.filter(({ place }) => place.clientWidth > 0).forEach(draw); // charts in closed <details> have no width
}

function setPrinting(printing) {
  document.documentElement.classList.toggle("printing", printing);
  drawAll();
}

function toggleNetwork(button) {
  const shown = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(shown));
  hiddenNetworks[shown ? "delete" : "add"](Number(button.dataset.network));
  charts.filter(({ place }) => place.classList.contains("curve") && place.clientWidth > 0).forEach(draw);
}

async function showCharts() {
  await unpackPlotly();
  for (const { place, figure } of charts) {
    place.replaceChildren();
    nameCells(figure);
  }
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("beforeprint", () => setPrinting(true));
  addEventListener("afterprint", () => setPrinting(false));
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) requestAnimationFrame(drawAll);
    width = innerWidth;
  });
  for (const folded of document.querySelectorAll("details:has(.chart)")) {
    folded.addEventListener("toggle", drawAll);
  }
  for (const button of document.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => toggleNetwork(button));
  }
  document.documentElement.dataset.charts = "drawn";
}

showCharts().catch((error) => {
  for (const { place } of charts) {
    place.textContent = "This browser cannot draw the chart. Its numbers are in the tables.";
  }
  console.error(error);
});
