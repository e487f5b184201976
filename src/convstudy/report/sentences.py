"""The results of a comparison in sentences, made from values, for the terminal, the report and documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from statistics import stdev
from typing import TYPE_CHECKING

from convstudy.report import numbers
from convstudy.report.health import failure_limit
from convstudy.report.numbers import percentage_points
from convstudy.statistics import MARGIN
from convstudy.statistics.power import MOST_SEEDS
from convstudy.statistics.sequential import Ending
from convstudy.statistics.verdict import Verdict
from convstudy.study.comparisons.design import design_of
from convstudy.wording import listed, plural

if TYPE_CHECKING:
    from convstudy.statistics import SizeNeeded
    from convstudy.study.comparisons.results import (
        Conclusion,
        DataDescription,
        ModelResult,
        PairResult,
        Protocol,
        Results,
        SequentialOutcome,
    )


WIDE_SEEDS = 1.0  # standard deviation of the seeds' top-1 in logits; benchmarks/coverage.py has 1.5
FALSE_ALARMS_OF_WIDE_SEEDS = 9  # percent, as measured: docs/statistics.md
TIED = 1e-9  # difference of top-1 that is one of rounding, less than that of an image
MANY_OPEN = 3  # pairs of a network that are not comparable, which are then one sentence
SMALLEST_SHOWN = 0.0005  # difference of top-1 that is not rounded to 0.0 percentage points


@dataclass(frozen=True)
class Reply:
    """A question that a reader has, and its answer."""

    question: str
    answer: str


def verdict(
    pair: PairResult,
    *,
    pairs: int = 1,
    margin: float = MARGIN,
    together: bool = True,
    runs: tuple[int, int] = (1, 1),
) -> str:
    """Say what is shown of two networks; with more than one of `pairs`, p-values are adjusted.

    `together` says whether the intervals of all pairs hold together, too; `runs` are the numbers of runs of the two
    networks, of which nothing but these runs is compared if one of them is 1.

    >>> from convstudy.study.comparisons.results import PairResult
    >>> from dataclasses import replace
    >>> limits = {"low": -0.030, "high": -0.008, "p_value": 0.002}
    >>> better = {"verdict": Verdict.BETTER, "better": "resnet34"}
    >>> verdict(PairResult(a="net", b="resnet34", difference=-0.019, **limits, **better))
    'resnet34 is better than net by 1.9 percentage points (95% CI 0.8 to 3.0, p = 0.002)'
    >>> verdict(PairResult(a="net", b="resnet34", difference=-0.019, **limits, verdict=Verdict.UNDECIDED))
    'No difference shown between net and resnet34: resnet34 leads by 1.9 percentage points (95% CI 0.8 to 3.0, p = 0.002)'
    >>> for within in (0.03, 1.0):  # within 100 points any two networks are equal
    ...     pair = PairResult(a="net", b="resnet34", difference=-0.019, **limits, verdict=Verdict.UNDECIDED)
    ...     print(verdict(replace(pair, equivalent_within=within)).partition("; ")[2])
    they are shown to be equal within 3 percentage points
    <BLANKLINE>
    """  # noqa: E501
    ahead, behind = (pair.a, pair.b) if pair.difference >= 0 else (pair.b, pair.a)
    low, high = (pair.low, pair.high) if pair.difference >= 0 else (-pair.high, -pair.low)
    adjusted = " after Holm's correction" if pairs > 1 else ""
    of_all = f" for all {pairs} pairs together" if together and pairs > 1 else ""
    limits = f"{_negative(100 * low)} to {_negative(100 * high)}{of_all}"
    alone = " of this pair alone" if pairs > 1 and not together else ""
    how_sure = f"95% CI{alone} {limits}, {p_value(pair.p_value)}{adjusted}"
    size = f"{100 * abs(pair.difference):.1f} percentage points"
    if pair.verdict is Verdict.BETTER:
        return f"{ahead} is better than {behind} by {size} ({how_sure})"
    if pair.verdict is Verdict.NOT_COMPARABLE:
        return f"{pair.a} and {pair.b} are not comparable yet; see what is wrong with the runs"
    lead = f"{ahead} leads by {size}"
    if abs(pair.difference) < SMALLEST_SHOWN:
        lead = "equal top-1" if pair.difference == 0 else f"{ahead} leads by less than 0.1 percentage points"
    if pair.verdict is Verdict.EQUIVALENT:
        return f"{pair.a} and {pair.b} are equivalent within {percentage_points(margin)}: {lead} ({how_sure})"
    if pair.verdict is Verdict.RUNS_ONLY:
        these = "these two runs" if runs == (1, 1) else "these runs"
        counts = "One run each" if runs == (1, 1) else f"{runs[0]} and {plural(runs[1], 'run')}"
        sure = f"shown for {these}" if pair.p_value < pair.level else f"not shown even for {these}"
        return f"{counts} of {pair.a} and {pair.b}: {lead}, {sure} ({how_sure}); other seeds can differ"
    within = pair.equivalent_within
    equal = "" if within is None or within >= 1 else f"; they are shown to be equal within {percentage_points(within)}"
    return f"No difference shown between {pair.a} and {pair.b}: {lead} ({how_sure}){equal}"


def verdict_in(results: Results, pair: PairResult) -> str:
    """Say what a comparison shows of two of its networks."""
    seeds = {model.name: len(model.top1.per_seed) for model in results.models}
    return verdict(
        pair,
        pairs=len(results.comparisons),
        margin=results.protocol.margin,
        together=results.sequential is None,
        runs=(seeds.get(pair.a, 1), seeds.get(pair.b, 1)),
    )


def verdicts_in(results: Results, pairs: Sequence[PairResult]) -> list[tuple[PairResult, str]]:
    """Say what a comparison shows of some pairs; those of one network that are not comparable are one sentence."""
    open_ = [pair for pair in pairs if pair.verdict is Verdict.NOT_COMPARABLE]
    shared = set.intersection(*({pair.a, pair.b} for pair in open_)) if open_ else set()
    if len(open_) < MANY_OPEN or len(shared) != 1:
        return [(pair, verdict_in(results, pair)) for pair in pairs]
    [name] = shared
    others = listed([pair.b if pair.a == name else pair.a for pair in open_])
    said = [(pair, verdict_in(results, pair)) for pair in pairs if pair not in open_]
    return [*said, (open_[0], f"{name} is not comparable yet with {others}; see what is wrong with the runs")]


def replies(results: Results) -> tuple[Reply, ...]:
    """Answer the questions of a reader: which network is best, whether that is sure, which cheaper one is as good."""
    found = results.conclusion
    if found is None:
        return ()
    models = {model.name: model for model in results.models}
    best = models[found.best]
    unknown = _unknown(found, results)
    within = f"{percentage_points(found.margin)} worse than the best"
    return (
        Reply("Which network is best?", _best(best, found, results.models)),
        Reply("Is that sure?", unknown or " ".join(_sure(found, results))),
        Reply(
            f"Which is the cheapest network that is at most {within}?",
            unknown.partition(":")[0] + ", for the same reason." if unknown else _cheapest(found, models, results),
        ),
    )


def _best(best: ModelResult, found: Conclusion, networks: Sequence[ModelResult]) -> str:
    """Say the highest top-1, with an interval that allows for its being the highest of several."""
    equal = [model.name for model in networks if model is best or abs(model.top1.mean - best.top1.mean) < TIED]
    if len(equal) > 1:
        return f"{listed(equal)} have the same top-1, {100 * best.top1.mean:.1f}%, the highest."
    low, high = found.best_interval or (best.top1.low, best.top1.high)
    chosen = f", adjusted for being the highest of {len(networks)}" if found.best_interval else ""
    limits = numbers.percent_interval(low, high)
    return f"{best.name} has the highest top-1, {100 * best.top1.mean:.1f}% (95% CI {limits}{chosen})."


def uncertainty(pair: PairResult) -> str:
    """Say where the uncertainty of a difference comes from, and what would reduce it; empty for single runs.

    >>> from convstudy.statistics import Uncertainty
    >>> parts = {"seeds": 0.62, "images": 0.3, "interaction": 0.08}
    >>> margins = {"margin": 0.018, "margin_with_seeds": 0.011, "margin_with_images": 0.017}
    >>> found = {"difference": 0.01, "low": 0, "high": 0, "p_value": 1, "verdict": Verdict.UNDECIDED}
    >>> from convstudy.study.comparisons.results import PairResult
    >>> uncertainty(PairResult(a="a", b="b", **found, uncertainty=Uncertainty(**parts, **margins)))
    'a minus b: 62% of the variance is from seeds, 30% from test images, 8% from their interaction. The 95% CI of this pair alone is ±1.8 pp; twice the seeds would make it ±1.1 pp, twice the test images ±1.7 pp: add seeds.'
    """  # noqa: E501
    found = pair.uncertainty
    if found is None:
        return ""
    shares = (
        f"{_percent(found.seeds)} of the variance is from seeds, {_percent(found.images)} from test images, "
        f"{_percent(found.interaction)} from their interaction"
    )
    more = "add test images" if found.more_images else "add seeds"
    return (
        f"{pair.a} minus {pair.b}: {shares}. The 95% CI of this pair alone is ±{pp(found.margin)}; twice the seeds "
        f"would make it ±{pp(found.margin_with_seeds)}, twice the test images ±{pp(found.margin_with_images)}: {more}."
    )


def far_apart(results: Results) -> str:
    """Say which networks have seeds so far apart that the level of the tests is not kept; empty if there are none."""
    wide = [model for model in results.models if spread_in_logits(model.top1.per_seed) > WIDE_SEEDS]
    if not wide:
        return ""
    each = [
        f"{model.name} ({numbers.percent_interval(min(model.top1.per_seed), max(model.top1.per_seed))}%)"
        for model in wide
    ]
    return (
        f"The seeds of {listed(each)} are far apart. If a few of them are much worse than the others, the tests of a "
        f"difference raise false alarms in up to {FALSE_ALARMS_OF_WIDE_SEEDS}% instead of 5% (docs/statistics.md): "
        "look for runs that failed, or train more seeds."
    )


def spread_in_logits(top1: Sequence[float]) -> float:
    """Return the standard deviation of the logits of top-1 over seeds; 0 for a single seed."""
    if len(top1) < 2:
        return 0.0
    return stdev(log(share / (1 - share)) for share in (min(max(each, 1e-3), 1 - 1e-3) for each in top1))


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _unknown(found: Conclusion, results: Results) -> str:
    """Say why nothing is known about the best network; empty if something is."""
    verdicts = {pair.verdict for pair in results.comparisons if found.best in (pair.a, pair.b)}
    if Verdict.NOT_COMPARABLE in verdicts:
        return "Unknown: not every network has trained properly; see what is wrong with the runs."
    if Verdict.RUNS_ONLY in verdicts:
        return (
            "Unknown: of a network with one run, only this run is compared. Other seeds can differ by more than the "
            "interval says; train at least 3 seeds per network."
        )
    return ""


def sure_in_short(results: Results) -> str:
    """Say in a sentence whether it is sure which network is best; empty without a conclusion."""
    found = results.conclusion
    if found is None:
        return ""
    return _unknown(found, results) or _sure(found, results)[0]


def _sure(found: Conclusion, results: Results) -> tuple[str, ...]:
    """Return whether it is sure that the best network is the best, and sentences that say more."""
    own = [pair for pair in results.comparisons if found.best in (pair.a, pair.b)]
    if results.sequential is not None:
        return _how_it_ended(results.sequential, results)
    undecided = [pair for pair in own if pair.better != found.best]
    if not undecided:
        least = max(pair.p_value for pair in own)
        others = "the other network" if len(own) == 1 else f"each of the other {len(own)} networks"
        bound = p_value(least) if len(own) == 1 else p_value(least).replace("=", "≤")
        return (f"Yes: {found.best} is shown to be better than {others} ({bound}).",)
    closest = min(undecided, key=lambda pair: abs(pair.difference))
    begin = f"No: {found.best} is"
    if found.beaten:
        begin = f"{found.best} is shown to be better than {listed(found.beaten)}, but"
    others = listed([_other(pair, found.best) for pair in undecided])
    unsure = f"{begin} not shown to be better than {others}."
    return (unsure, *filter(None, [_what_it_takes(closest, found.best)]))


def _how_it_ended(went: SequentialOutcome, results: Results) -> tuple[str, ...]:
    """Say why no more seeds were trained, and what that shows."""
    seeds, level = plural(went.seeds, "seed"), f"{100 * went.level:.0f}%"
    level += f", over all {len(went.looks)} possible looks" if len(went.looks) > 1 else ""
    holds = f"The level of the tests is {level}, for networks whose runs all train."
    holds += f" {limit}" if (limit := failure_limit(results)) else ""
    more = "a new comparison with more seeds (--max-seeds) can"
    if went.images_needed:
        more = f"about {went.images_needed:,} test images would be needed"
    parts: list[str] = []
    if went.ending is Ending.ONE_LEFT:
        text = f"Yes: after {seeds}, {went.remaining[0]} is the only network not shown to be worse than another one."
        parts = [holds, "A difference that ends a study early is overestimated on average."]
    elif went.ending is Ending.DECIDED:
        within = f"equivalent within {percentage_points(results.protocol.margin)}"
        every = f"every two of {listed(went.remaining)} are shown to be different or {within}"
        two = f"{listed(went.remaining)} are shown to be {within}, so either can be the best"
        text = f"After {seeds}, {two if len(went.remaining) == 2 else every}."
        parts = [holds]
    elif went.ending is Ending.HOPELESS_IMAGES:
        needed = f"; {more}" if went.images_needed else ""
        text = f"No: stopped after {seeds}, because {results.protocol.data.test:,} test images are too few to decide "
        text += f"between {listed(went.remaining)}, however many seeds are trained{needed}."
    elif went.ending is Ending.HOPELESS_SEEDS:
        text = f"No: stopped after {seeds}, because up to {went.looks[-1]} seeds are unlikely to decide between "
        text += f"{listed(went.remaining)}; {more}."
    elif went.ending is Ending.CAP:
        text = f"No: {went.looks[-1]} seeds did not decide between {listed(went.remaining)}; {more}."
    else:
        text = f"Not yet: {listed(went.remaining)} are still in; repeat the command to continue."
    out = [f"{name} (after {plural(count, 'seed')})" for name, count in went.dropped.items()]
    if out and went.ending is not Ending.ONE_LEFT:
        parts.append(f"Shown not to be the best: {listed(out)}.")
    return text, *parts


def size_needed(found: SizeNeeded) -> str:
    """Say how many seeds, or test images, would show a difference that matters.

    >>> from convstudy.statistics import SizeNeeded
    >>> size_needed(SizeNeeded(difference=0.01, seeds=19, fewest=6, most=None, images=None))
    'To show a difference of 1 percentage point (--margin) with 80% power would take about 19 seeds per network (95% CI 6 to more than 1,000).'
    >>> size_needed(SizeNeeded(difference=0.01, seeds=None, fewest=None, most=None, images=3080))
    'These test images cannot show a difference of 1 percentage point (--margin) with 80% power, however many seeds are trained: about 3,080 would be needed.'
    """  # noqa: E501
    what = f"a difference of {percentage_points(found.difference)} (--margin) with 80% power"
    if found.fewest is None:
        more = f": about {found.images:,} would be needed" if found.images else ""
        return f"These test images cannot show {what}, however many seeds are trained{more}."
    about = f"about {found.seeds:,}" if found.seeds else f"more than {MOST_SEEDS:,}"
    most = f"{found.most:,}" if found.most else f"more than {MOST_SEEDS:,}"
    return f"To show {what} would take {about} seeds per network (95% CI {found.fewest:,} to {most})."


def _what_it_takes(pair: PairResult, best: str) -> str:
    """Say what the study could have shown of its closest pair, and how large one would have to be to show the rest."""
    other, observed = _other(pair, best), abs(pair.difference)
    parts = []
    if pair.detectable is not None and pair.detectable >= 1:  # of top-1, which no difference exceeds
        parts.append(f"A study of this size is too small to show any difference; the observed one is {pp(observed)}.")
    elif pair.detectable is not None:
        parts.append(
            f"A study of this size shows a difference of {pp(pair.detectable)} from {other} with 80% power; the "
            f"observed difference is {pp(observed)}."
        )
    if pair.needed is not None:
        parts.append(size_needed(pair.needed))
    if pair.uncertainty is not None:
        parts.append(f"Where the uncertainty comes from: {uncertainty(pair)}")
    if pair.chance is not None:
        chance = pair.chance if pair.a == best else (1 - pair.chance[0], 1 - pair.chance[2], 1 - pair.chance[1])
        value, low, high = (f"{100 * part:.0f}" for part in chance)
        parts.append(
            f"On a new seed, {best} is expected to beat {other} on these test images with {value}% probability (95% CI "
            f"{low} to {high})."
        )
    return " ".join(parts)


def _cheapest(found: Conclusion, models: dict[str, ModelResult], results: Results) -> str:
    if found.cheapest is None:
        own = [pair.needed for pair in results.comparisons if found.best in (pair.a, pair.b)]
        forbidden = any(each is not None and each.fewest is None for each in own)  # by these test images
        needed = "more test images" if forbidden else "more seeds or more test images"
        needed = "more images" if results.protocol.folds is not None else needed
        return (
            f"No network is shown to be within {percentage_points(found.margin)} of the best one; {needed} are needed."
        )
    unknown = [name for name, model in models.items() if model.macs is None]
    if found.cheapest in unknown:
        return f"Unknown: the MACs of {listed(unknown)} are not known."
    if found.cheapest == found.best:
        without = f" The MACs of {listed(unknown)} are not known." if unknown else ""
        return f"{found.best} itself: no cheaper network is shown to be that close.{without}"
    cheap, dear = models[found.cheapest].macs, models[found.best].macs
    cost = f", with {dear / cheap:.1f} times fewer MACs than {found.best}" if cheap and dear and cheap < dear else ""
    return f"{found.cheapest}{cost}: it is shown to be at most {percentage_points(found.margin)} worse" + (
        "." if found.cheapest_p is None else f" ({p_value(found.cheapest_p)}, one-sided)."
    )


def is_shown(pair: PairResult) -> bool:
    """Return whether something is shown of two networks: a difference, or that there is none above the margin."""
    return pair.better is not None or pair.verdict is Verdict.EQUIVALENT


def seeds_used(results: Results) -> str:
    """Say how many seeds the networks have; some may have fewer than others."""
    counts = [len(model.top1.per_seed) for model in results.models] or [0]
    most = plural(max(counts), "seed")
    return f"{min(counts)} to {most}" if min(counts) < max(counts) else most


def withheld(results: Results) -> str:
    """Say why there is no verdict on networks that have finished runs; empty if there is one."""
    if results.comparisons or results.sequential or len(results.models) < 2:
        return ""
    return "No verdict yet: it is given when all runs are done; a look at a part of them would add false alarms."


def level(results: Results) -> str:
    """Say at which level the verdicts hold if seeds were added after results had been seen; empty otherwise.

    >>> from types import SimpleNamespace
    >>> level(SimpleNamespace(looks=SimpleNamespace(seeds=(3, 5), level=0.0307, total=0.0657)))
    'Results were seen with 3 and 5 seeds per network. Intervals and p-values are adjusted for 2 looks (the last one tests at 3.1%). If seeds are added until a difference is shown, equal networks are called different in about 6.6% of comparisons, not in 5%; --until sure keeps 5%.'
    """  # noqa: E501
    if results.looks is None:
        return ""
    seen = listed([str(count) for count in results.looks.seeds])
    number = len(results.looks.seeds)
    return (
        f"Results were seen with {seen} seeds per network. Intervals and p-values are adjusted for {number} looks "
        f"(the last one tests at {100 * results.looks.level:.1f}%). If seeds are added until a difference is shown, "
        f"equal networks are called different in about {100 * results.looks.total:.1f}% of comparisons, not in 5%; "
        "--until sure keeps 5%."
    )


def opened(results: Results) -> str:
    """Say how many comparisons have opened the test set, as far as it is known; empty for the first one.

    >>> from types import SimpleNamespace
    >>> opened(SimpleNamespace(test_set=SimpleNamespace(comparison=22)))
    'at least the 22nd comparison on these test images'
    """
    if results.test_set is None or results.test_set.comparison < 2:
        return ""
    return f"at least the {numbers.ordinal(results.test_set.comparison)} comparison on these test images"


def selection(protocol: Protocol) -> str:
    """Say what was selected on the validation set, and when the test set was opened."""
    if not protocol.data.train:
        return "Unknown: the predictions were imported."
    if protocol.folds is not None:
        opened = "after the last epoch of its last training" if protocol.lr_grid else "after its last epoch"
        chosen = (
            f"The learning rate is selected from {listed([f'{lr:g}' for lr in protocol.lr_grid])} by each run on its "
            "own validation set. "
            if protocol.lr_grid
            else "Nothing is selected: the weights after the last epoch are tested. "
        )
        return (
            f"{chosen}Every image is tested once per repeat, by a run that was not trained on it: each run tests one "
            f"of {protocol.folds} stratified folds, once, {opened}, and splits a validation set off the others."
        )
    whence = "split off the training set, by seed" if protocol.validation_split else "of the data"
    grid = protocol.lr_grid
    if not grid:
        return (
            "Nothing is selected: the weights after the last epoch are tested. Each run opens the test set once, after "
            f"its last epoch. The validation set ({whence}) is used for the learning curves only."
        )
    return (
        f"The learning rate is selected, for each network and seed, from the same grid of "
        f"{listed([f'{lr:g}' for lr in grid])}: one training with each, and the highest top-1 on the validation set "
        f"after it (of equals, the lower loss). The validation set ({whence}) serves that choice and the learning "
        "curves. The weights of the chosen training are tested; each run opens the test set once, after the last epoch "
        f"of its last training. Training seconds are those of all {len(grid)} trainings."
    )


def sample(images: int, groups: int | None, kind: str = "image") -> str:
    """Say the number of images, and what they are assumed to be.

    >>> sample(449, None), sample(449, 45, "test image")
    ('449 images, taken as independent', '449 test images in 45 groups')
    """
    return (
        f"{plural(images, kind)}, taken as independent"
        if groups is None
        else f"{plural(images, kind)} in {groups:,} groups"
    )


def basis(results: Results) -> str:
    """Say what a comparison rests on: seeds or folds, and images."""
    protocol, data = results.protocol, results.protocol.data
    tested = sample(data.test, data.test_groups, "test image")
    if protocol.folds is None:
        return f"{seeds_used(results)} and {tested}"
    repeated = "" if protocol.repeats == 1 else f", repeated {protocol.repeats} times,"
    return f"{protocol.folds}-fold cross-validation{repeated} of {tested}"


def assumption(data: DataDescription) -> str:
    """Say what the test images are assumed to be."""
    if data.test_groups is None:
        return (
            "The test images are taken as independent of each other. If several are of one patient, writer, video or "
            "the like, intervals are too narrow and differences are shown too often; name the groups by --group-by or "
            "a column named “group”."
        )
    return (
        f"The {plural(data.test, 'test image')} are of {data.test_groups:,} groups. Images of a group may depend on "
        "each other, and groups are taken as independent: they, not images, are the sample. Answers are added up by "
        "group (Liang & Zeger 1986), with the bias and the degrees of freedom that follow from the sizes of the groups "
        "(Bell & McCaffrey 2002)."
    )


def intervals(results: Results) -> str:
    """Say which sources of variation the intervals cover, and how."""
    protocol = results.protocol
    grouped = protocol.data.test_groups is not None
    images = "other groups of test images" if grouped else "other test images of the same kind"
    if design_of(protocol.until).sequential:
        return (
            "Seeds were added until the comparison was sure. Intervals of differences are repeated confidence "
            f"intervals: they cover other seeds and {images} with 95% at all looks together (Jennison & "
            "Turnbull 1989; spending by Lan & DeMets 1983). Intervals of top-1 are not adjusted for the looks."
        )
    if protocol.folds is not None:
        return (
            f"95% confidence intervals are for networks trained on {protocol.folds - 1} of {protocol.folds} folds of "
            f"such data, and cover {images}, other seeds and other training sets. The training sets of the "
            f"{protocol.folds * protocol.repeats} runs per network overlap, for which the variance of the folds is "
            "increased (Nadeau & Bengio 2003). The margins for runs and for images, each with its own quantile of "
            "Student's t, are combined in quadrature."
        )
    if _single_runs(results):
        single = "Wilson 1927 with an effective number of images; Student's t" if grouped else "Wilson 1927; Tango 1998"
        return (
            f"95% confidence intervals cover one source of variation, {images} ({single}). With a single seed nothing "
            "can be said about other seeds, which often differ by more: use three or more."
        )
    counts = [len(model.top1.per_seed) for model in results.models]
    single = " Of a network with one run, they cover no other seeds." if min(counts) == 1 else ""
    return (
        "95% confidence intervals cover two sources of variation: other seeds (initialization, validation split, "
        f"shuffling, augmentation and dropout) and {images}. The variance of each is "
        f"estimated from the table of right and wrong answers, seeds by {'groups' if grouped else 'test images'}, as "
        "for readers and cases in medical imaging (Obuchowski & Rockette 1995; Hillis 2007). The two margins, each "
        "with its own quantile of Student's t, are combined in quadrature (Howe 1974; Zou & Donner 2008); intervals of "
        f"top-1 are Wilson's with an effective number of images (Korn & Graubard 1998).{single}"
    )


def _single_runs(results: Results) -> bool:
    return max((len(model.top1.per_seed) for model in results.models), default=0) < 2


def p_values(results: Results) -> str:
    """Say how p-values are computed."""
    protocol, networks = results.protocol, len(results.models)
    adjusted = (
        " They are adjusted for the number of pairs by Holm's method, and the intervals by Bonferroni's, so that all "
        "intervals hold together with 95%; where only Holm's method shows a difference, its interval ends at zero "
        "(Strassburger & Bretz 2008)."
        if networks > 2 and protocol.until != "sure"
        else " They are adjusted for the number of pairs by Holm's method."
        if networks > 2
        else ""
    )
    if design_of(protocol.until).sequential:
        return "p-values are the levels at which a look first shows a difference, over all looks." + adjusted
    if protocol.folds is not None:
        return "p-values test whether two networks have equal top-1, by the same margins, paired by image." + adjusted
    if _single_runs(results):
        test = "McNemar's exact test" if protocol.data.test_groups is None else "Student's t over groups"
        return f"p-values test whether two runs have equal top-1, by {test}, paired by test image." + adjusted
    return (
        "p-values test whether two networks have equal top-1, by the margins of the difference's interval, paired by "
        "test image." + adjusted
    )


BUDGETS = {
    "images": "training images seen",
    "macs": "training MACs, three times those of the forward pass per image",
    "seconds": "training seconds, at the speed measured before the first run",
}


def budget(kind: str, amount: float, epochs: dict[str, int], used: dict[str, float]) -> str:
    """Say how an equal budget is counted, and the epochs that follow from it.

    Source: a backward pass takes as many MACs again by the weights and by the activations (Amodei & Hernandez 2018,
    AI and compute).

    >>> budget("images", 100_000, {"net": 2}, {"net": 0.9})
    'Each training gets 100,000 training images seen. Whole epochs within it, and the share that they use: net 2 (90%).'
    """
    each = "; ".join(f"{name} {epochs[name]} ({100 * used[name]:.0f}%)" for name in epochs)
    share = f"Whole epochs within it, and the share that they use: {each}."
    return f"Each training gets {amount:,.6g} {BUDGETS[kind]}. {share}"


def budget_of(protocol: Protocol) -> str:
    """Say the budget of a study; empty if it has none."""
    if not protocol.budget:
        return ""
    kind, _, amount = protocol.budget.partition("=")
    return budget(kind, float(amount), dict(protocol.epochs), dict(protocol.budget_used))


def p_value(value: float) -> str:
    """Write a p-value with its sign.

    >>> [p_value(p) for p in (0.0004, 0.0021, 0.41)]
    ['p < 0.001', 'p = 0.002', 'p = 0.41']
    """
    text = numbers.p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def pp(fraction: float) -> str:
    """Write a difference of fractions of 1 in percentage points.

    >>> pp(0.0312)
    '3.1 pp'
    """
    return f"{100 * fraction:.1f} pp"


def _negative(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def _other(pair: PairResult, name: str) -> str:
    return pair.b if pair.a == name else pair.a
