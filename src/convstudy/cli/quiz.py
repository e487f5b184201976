"""`convstudy quiz`: a layer table with planted mistakes, for practice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SEEDS = 1_000_000  # from which a seed is drawn if none is given


def quiz(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File for the table: .md, .tsv or .csv.", show_default=True)
    ] = Path("quiz.md"),
    seed: Annotated[
        int | None, typer.Option(help=r"The same seed gives the same quiz. \[default: drawn anew]", show_default=False)
    ] = None,
    mistakes: Annotated[int, typer.Option(help="Number of wrong cells, 1 to 8.")] = 3,
    answers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the answer sheet, in Markdown.", show_default=False)
    ] = None,
) -> None:
    """Write the layer table of a random small network with planted mistakes, and its answer sheet.

    Every planted mistake is one that `convstudy check` finds and names, so that the answers can also be had by it.
    """
    import os
    import random
    from contextlib import ExitStack

    from convstudy.claims.checking import quiz as made_quiz
    from convstudy.errors import ClaimError
    from convstudy.files import whole_file

    if answers is not None and os.path.realpath(answers) == os.path.realpath(output):
        raise ClaimError(f"--answers and --output are both {output}; choose two files")
    practice = made_quiz(random.randrange(SEEDS) if seed is None else seed, mistakes)
    files = {output: practice.text(output)}
    if answers is not None:
        files[answers] = practice.answers()
    with ExitStack() as both_or_none:
        drafts = {path: both_or_none.enter_context(whole_file(path)) for path in files}
        for path, text in files.items():
            drafts[path].write_text(text, encoding="utf-8", newline="\n")
    for path in files:
        typer.echo(str(path))
    cells = "1 cell is" if mistakes == 1 else f"{mistakes} cells are"
    typer.echo(f"seed {practice.seed}: {cells} wrong; to check: convstudy check {output}", err=True)
