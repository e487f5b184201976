"""Ranking of the same networks on several data sets: whether they differ, and which of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from convstudy.errors import StudyError
from convstudy.statistics import Friedman, friedman
from convstudy.statistics.verdict import LEVEL
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.results import Results
from convstudy.study.comparisons.results_file import read_results
from convstudy.wording import shared_name


@dataclass(frozen=True, kw_only=True)
class RankedData:
    """One data set of a ranking: its comparison, and mean top-1 and rank of each network; 1 is the best rank."""

    folder: str
    name: str
    seeds: int
    test_images: int
    top1: tuple[float, ...]
    ranks: tuple[float, ...]
    caveats: tuple[str, ...] = ()  # test images that were seen in training, runs of another protocol
    command: str = ""  # reproduces the comparison


@dataclass(frozen=True)
class Ranking:
    """Networks in the order of their mean rank over data sets, the best first; `test` refers to them by position."""

    networks: tuple[str, ...]
    data: tuple[RankedData, ...]
    test: Friedman

    @property
    def shown(self) -> bool:
        """Whether Friedman's test shows that the networks rank differently."""
        return self.test.p_value < LEVEL

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Groups without a shown difference, by Nemenyi's test; one group of all if Friedman's test shows none."""
        return self.test.groups if self.shown else (tuple(range(len(self.networks))),)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; F is null if it is infinite, as for the same ranks on every data set."""
        value = asdict(self)
        if not math.isfinite(self.test.f_statistic):
            value["test"]["f_statistic"] = None
        return value


def rank(folders: Sequence[Path]) -> Ranking:
    """Rank the networks of finished comparisons, each on a different data set, by their mean top-1.

    Raises: StudyError, if a comparison is not finished, two use the same data, the networks are not the same in each,
    or there are fewer than three networks.
    """
    read = {folder: read_results(ComparisonFolder(folder)) for folder in folders}
    _check(folders, read)
    names = [model.name for model in next(iter(read.values())).models]
    top1 = {folder: {model.name: model.top1.mean for model in results.models} for folder, results in read.items()}
    scores = np.array([[by_network[name] for name in names] for by_network in top1.values()])
    order = np.argsort(scipy.stats.rankdata(-scores, axis=1).mean(0), kind="stable")
    scores = scores[:, order]
    ranks = scipy.stats.rankdata(-scores, axis=1)
    common = Counter(results.protocol.data.name for results in read.values())
    data = tuple(
        RankedData(
            folder=shared_name(str(folder)),
            name=name if common[name := results.protocol.data.name] == 1 else f"{name} ({shared_name(str(folder))})",
            seeds=len(results.protocol.seeds),
            test_images=results.protocol.data.test,
            top1=tuple(data_scores.tolist()),
            ranks=tuple(data_ranks.tolist()),
            caveats=_caveats(results),
            command=results.protocol.command,
        )
        for (folder, results), data_scores, data_ranks in zip(read.items(), scores, ranks, strict=True)
    )
    return Ranking(tuple(names[index] for index in order), data, friedman(scores, LEVEL))


def _check(folders: Sequence[Path], read: dict[Path, Results]) -> None:
    seen: dict[object, Path] = {}
    for folder in folders:
        data = read[folder].protocol.data
        for key in (data.fingerprint, (data.name, data.class_names, data.test)):
            if key in seen:
                raise StudyError(
                    f"{seen[key]} and {folder} both use {data.name}; a ranking counts each data set once, so remove "
                    "one of them"
                )
        seen |= dict.fromkeys((data.fingerprint, (data.name, data.class_names, data.test)), folder)
    first = folders[0]
    expected = {model.name for model in read[first].models}
    for folder in folders[1:]:
        differing = sorted(expected ^ {model.name for model in read[folder].models})
        if differing:
            where, not_in = (first, folder) if differing[0] in expected else (folder, first)
            raise StudyError(
                f"{differing[0]} is compared in {where} but not in {not_in}; a ranking needs the same networks in each"
            )
    if len(expected) < 3:
        raise StudyError(
            f"{first} compares only {' and '.join(sorted(expected))}; a ranking needs three or more networks; for two, "
            "see the difference in the report of each comparison"
        )


def _caveats(results: Results) -> tuple[str, ...]:
    findings = results.protocol.data.findings or ()
    leaks = (finding.sentence for finding in findings if finding.contaminates)
    return (*leaks, *(f"of another protocol: {line}" for line in results.protocol.mixed))
