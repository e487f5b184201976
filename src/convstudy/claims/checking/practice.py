"""A layer table for practice: a random small network with planted mistakes, and its answer sheet.

A mistake is planted only if the check finds it and gives it its name, and accuses no other cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from convstudy.claims.checking.checker import check
from convstudy.claims.checking.corrected import MARKDOWN, CorrectedTable, corrected_tables, markdown, written
from convstudy.claims.checking.facts import Value, facts_of_layer
from convstudy.claims.checking.findings import CheckedCell, CheckReport
from convstudy.claims.checking.layer import LayerSpec
from convstudy.claims.checking.mistakes import number_mistakes, shape_mistakes
from convstudy.claims.layer_kind import LayerKind
from convstudy.claims.printed_shape import Shape, in_layout
from convstudy.claims.reading import table_of_cells
from convstudy.claims.table import ClaimedTable, Quantity
from convstudy.errors import ClaimError

HEADER = ("layer", "Activation shape", "Activation size", "# parameters")
COLUMNS: tuple[Quantity, ...] = ("output_shape", "activation_size", "parameters")
SHARES = {"output_shape": 2, "activation_size": 2, "parameters": 6}  # of the planted mistakes, as students make them
MOST_MISTAKES = 8
MOST_NETWORKS = 50  # tried until one has room for all mistakes
LARGEST = 10**8  # of a wrong number
SMALLEST_MAP = 4  # side behind which no further convolution follows


@dataclass(frozen=True)
class Quiz:
    """A table with planted mistakes, `planted` by row, quantity and name, and what the check finds in it."""

    seed: int
    table: ClaimedTable
    planted: tuple[tuple[str, Quantity, str], ...]
    report: CheckReport

    @property
    def title(self) -> str:
        return f"Quiz {self.seed}"

    def __repr__(self) -> str:
        return f"<Quiz {self.seed}: {len(self.planted)} of {len(self.report.cells)} cells are wrong>"

    def __str__(self) -> str:
        """Return the task and the table in Markdown."""
        return self.text(Path("quiz.md"))

    def _repr_markdown_(self) -> str:
        return str(self)

    def question(self) -> CorrectedTable:
        """Return the table as it is given to who practises."""
        header, *rows = self.table.cells
        return CorrectedTable("", header, tuple(rows))

    def text(self, path: str | Path) -> str:
        """Return the table in the format of a file's suffix; in Markdown with the task above it.

        Raises:
            ClaimError: if the suffix names no format.
        """
        path = Path(path)
        table = written([self.question()], path)
        if path.suffix.lower() not in MARKDOWN:
            return table
        wrong, cells = len(self.planted), len(self.report.cells)
        task = (
            f"{wrong} of these {cells} cells {'is' if wrong == 1 else 'are'} wrong. For each, state the right value "
            "with its formula, and the mistake that was made."
        )
        return f"# {self.title}\n\n{task}\n\n{table}"

    def answers(self) -> str:
        """Return the answer sheet in Markdown: each wrong cell with its mistake, and the table as it should be."""
        lines = [f"# Answers to quiz {self.seed}", ""]
        for number, cell in enumerate(self.report.wrong, start=1):
            lines += [f"{number}. {answer(self.table, cell)}"]
        (right,) = corrected_tables(self.table, self.report)
        return "\n".join([*lines, "", markdown(replace(right, title="The table as it should be"))])


def answer(table: ClaimedTable, cell: CheckedCell) -> str:
    """Return a wrong cell, the right value with its formula, and the mistake, as a line."""
    claimed = table.printed(cell.claimed) if isinstance(cell.claimed, tuple) else str(cell.claimed)
    mistake = cell.explanation
    assert mistake is not None
    how = f" ({mistake.formula})" if mistake.formula else ""
    return (
        f"**{cell.row}, {cell.column}**: {claimed} is wrong; right is {cell.formula}. "
        f"Mistake `{mistake.mistake}`: {mistake.sentence}{how}."
    )


def quiz(seed: int, mistakes: int = 3) -> Quiz:
    """Return the layer table of a random small network with so many mistakes; the same seed gives the same table.

    `print` and notebooks show the task, `answers()` returns the answer sheet, and `text("quiz.tsv")` the table for a
    file.

    Raises:
        ClaimError: if `mistakes` is not from 1 to 8.

    >>> practice = quiz(7, mistakes=2)
    >>> practice
    <Quiz 7: 2 of 24 cells are wrong>
    >>> sorted((cell.row, cell.quantity, cell.mistake) for cell in practice.report.wrong) == sorted(practice.planted)
    True
    """
    if not 1 <= mistakes <= MOST_MISTAKES:
        raise ClaimError(f"mistakes is {mistakes}; expected 1 to {MOST_MISTAKES}", setting="mistakes")
    random = Random(seed)
    for _ in range(MOST_NETWORKS):
        made = planted_in(random_network(random), random, mistakes, seed)
        if made is not None:
            return made
    raise ClaimError(f"no small network has room for {mistakes} mistakes that can be told apart; expected fewer")


def random_network(random: Random) -> list[tuple[str, LayerSpec]]:
    """Return the labels and the layers of an input, two or three convolutions with pooling, and two dense layers."""
    shape: Shape = (random.choice((1, 3)), *(random.choice((28, 32, 36, 40, 48, 64)),) * 2)
    rows = [("Input", LayerSpec(LayerKind.INPUT, shape))]
    for number in range(1, random.choice((2, 3)) + 1):
        kernel = random.choice((3, 5))
        padding = random.choice((0, 0, kernel // 2))
        stride = random.choice((1, 1, 1, 2)) if number == 1 else 1
        label = f"CONV{number} (f={kernel}, s={stride}, p={padding})"
        layer = LayerSpec(
            LayerKind.CONVOLUTION,
            shape,
            channels=random.choice((6, 8, 10, 12, 16, 20, 24)) * number,
            kernel=(kernel, kernel),
            stride=(stride, stride),
            padding=(padding, padding),
        )
        pool = LayerSpec(LayerKind.POOLING, layer.output, kernel=(2, 2), stride=(2, 2))
        rows += [(label, layer), (f"POOL{number} (f=2, s=2)", pool)]
        shape = pool.output
        if shape[1] < 2 * SMALLEST_MAP:
            break
    units = sorted(random.sample(range(20, 161, 4), 2), reverse=True)
    for number, channels in enumerate(units, start=len(rows) // 2 + 1):
        rows.append((f"FC{number}", LayerSpec(LayerKind.DENSE, shape, channels=channels)))
        shape = (channels,)
    return [*rows, ("Softmax", LayerSpec(LayerKind.DENSE, shape, channels=random.choice((2, 5, 6, 10))))]


def planted_in(network: Sequence[tuple[str, LayerSpec]], random: Random, mistakes: int, seed: int) -> Quiz | None:
    """Return the network's table with so many mistakes, in different rows; None if it has no room for them."""
    cells = [right_row(label, layer) for label, layer in network]
    planted: list[tuple[str, Quantity, str]] = []
    found: tuple[ClaimedTable, CheckReport] | None = None
    taken: set[int] = set()
    for number, quantity, name, value in in_random_order(network, random):
        if len(planted) == mistakes:
            break
        column = 1 + COLUMNS.index(quantity)
        if number in taken or sum(other == name for *_, other in planted) > mistakes // 5:
            continue
        tried = [*cells]
        tried[number] = (*cells[number][:column], printed(value), *cells[number][column + 1 :])
        table = table_of_cells([HEADER, *tried], f"quiz {seed}")
        report = check(table)
        wanted = [*planted, (network[number][0], quantity, name)]
        if sorted((cell.row, cell.quantity, cell.mistake or "") for cell in report.wrong) == sorted(wanted):
            cells, planted, found = tried, wanted, (table, report)
            taken.add(number)
    return Quiz(seed, found[0], tuple(planted), found[1]) if found and len(planted) == mistakes else None


def in_random_order(
    network: Sequence[tuple[str, LayerSpec]], random: Random
) -> Iterator[tuple[int, Quantity, str, Value]]:
    """Yield every mistake that can be planted: row, quantity, name and wrong value, in the shares of the quantities."""
    left: dict[Quantity, list[tuple[int, str, Value]]] = {}
    for quantity in COLUMNS:
        found = options(network, quantity)
        once = {(number, name): value for number, name, value in random.sample(found, len(found))}
        left[quantity] = [(number, name, value) for (number, name), value in once.items()]
    while left:
        (quantity,) = random.choices([*left], [SHARES[each] for each in left])
        number, name, value = left[quantity].pop()
        yield number, quantity, name, value
        left = {each: found for each, found in left.items() if found}


def options(network: Sequence[tuple[str, LayerSpec]], quantity: Quantity) -> list[tuple[int, str, Value]]:
    found: list[tuple[int, str, Value]] = []
    for number, (_, layer) in enumerate(network):
        if number:
            right = facts_of_layer(layer)[0][quantity]
            made = shape_mistakes(layer) if quantity == "output_shape" else number_mistakes(layer, quantity)
            values = [(each.mistake, int(value) if not isinstance(value, tuple) else value) for each, value in made]
            found += [
                (number, name, value)
                for name, value in values
                if value != right and (isinstance(value, tuple) or 0 < value < LARGEST)
            ]
    return found


def right_row(label: str, layer: LayerSpec) -> tuple[str, ...]:
    values = facts_of_layer(layer)[0]
    return (label, *(printed(values[quantity]) for quantity in COLUMNS))


def printed(value: Value) -> str:
    """Return a number, or a shape with the channels last, as the lecture prints them."""
    if isinstance(value, tuple):
        extents = in_layout(value, "channels last") if len(value) > 1 else (*value, 1)
        return f"({','.join(map(str, extents))})"
    return f"{value:,}"
