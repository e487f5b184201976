"""Mistakes in the work that a cell shows: its arithmetic, and the factors of its formula."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from convstudy.claims.checking.mistakes import NamedMistake
from convstudy.claims.printed_number import PrintedNumber
from convstudy.claims.shown_work import ShownWork, factors_of


def mistake_in_work(claimed: PrintedNumber, correct: int | None) -> NamedMistake | None:
    """Return the mistake of a cell whose formula does not give the result beside it; None if it does.

    `correct` is the right value, None if it is unknown.

    >>> from convstudy.claims.printed_number import read_number
    >>> mistake_in_work(read_number("(5*5*3+1)*8 = 618"), 608).mistake
    'miscalculated'
    """
    work = claimed.work
    if work is None or work.result is None or claimed.holds(work.value):
        return None
    value = whole(work.value)
    if work.value == correct:
        return NamedMistake(
            "miscalculated", f"the formula is right, but it gives {value}, not {claimed}", f"{work.formula} = {value}"
        )
    return NamedMistake(
        "work-contradicts-result",
        f"the formula in the cell gives {value}, not {claimed}",
        f"{work.formula} = {value}",
    )


def explained_by_factors(found: Sequence[NamedMistake], work: ShownWork, formula: str) -> Iterator[NamedMistake]:
    """Yield the mistakes of a wrong cell that shows its work; if none is known, the factor that is off comes first."""
    difference = factor_difference(work.formula, formula)
    if difference and not (found and found[0].formula):
        yield NamedMistake("factor-wrong", difference, f"{work.formula} = {whole(work.value)}")
    yield from (with_factors(each, work, formula) for each in found)


def with_factors(mistake: NamedMistake, work: ShownWork, formula: str) -> NamedMistake:
    """Return a named mistake whose sentence also compares the factors of the shown formula with the right ones."""
    difference = factor_difference(work.formula, formula)
    return replace(mistake, sentence=f"{mistake.sentence}; {difference}") if difference else mistake


def factor_difference(shown: str, right: str) -> str:
    """Return the numbers that one formula has and the other has not.

    >>> factor_difference("5·5·8 + 8", "(5·5·3 + 1)·8")
    'the shown formula 5·5·8 + 8 has 8 instead of 3 and 1'
    """
    ours, theirs = Counter(factors_of(shown)), Counter(factors_of(right))
    extra, missing = sorted((ours - theirs).elements()), sorted((theirs - ours).elements(), reverse=True)
    if not missing and not extra:
        return ""
    if not extra:
        return f"the shown formula {shown} lacks the factor {listed(missing)}"
    if not missing:
        return f"the shown formula {shown} has {listed(extra)} too many"
    return f"the shown formula {shown} has {listed(extra)} instead of {listed(missing)}"


def listed(numbers: list[int]) -> str:
    return " and ".join(str(number) for number in numbers)


def whole(value: Fraction) -> str:
    return f"{int(value):,}" if value.denominator == 1 else str(value)
