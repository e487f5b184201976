"""Provenance of runs: a comparison refuses runs that were made under another protocol, or marks them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convstudy.errors import StudyError
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.runs.conditions import conditions_in
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.identity import flattened
from convstudy.wording import reason_of

if TYPE_CHECKING:  # which imports torch; `convstudy watch` does without
    from convstudy.study.comparisons.comparison import Comparison

Record = Mapping[str, Any]


def expected_records(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """Return, by network, the conditions that each of its runs must have, except for the seed."""
    return {
        entrant.name: comparison.conditions(entrant, comparison.seeds[0]).record() for entrant in comparison.entrants
    }


def foreign_runs(expected: Mapping[str, Record], runs: Mapping[tuple[str, int], RunFolder]) -> tuple[str, ...]:
    """Return one line for each finished run that was made under another protocol than expected.

    Raises: StudyError, if a run's record cannot be read, or the run used other images or labels, so that it can never
    be compared with the others.
    """
    return tuple(_foreign(expected, runs))


def refuse_foreign(folder: ComparisonFolder, foreign: Sequence[str], *, allow_mixed: bool) -> None:
    """Check that there are no foreign runs, unless they are allowed. Raises: StudyError, with the first one."""
    if foreign and not allow_mixed:
        more = f" ({len(foreign)} such runs)" if len(foreign) > 1 else ""
        raise StudyError(
            f"{folder.path} holds a run of another protocol{more}: {foreign[0]}; delete its folder to repeat the run, "
            "or set `allow_mixed` to keep it and mark it in the report",
            setting="allow_mixed",
        )


def check_runs(comparison: Comparison, folder: ComparisonFolder, *, allow_mixed: bool = False) -> tuple[str, ...]:
    """Return one line for each run of a folder that was made under another protocol than this comparison.

    Raises: StudyError, as `foreign_runs`, or if there are such runs and they are not allowed.
    """
    runs = {(entrant.name, seed): folder.run(entrant.folder, seed) for seed, entrant in comparison.runs()}
    foreign = foreign_runs(expected_records(comparison), runs)
    refuse_foreign(folder, foreign, allow_mixed=allow_mixed)
    return foreign


def _foreign(expected: Mapping[str, Record], runs: Mapping[tuple[str, int], RunFolder]) -> Iterator[str]:
    for (name, seed), run in runs.items():
        if not run.complete:
            continue
        try:
            record = run.record()
            there, here = _flat_conditions(record), _flat_conditions({**expected[name], "seed": seed})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StudyError(
                f"{run.path / 'run.json'} cannot be read ({reason_of(error)}); delete this folder to repeat the run"
            ) from error
        if there["data_fingerprint"] != here["data_fingerprint"]:
            raise StudyError(
                f"{run.path} was made with other images or labels than this study; delete this folder to repeat the "
                "run on the data of this study"
            )
        differing = [key for key in [*here, *there] if there.get(key) != here.get(key)]
        if differing:
            key = differing[0]
            yield (
                f"{name}, seed {seed}: {key} is {there.get(key, 'not set')} there and {here.get(key, 'not set')} in "
                "the study"
            )


def _flat_conditions(record: Record) -> dict[str, str]:
    found = conditions_in(record)
    recipe = dict(found["recipe"])
    if found["lr_grid"]:
        del recipe["lr"]  # chosen from the grid
    return dict(flattened({**found, "recipe": recipe}))
