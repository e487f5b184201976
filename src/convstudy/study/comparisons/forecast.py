"""What a comparison will cost and what it can show, before any run: `compare --dry-run`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import scipy

from convstudy.statistics.grown import Looks
from convstudy.statistics.margin import ErrorParts
from convstudy.statistics.power import PairVariance, detectable_difference
from convstudy.statistics.spending import level_at
from convstudy.study.comparisons.allowance import FORWARD_AND_BACKWARD, with_measured
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.comparisons.design import sequential_plan
from convstudy.study.comparisons.epoch_speed import epoch_seconds
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.ledger import Ledger, PairSpread
from convstudy.study.models.entrant import Entrant
from convstudy.study.runs.parts import training_parts

ASSUMED_SD = 0.01  # of top-1 between seeds, where no earlier runs say it
ASSUMED_DISAGREEMENT = 0.10  # share of test images on which one of two networks alone is right
FEW_SEEDS = 3  # at which pairs are ordered by how much they vary
BYTES_PER_NUMBER = 4
BYTES_PER_ANSWER = 30  # id and label of a test image; a run on digits takes 33 KB for 449 images with 10 logits each
REPORT_BYTES = 2_200_000  # most of it is Plotly's script


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """Predicted cost of one run of a network."""

    name: str
    epochs: int  # of one training
    trainings: int  # of different learning rates
    macs: int  # of training, validation and test
    macs_are_complete: bool  # otherwise some operations have no formula, and `macs` is a lower bound
    seconds: float  # at the speed of a few timed steps of one process, while no other run is active
    num_bytes: int  # that the finished run takes on disk


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What a comparison can show of two networks."""

    a: str
    b: str
    difference: float | None  # smallest true difference of top-1 shown with 80% power; None with one seed
    images_alone: float  # the same with any number of seeds: the test images do not allow less
    images_for_margin: int  # test images without which equivalence within the margin cannot be shown
    seed_sds: tuple[float, float]  # standard deviation of top-1 between seeds, of each network
    known_from: str  # `earlier runs`, `other networks` on these test images, or `assumed`


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a comparison will cost, and what it can show."""

    seeds: tuple[int, int]  # per network, fewest and most
    jobs: int  # runs at the same time
    processes_per_run: int
    done: int  # runs that the folder holds already
    runs: tuple[int, int]  # still to do, fewest and most; also below
    macs: tuple[int, int]
    seconds: tuple[float, float]
    num_bytes: tuple[int, int]  # on disk at the end
    test_images: int
    margin: float
    networks: tuple[RunCost, ...]
    pairs: tuple[Reach, ...]  # empty for folds and for images in groups, about which nothing is predicted


def forecast(comparison: Comparison, folder: ComparisonFolder) -> Forecast:
    """Return what a comparison will cost and what it can show; nothing is written.

    A few steps of each network are timed, so that the seconds are those of this machine. How much seeds vary is taken
    from the ledger of the test set in the cache folder, as `Reach.known_from` says.
    """
    comparison = with_measured(comparison, folder)
    plan = comparison.plan
    networks = tuple(_run_cost(comparison, entrant) for entrant in comparison.entrants)
    most = len(comparison.seeds)
    fewest = sequential_plan(plan.max_seeds, plan.margin / 100).first if comparison.design.sequential else most
    holds = folder.holds(comparison.identity())
    done = {key for key, run in comparison.counted(folder).items() if holds and run.complete}
    costs = {cost.name: cost for cost in networks}

    def to_do(seeds: int) -> list[RunCost]:
        keys = itertools.product(costs, comparison.seeds[:seeds])
        return [costs[name] for name, seed in keys if (name, seed) not in done]

    ends = tuple(to_do(seeds) for seeds in (fewest, most))
    return Forecast(
        seeds=(fewest, most),
        jobs=comparison.jobs,
        processes_per_run=plan.processes_per_run,
        done=len(done),
        runs=_both(len(runs) for runs in ends),
        macs=_both(sum(cost.macs for cost in runs) for runs in ends),
        seconds=(_seconds(ends[0], comparison.jobs), _seconds(ends[1], comparison.jobs)),
        num_bytes=_both(REPORT_BYTES + sum(cost.num_bytes for cost in runs) for runs in ends),
        test_images=len(comparison.data.test),
        margin=plan.margin / 100,
        networks=networks,
        pairs=_reaches(comparison, folder.looks() if holds else ()) if comparison.takes_images_as_independent else (),
    )


def _both(values: Iterable[int]) -> tuple[int, int]:
    few, many = values
    return few, many


def _seconds(runs: list[RunCost], jobs: int) -> float:
    """Return the seconds that runs take, `jobs` at a time: no less than the longest one."""
    seconds = [cost.seconds for cost in runs]
    return max(sum(seconds) / jobs, max(seconds, default=0.0))


def _run_cost(comparison: Comparison, entrant: Entrant) -> RunCost:
    plan, epochs = comparison.plan, comparison.recipe_of(entrant.name).epochs
    training, validation = (len(part) for part in training_parts(comparison.data, comparison.seeds[0]))
    test, trainings = len(comparison.data.test), max(len(plan.lr_grid), 1)
    frozen = (plan.unfreeze_at or epochs) if plan.freeze else 0  # epochs on features, which are computed once
    passes = FORWARD_AND_BACKWARD * training * (epochs - frozen) + validation * epochs * trainings + test
    passes += FORWARD_AND_BACKWARD * training * (epochs - frozen) * (trainings - 1)
    passes += (training + validation) * trainings if frozen else 0
    per_pass = epoch_seconds(comparison, entrant) / (FORWARD_AND_BACKWARD * training)
    return RunCost(
        name=entrant.name,
        epochs=epochs,
        trainings=trainings,
        macs=entrant.macs * passes,
        macs_are_complete=not entrant.uncounted,
        seconds=per_pass * passes,
        num_bytes=BYTES_PER_NUMBER * entrant.parameters
        + test * (BYTES_PER_ANSWER + BYTES_PER_NUMBER * entrant.num_classes),
    )


def _reaches(comparison: Comparison, looks: tuple[int, ...]) -> tuple[Reach, ...]:
    pairs = list(itertools.combinations([entrant.name for entrant in comparison.entrants], 2))
    known = [spread for entry in Ledger.of(comparison).entries().values() for spread in entry.spreads]
    levels = _levels(comparison, looks, max(len(pairs), 1))
    return tuple(_reach(comparison, a, b, known, levels) for a, b in pairs)


class _Levels(NamedTuple):
    """The levels of the tests of a comparison."""

    whole: float
    of_pair: float  # of many
    at_last_look: float  # of a pair


def _levels(comparison: Comparison, looks: tuple[int, ...], pairs: int) -> _Levels:
    if not comparison.design.sequential:
        level = Looks.of((*looks, len(comparison.seeds))).level
        return _Levels(level, level / pairs, level / pairs)
    plan = sequential_plan(comparison.plan.max_seeds, comparison.plan.margin / 100)
    of_pair = plan.total / pairs
    return _Levels(plan.total, of_pair, level_at(plan.looks, plan.cap, len(plan.looks) - 1, of_pair))


def _reach(comparison: Comparison, a: str, b: str, known: list[PairSpread], levels: _Levels) -> Reach:
    variance, known_from = _variance(a, b, known, len(comparison.data.test))
    seeds, images = len(comparison.seeds), len(comparison.data.test)
    only_images = ErrorParts(variance.images / images, images - 1)
    reach = -float(scipy.special.stdtrit(images - 1, levels.whole / 2))
    return Reach(
        a=a,
        b=b,
        difference=detectable_difference(variance.error(seeds, images), levels.at_last_look) if seeds > 1 else None,
        images_alone=detectable_difference(only_images, levels.of_pair),
        images_for_margin=ceil(variance.images * (100 * reach / comparison.plan.margin) ** 2),
        seed_sds=(variance.seeds[0] ** 0.5, variance.seeds[1] ** 0.5),
        known_from=known_from,
    )


def _variance(a: str, b: str, known: list[PairSpread], images: int) -> tuple[PairVariance, str]:
    """Return the variance components of a pair, and where they are known from."""
    same = [spread for spread in known if {spread.a, spread.b} == {a, b}]
    if same:
        best = max(same, key=lambda spread: spread.seeds)
        found = best.variance
        if best.a != a:
            found = PairVariance(found.images, found.seeds[::-1], found.interactions[::-1])
        return _not_zero(found, images), "earlier runs"
    if known:  # the most variable pair, to promise no more than it can show
        variances = [spread.variance for spread in known]
        found = max(variances, key=lambda variance: variance.error(FEW_SEEDS, images).standard_error)
        return _not_zero(found, images), "other networks"
    return PairVariance(ASSUMED_DISAGREEMENT, (ASSUMED_SD**2, ASSUMED_SD**2), (0.0, 0.0)), "assumed"


def _not_zero(variance: PairVariance, images: int) -> PairVariance:
    """Return variances of images of at least one differing answer, as in every difference."""
    return PairVariance(max(variance.images, 1 / images), variance.seeds, variance.interactions)
