"""Runs of a cross-validation put together: per network and repeat, the answers to all images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import lazy_loader
import numpy as np
import numpy.typing as npt

from convstudy.statistics.folds import Folds
from convstudy.study.comparisons.image_groups import groups_of
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.result import RunResult

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_loader.load("pandas")  # takes half a second, and only a cross-validation needs it

Key = tuple[str, int]  # network and seed


@dataclass(frozen=True)
class CrossValidated:
    """The answers of each network to all images, a result per repeat, and the fold in which each image was tested."""

    ids: tuple[str, ...]
    results: Mapping[str, tuple[RunResult, ...]]
    folds: Folds

    def with_whole_answers(self, read: Mapping[Key, RunResult]) -> dict[Key, RunResult]:
        """Return the runs, each with the answers of its whole repeat: a fold may be too small to judge a run by."""
        first = min(seed for _, seed in read) // self.folds.count
        return {
            (name, seed): replace(run, labels=whole.labels, logits=whole.logits, groups=whole.groups)
            for (name, seed), run in read.items()
            for whole in [self.results[name][seed // self.folds.count - first]]
        }


def whole_repeats(runs: Mapping[Key, RunFolder], folds: int) -> dict[Key, RunFolder]:
    """Return the runs of the repeats that are whole for every network that has a whole one."""
    seeds: dict[str, set[int]] = {}
    for name, seed in runs:
        seeds.setdefault(name, set()).add(seed)
    whole = {
        name: {seed // folds for seed in of_one if _of_repeat(seed, folds) <= of_one} for name, of_one in seeds.items()
    }
    whole = {name: repeats for name, repeats in whole.items() if repeats}
    common = set.intersection(*whole.values()) if whole else set()
    return {(name, seed): run for (name, seed), run in runs.items() if name in whole and seed // folds in common}


def _of_repeat(seed: int, folds: int) -> set[int]:
    first = seed - seed % folds
    return set(range(first, first + folds))


def cross_validated(runs: Mapping[Key, RunFolder], read: Mapping[Key, RunResult], folds: int) -> CrossValidated:
    """Put the runs of whole repeats together; images are in the order of the first repeat's folds."""
    names = list(dict.fromkeys(name for name, _ in runs))
    repeats = sorted({seed // folds for _, seed in runs})
    ids = {key: _ids(run) for key, run in runs.items()}
    order = [name for fold in range(folds) for name in ids[names[0], repeats[0] * folds + fold]]
    place = {name: number for number, name in enumerate(order)}
    results: dict[str, tuple[RunResult, ...]] = {}
    of = np.empty((len(repeats), len(order)), np.int64)
    for name in names:
        wholes = []
        for row, repeat in enumerate(repeats):
            keys = [(name, repeat * folds + fold) for fold in range(folds)]
            places = np.array([place[each] for key in keys for each in ids[key]])
            of[row, places] = np.repeat(np.arange(folds), [len(ids[key]) for key in keys])
            wholes.append(_joined([read[key] for key in keys], np.argsort(places)))
        results[name] = tuple(wholes)
    return CrossValidated(tuple(order), results, Folds(of, groups_of(next(iter(results.values())))))


def _ids(run: RunFolder) -> tuple[str, ...]:
    return tuple(map(str, pd.read_parquet(run.path.absolute() / "predictions.parquet", columns=["id"])["id"]))


def _joined(runs: Sequence[RunResult], order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> RunResult:
    groups = [group for run in runs for group in run.groups]
    return replace(
        runs[0],
        epochs=(),
        labels=np.concatenate([run.labels for run in runs])[order],
        logits=np.concatenate([_logits_of(run) for run in runs])[order],
        groups=tuple(groups[index] for index in order) if groups else (),
    )


def _logits_of(run: RunResult) -> npt.NDArray[np.float32]:
    assert isinstance(run.logits, np.ndarray), "a fold is never imported"
    return run.logits
