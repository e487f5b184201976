"""The same networks on several data sets: whether they rank differently, and which."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from convstudy.errors import StudyError
from convstudy.statistics import Friedman, friedman
from convstudy.statistics.verdict import LEVEL
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.results import Results
from convstudy.study.comparisons.results_file import read_results


@dataclass(frozen=True)
class RankedData:
    """One data set of a ranking: the comparison on it, and each network's mean top-1 and rank there, 1 the best."""

    folder: str
    name: str
    seeds: int
    test_images: int
    top1: tuple[float, ...]
    ranks: tuple[float, ...]
    odd: tuple[str, ...] = ()  # test images that were seen before, runs of another protocol
    command: str = ""


@dataclass(frozen=True)
class Ranking:
    """Networks over data sets, the best mean rank first; `test`'s indices are of the networks in this order."""

    networks: tuple[str, ...]
    data: tuple[RankedData, ...]
    test: Friedman

    @property
    def shown(self) -> bool:
        """Whether the networks are shown to rank differently at all."""
        return self.test.p_value < LEVEL

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Networks among which no difference is shown: Nemenyi's, or all, where Friedman's test shows none."""
        return self.test.groups if self.shown else (tuple(range(len(self.networks))),)

    def to_json(self) -> dict[str, Any]:
        """Plain values for programs; an infinite F, of the same ranks on every data set, is null."""
        value = asdict(self)
        if not math.isfinite(self.test.f_statistic):
            value["test"]["f_statistic"] = None
        return value


def rank(folders: Sequence[Path]) -> Ranking:
    """Rank the networks of finished comparisons, each on a data set of its own, by their mean top-1.

    Raises: StudyError, when one is not finished, when two are of the same data, when the networks are not the same in
    each, or are fewer than three.
    """
    read = {folder: read_results(ComparisonFolder(folder)) for folder in folders}
    _check(folders, read)
    names = [model.name for model in next(iter(read.values())).models]
    top1 = {folder: {model.name: model.top1.mean for model in results.models} for folder, results in read.items()}
    scores = np.array([[of_one[name] for name in names] for of_one in top1.values()])
    order = np.argsort(stats.rankdata(-scores, axis=1).mean(0), kind="stable")
    scores = scores[:, order]
    ranks = stats.rankdata(-scores, axis=1)
    common = Counter(results.protocol.data.name for results in read.values())
    data = tuple(
        RankedData(
            str(folder),
            name if common[name := results.protocol.data.name] == 1 else f"{name} ({folder})",
            len(results.protocol.seeds),
            results.protocol.data.test,
            tuple(of_scores.tolist()),
            tuple(of_ranks.tolist()),
            _odd(results),
            results.protocol.command,
        )
        for (folder, results), of_scores, of_ranks in zip(read.items(), scores, ranks, strict=True)
    )
    return Ranking(tuple(names[place] for place in order), data, friedman(scores, LEVEL))


def _check(folders: Sequence[Path], read: dict[Path, Results]) -> None:
    seen: dict[object, Path] = {}
    for folder in folders:
        data = read[folder].protocol.data
        for key in (data.fingerprint, (data.name, data.class_names, data.test)):
            if key in seen:
                raise StudyError(
                    f"{seen[key]} and {folder} are both on {data.name}; a ranking counts each data set once, so leave "
                    "one of them out"
                )
        seen |= dict.fromkeys((data.fingerprint, (data.name, data.class_names, data.test)), folder)
    first = folders[0]
    expected = {model.name for model in read[first].models}
    for folder in folders[1:]:
        odd = sorted(expected ^ {model.name for model in read[folder].models})
        if odd:
            where, not_in = (first, folder) if odd[0] in expected else (folder, first)
            raise StudyError(
                f"{odd[0]} is compared in {where} and not in {not_in}; a ranking needs the same networks in each"
            )
    if len(expected) < 3:
        raise StudyError(
            f"{first} compares {' and '.join(sorted(expected))} alone; a ranking needs three networks or more: of two, "
            "each data set's own report gives the difference"
        )


def _odd(results: Results) -> tuple[str, ...]:
    findings = results.protocol.data.findings or ()
    leaks = (finding.sentence for finding in findings if finding.contaminates)
    return (*leaks, *(f"of another protocol: {line}" for line in results.protocol.mixed))
