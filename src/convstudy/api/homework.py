"""A layer table as it should be, and tables for practice, from Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.api.counting import Network, at_given
from convstudy.claims import read_table
from convstudy.claims.checking import check as check_table
from convstudy.claims.checking import corrected_tables, written
from convstudy.files import whole_file
from convstudy.report.numbers import plural

if TYPE_CHECKING:
    import pandas as pd

    from convstudy.analysis import Input
    from convstudy.claims import ClaimedTable
    from convstudy.claims.checking import CheckReport, CorrectedTable


@dataclass(frozen=True)
class Correction:
    """A layer table as it should be, with the formula beside each mended cell; `save` writes TSV, CSV or Markdown.

    `report` is the check behind it, and `tables` has one table per table of the file.
    """

    report: CheckReport
    tables: tuple[CorrectedTable, ...]

    @classmethod
    def of(cls, claimed: ClaimedTable, report: CheckReport) -> Correction:
        """Mend the wrong cells of a checked table."""
        return cls(report, tuple(corrected_tables(claimed, report)))

    @property
    def left(self) -> int:
        """Number of wrong cells that no column prints, so that they could not be mended."""
        return sum(len(table.unplaced) for table in self.tables)

    @property
    def mended(self) -> int:
        """Number of wrong cells that were mended."""
        return sum(cell.correct is not None for cell in self.report.wrong) - self.left

    def to_pandas(self) -> pd.DataFrame:
        """Return the cells as text; of several tables, all below each other, each with its header as a row."""
        import pandas as pd

        if len(self.tables) == 1:
            [table] = self.tables
            return pd.DataFrame(list(table.rows), columns=list(table.header))
        rows = [row for table in self.tables for row in (table.header, *table.rows)]
        width = max(map(len, rows))
        return pd.DataFrame([[*row, *[""] * (width - len(row))] for row in rows])

    def __repr__(self) -> str:
        return f"<Correction of {self.report.source}: {plural(self.mended, 'cell')} mended>"

    def __str__(self) -> str:
        """Return the tables in Markdown."""
        return written(self.tables, Path("table.md"))

    def _repr_markdown_(self) -> str:
        return str(self)

    def save(self, path: str | Path) -> Path:
        """Write the tables as .tsv, .csv or .md, by the ending of the path.

        Raises: ClaimError, if the ending is another one.
        """
        path = Path(path)
        text = written(self.tables, path)
        with whole_file(path) as draft:
            draft.write_text(text, encoding="utf-8", newline="\n")
        return path


def corrected(
    table: str | Path,
    model: Network | None = None,
    /,
    *inputs: Input,
    classes: int | None = None,
    **named_inputs: Any,
) -> Correction:
    r"""Return a claimed layer table as it should be: wrong cells mended, with the formula beside each.

    Without a model, cells are mended so that the table is consistent; with one, so that it describes the model.

    Raises: ClaimError, if the file cannot be read as a table; and as `summary`.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "homework.tsv"
    >>> _ = file.write_text("layer\tshape\tparameters\nInput\t(32,32,3)\t0\nCONV1 (f=5, s=1)\t(28,28,8)\t208\n")
    >>> right = corrected(file)
    >>> right
    <Correction of homework.tsv: 1 cell mended>
    >>> right.tables[0].rows[1]
    ('CONV1 (f=5, s=1)', '(28,28,8)', '608', '(5·5·3 + 1)·8 = 608')
    """
    claimed = read_table(Path(table))
    rows = None if model is None else at_given(model, inputs, named_inputs, classes).count().rows
    return Correction.of(claimed, check_table(claimed, rows))
