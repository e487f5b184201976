"""The pages of the built-in networks, written from their records before the site is built: docs/networks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

from tests.zoo.measured import Measured

from convstudy.analysis import Inputs, LayerTable, trends
from convstudy.analysis.depth import at_depth
from convstudy.analysis.graph import Graph
from convstudy.claims.claim import Claim
from convstudy.drawing import Picture, draw_graph
from convstudy.drawing.colours import palette
from convstudy.drawing.svg import dark_rules
from convstudy.report import numbers
from convstudy.report.layer_document import markdown
from convstudy.study.models.network_at_inputs import NetworkAtInputs, network_at_inputs
from convstudy.zoo import ARCHITECTURES, Architecture
from convstudy.zoo.catalog import catalog

WIDTH = 690  # px of a drawing: the column of the site
BATCH = 32
FOLDED, LONGEST = 60, 130  # rows of a layer table
DARK_SCREEN = """@media not print {{
{chosen}
@media (prefers-color-scheme: dark) {{
{preferred}
}}
}}
"""


@dataclass(frozen=True)
class Source:
    """Where a network was published."""

    text: str
    address: str = ""

    def __str__(self) -> str:
        return f"[{self.text}]({self.address})" if self.address else self.text


SOURCES = {
    "the lecture's table": Source("The lecture's table of a neural network, which `convstudy check` corrects"),
    "PyTorch tutorial": Source(
        "PyTorch tutorial: Training a Classifier",
        "https://docs.pytorch.org/tutorials/beginner/blitz/cifar10_tutorial.html",
    ),
    "LeCun et al. 1998": Source(
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-Based Learning Applied to Document Recognition. "
        "Proceedings of the IEEE 86(11), 1998",
        "https://doi.org/10.1109/5.726791",
    ),
    "Krizhevsky et al. 2012": Source(
        "A. Krizhevsky, I. Sutskever, G. E. Hinton: ImageNet Classification with Deep Convolutional Neural Networks. "
        "NIPS 2012",
        "https://doi.org/10.1145/3065386",
    ),
    "Simonyan & Zisserman 2014": Source(
        "K. Simonyan, A. Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition. 2014",
        "https://arxiv.org/abs/1409.1556",
    ),
    "Szegedy et al. 2014": Source(
        "C. Szegedy et al.: Going Deeper with Convolutions. 2014", "https://arxiv.org/abs/1409.4842"
    ),
    "He et al. 2015": Source(
        "K. He, X. Zhang, S. Ren, J. Sun: Deep Residual Learning for Image Recognition. 2015",
        "https://arxiv.org/abs/1512.03385",
    ),
}
TITLES = {
    "lecture": "The lecture's network",
    "net": "The tutorial's network",
    "lenet5": "LeNet-5",
    "alexnet": "AlexNet",
    "vgg": "VGG",
    "googlenet": "GoogLeNet",
    "resnet": "ResNet for ImageNet",
    "cifar": "ResNet for CIFAR-10",
}


def source_of(known: Architecture) -> Source:
    """Return the publication that a network's record names."""
    [found] = [source for start, source in SOURCES.items() if known.source.startswith(start)]
    return found


@dataclass(frozen=True)
class Page:
    """The page of one network."""

    known: Architecture

    @cached_property
    def at(self) -> NetworkAtInputs:
        return network_at_inputs(self.known.name, Inputs())

    @cached_property
    def table(self) -> LayerTable:
        return self.at.count()

    @cached_property
    def graph(self) -> Graph:
        return self.at.graph()

    @cached_property
    def picture(self) -> Picture:
        return draw_graph(self.known.name, self.graph, width=WIDTH)

    @cached_property
    def every_layer(self) -> Picture:
        return draw_graph(self.known.name, self.graph, level="layers", width=WIDTH)

    def __str__(self) -> str:
        parts = [self.facts(), self.drawing(), *self.claims(), *self.departures(), self.trends(), self.layers()]
        return f"# {self.known.name}\n\n" + "\n\n".join(parts) + "\n"

    def facts(self) -> str:
        """Return where the network is from and what it costs."""
        known, totals, name = self.known, self.table.totals, self.known.name
        memory = self.at.training_memory(batch_size=BATCH, optimizer="momentum")
        side = known.fixed_side or known.smallest_side
        smallest = "any side works" if side == 1 else f"smallest side that works: {side}"
        smallest = "the only size that works" if known.fixed_side else smallest
        weights = (
            f"`{name}@imagenet`: those of torchvision" if known.torchvision else "none are published with its keys"
        )
        source, detail = source_of(known), known.source.partition(", ")[2]
        where = f" ({detail})" if detail and detail not in source.text else ""
        rows = [
            ("source", f"{source}{where}"),
            ("input", f"{numbers.shape(known.input_shape)} ({smallest})"),
            ("classes in the source", numbers.count(known.num_classes)),
            ("parameters", f"{numbers.count(totals.parameters)} ({numbers.num_bytes(totals.parameter_bytes)})"),
            ("multiply-accumulates (MACs) per image", numbers.count(totals.macs)),
            (f"memory of a training step, {BATCH} images", f"{numbers.num_bytes(memory.peak)}, predicted"),
            ("trained weights", weights),
        ]
        layer = next(row.path for row in self.table if row.parameters)
        commands = [f"summary {name}", f"draw {name} -o {name}.svg", f"explain {name} {layer}"]
        block = "\n".join(f"convstudy {command}" for command in commands)
        title = known.title[0].upper() + known.title[1:]
        return f"{title}.\n\n{pipe_table(('property', name), rows)}\n\n```console\n{block}\n```"

    def drawing(self) -> str:
        """Return the picture, as an element of the page, and links to its files."""
        name = self.known.name
        links = f"[this drawing]({name}.svg), [every layer]({name}-layers.svg)"
        reading = "[how to read it](../drawing.md#how-to-read-it)"
        return f"## Drawing\n\n```{{raw}} html\n{element(self.picture)}\n```\n\nFiles: {links}; {reading}."

    def claims(self) -> Iterator[str]:
        """Yield the counts that the source prints, beside those of PyTorch."""
        known = self.known
        if not known.claims and not known.misprints:
            return
        measured = Measured(known)
        rows = list(claim_rows(measured, known.claims, "holds"))
        misprints = list(claim_rows(measured, known.misprints, "**does not hold**"))
        yield (
            "## Claims, checked\n\nCounted by PyTorch on the meta device, independently of convstudy's own table. A "
            "claim holds if the count prints like it, rounded or cut off at its last digit."
        )
        yield pipe_table(("quantity", "as printed", "counted", "", "where it is printed"), [*rows, *misprints])
        if misprints:
            yield "Claims that do not hold are misprints: the source's own layers contradict them."

    def departures(self) -> Iterator[str]:
        """Yield in what the network differs from its source."""
        if self.known.departures:
            yield "## Departures from the source"
            yield "\n".join(f"- {departure}" for departure in self.known.departures)

    def trends(self) -> str:
        """Return which of the lecture's four trends hold."""
        fates = {True: "holds", False: "does not hold", None: "not testable"}
        rows = [
            (trend.statement, fates[trend.holds], some(found.path for found in trend.counterexamples))
            for trend in trends(self.table)
        ]
        return f"## The lecture's four trends\n\n{pipe_table(('trend', '', 'contradicted by'), rows)}"

    def layers(self) -> str:
        """Return the layer table, folded if it is long; that of a very deep network has one row per block."""
        rows, note = self.table, ""
        if len(rows.rows) > LONGEST:
            rows = at_depth(rows, 2)
            note = f"One row per block; `convstudy summary {self.known.name}` prints every layer. "
        table = markdown(rows)
        if len(rows.rows) > FOLDED:
            table = f"<details>\n<summary>All {len(rows.rows)} rows</summary>\n\n{table}\n\n</details>"
        return f"## Layers\n\n{note}The formulas are [derived here](../formulas/counting.md).\n\n{table}"


def some(paths: Iterable[str]) -> str:
    """Return the first five paths, and how many more there are."""
    found = list(dict.fromkeys(paths))
    shown = ", ".join(f"`{path}`" for path in found[: 5 if len(found) > 6 else 6])
    return f"{shown} and {len(found) - 5} more" if len(found) > 6 else shown


def claim_rows(measured: Measured, claims: Iterable[Claim], verdict: str) -> Iterator[tuple[str, ...]]:
    """Yield one row per claim, and fail if the verdict is wrong."""
    for claim in claims:
        value = measured.value(claim.quantity)
        assert claim.holds(value) == (verdict == "holds"), claim
        yield claim.quantity, claim.printed, numbers.count(value), verdict, claim.source


def pipe_table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in GitHub Markdown."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def unbroken(text: str) -> str:
    """Return text that stays on one line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def element(picture: Picture) -> str:
    """Return a drawing as an element of a page, whose colors the style sheet of the site decides."""
    svg = re.sub(r"<style>.*?</style>", "", picture.svg, flags=re.DOTALL).replace("\n", "")
    return f'<div class="network">{svg}</div>'


def style_sheet() -> str:
    """Return the colors of drawings on dark pages: chosen by the reader, or preferred by the reader's system."""
    every = "".join(f'fill="{light}" stroke="{light}"' for light, _ in palette().values())
    chosen = dark_rules(every, 'body[data-theme="dark"] .network ')
    preferred = dark_rules(every, 'body:not([data-theme="light"]) .network ')
    return DARK_SCREEN.format(chosen=chosen, preferred=preferred)


def family(known: Architecture) -> str:
    """Return the title under which the list has a network."""
    name = known.name
    if known.source.startswith("He et al."):
        return TITLES["cifar" if known.input_shape[-1] == 32 else "resnet"]
    return TITLES.get(name) or TITLES["vgg" if name.startswith("vgg") else "googlenet"]


def index(pages: Iterable[Page]) -> str:
    """Return the list of all networks, by publication."""
    parts = [
        "# Networks\n\nThe built-in networks, as their papers describe them. Each page has the drawing, the layer "
        "table, the counts that the paper claims, and what differs from the paper."
    ]
    for title, group in groupby(pages, key=lambda page: family(page.known)):
        members = list(group)
        rows = [
            (
                f"[{page.known.name}]({page.known.name}.md)",
                page.known.title,
                "×".join(map(str, page.known.input_shape)),
                unbroken(numbers.scaled(page.table.totals.parameters)),
                unbroken(numbers.scaled(page.table.totals.macs)),
            )
            for page in members
        ]
        parts += [f"## {title}", f"{source_of(members[0].known)}."]
        parts += [pipe_table(("network", "", "input", "parameters", "MACs"), rows)]
    names = "\n".join(known.name for known in catalog())
    return "\n\n".join(parts) + f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"


def write_pages(folder: Path) -> None:
    """Write the pages, the drawings and the style sheet into a folder; a file that is right is left alone."""
    folder.mkdir(exist_ok=True)
    pages = [Page(known) for known in ARCHITECTURES.values()]
    files = {"index.md": index(pages), "drawings.css": style_sheet()}
    for page in pages:
        name = page.known.name
        files |= {f"{name}.md": str(page), f"{name}.svg": page.picture.svg, f"{name}-layers.svg": page.every_layer.svg}
    for old in set(folder.iterdir()) - {folder / name for name in files}:
        old.unlink()
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
