"""What a person asks of a comparison, answered in plain words: which is best, is that sure, what is cheap enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convstudy.statistics import MARGIN, Noninferiority, cheapest_noninferior, noninferiority
from convstudy.statistics.variation import Answers
from convstudy.study.comparisons.results import ModelResult, PairResult, Reply
from convstudy.study.comparisons.verdict import p_value_text


def questions(
    models: Sequence[ModelResult], pairs: Sequence[PairResult], answers: Mapping[str, Answers], margin: float = MARGIN
) -> tuple[Reply, ...]:
    """The questions of a comparison of two networks or more, each with its answer; none of a single network."""
    if len(models) < 2:
        return ()
    best = max(models, key=lambda model: model.top1.mean)
    shown = noninferiority([answers[model.name] for model in models], margin)
    return (
        Reply("Which is best?", _best(best)),
        Reply("Is that sure?", _sure(best.name, pairs)),
        Reply(
            f"Which is the cheapest that is at most {_points(margin)} worse than the best?",
            _cheapest(models, shown, best, margin),
        ),
    )


def _best(best: ModelResult) -> str:
    top1 = best.top1
    return (
        f"{best.name} has the highest top-1, {100 * top1.mean:.1f} % "
        f"(95 % interval {100 * top1.low:.1f} to {100 * top1.high:.1f})."
    )


def _sure(best: str, pairs: Sequence[PairResult]) -> str:
    own = [pair for pair in pairs if best in (pair.a, pair.b)]
    beaten = [_other(pair, best) for pair in own if pair.better == best]
    level = [pair for pair in own if pair.better != best]
    if not level:
        least = max(pair.p_value for pair in own)
        others = "the other" if len(own) == 1 else f"each of the other {len(own)}"
        return f"Yes: it is shown to be better than {others} ({p_value_text(least)} or less)."
    closest = min(level, key=lambda pair: abs(pair.difference))
    better = f"It is shown to be better than {_listed(beaten)}, but" if beaten else "No: it is"
    unsure = f"{better} not shown to be better than {_listed([_other(pair, best) for pair in level])}."
    return " ".join(filter(None, [unsure, _what_it_takes(closest, best)]))


def _what_it_takes(pair: PairResult, best: str) -> str:
    """What the study could have shown of its closest pair, and how large one would have to be to show what it saw."""
    other, observed = _other(pair, best), abs(pair.difference)
    parts = []
    if pair.detectable is not None and pair.detectable >= 1:  # of top-1, which no difference exceeds
        parts.append(f"A study of this size is too small to show any difference; seen were {_points(observed)}.")
    elif pair.detectable is not None:
        parts.append(
            f"A study of this size shows a difference of {_points(pair.detectable)} from {other} in four cases of "
            f"five; seen were {_points(observed)}."
        )
    needed = [
        f"{pair.seeds_needed:,} seeds of each network" if pair.seeds_needed else "",
        f"{pair.images_needed:,} test images" if pair.images_needed else "",
    ]
    if any(needed) and observed:
        parts.append(f"To show that would take about {' or '.join(filter(None, needed))}.")
    if pair.chance is not None:
        chance = pair.chance if pair.a == best else (1 - pair.chance[0], 1 - pair.chance[2], 1 - pair.chance[1])
        value, low, high = (f"{100 * part:.0f}" for part in chance)
        parts.append(f"Trained once more, it beats {other} with a chance of {value} % (95 % interval {low} to {high}).")
    return " ".join(parts)


def _cheapest(models: Sequence[ModelResult], shown: Sequence[Noninferiority], best: ModelResult, margin: float) -> str:
    dear = float("inf")  # a network whose MACs are not known cannot be called cheap
    macs = [dear if model.macs is None else model.macs for model in models]
    place = cheapest_noninferior(shown, macs)
    if place is None:
        return (
            f"None is shown to be within {_points(margin)} of the best, whichever that is; more seeds or more test "
            "images would tell."
        )
    cheapest = models[place]
    if cheapest.name == best.name:
        return f"{best.name} itself: no cheaper network is shown to be that close."
    most = macs[models.index(best)]
    cost = f" with {most / macs[place]:.1f} times fewer MACs than {best.name}" if macs[place] < most < dear else ""
    return (
        f"{cheapest.name}{cost}: it is shown to be at most {_points(margin)} worse "
        f"({p_value_text(shown[place].p_value)}, one-sided)."
    )


def _other(pair: PairResult, name: str) -> str:
    return pair.b if pair.a == name else pair.a


def _points(fraction: float) -> str:
    number = f"{100 * fraction:.1f}".removesuffix(".0")
    return f"{number} point{'' if number == '1' else 's'}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
