"""What a reader takes away: which network to use, how sure that is, what it costs, and what to do next.

Nothing is recommended that the verdicts do not show.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.report import numbers, sentences
from convstudy.statistics.verdict import Verdict
from convstudy.wording import listed, plural

if TYPE_CHECKING:
    from convstudy.study.comparisons.results import Conclusion, Findings, ModelResult, PairResult, Results

MORE_SEEDS = 2  # that are proposed in addition
FEW_SEEDS = 3  # below which other seeds are a guess
MOST_NAMED = 4  # networks in a headline


@dataclass(frozen=True)
class Step:
    """Something to do next, with its command."""

    what: str
    command: str


@dataclass(frozen=True)
class Fact:
    """A number of the strip: its name, its value, and a remark."""

    name: str
    value: str
    remark: str = ""


@dataclass(frozen=True)
class Card:
    """The answer of a study."""

    headline: str
    shown: bool  # whether the verdicts show what the headline recommends
    model: str | None  # the network that the other lines are about
    sure: str
    costs: str
    steps: tuple[Step, ...]
    facts: tuple[Fact, ...]


def card(findings: Findings, folder: str = "", runs: Mapping[str, str] | None = None) -> Card:
    """Return the card of a report; `runs` are the folders of the runs to use by network, in the study's `folder`."""
    results = findings.results
    headline, shown, name = _headline(results, findings.unfinished)
    models = {each.name: each for each in results.models}
    model = models.get(name) if name else None
    costs = [_costs(model, leading=not shown and len(models) > 1)] if model else []
    cheap = results.conclusion.cheapest if shown and results.conclusion else None
    if cheap is not None and cheap in models and cheap != name:  # the headline names both
        costs.append(_costs(models[cheap], leading=False))
    return Card(
        headline=headline,
        shown=shown,
        model=name,
        sure=_sure(results, findings.unfinished),
        costs=" ".join(costs),
        steps=tuple(_steps(findings, model, folder, runs or {})),
        facts=tuple(_facts(results, model)) if model else (),
    )


def _headline(results: Results, unfinished: int) -> tuple[str, bool, str | None]:
    """Return the headline, whether it is shown, and the network that it is about."""
    if not results.models:
        return "No run has finished yet", False, None
    best = max(results.models, key=lambda model: model.top1.mean)
    found = results.conclusion
    if found is None or (unfinished and results.sequential is None):
        if unfinished or len(results.models) > 1:
            return f"No answer yet: {plural(unfinished, 'run')} still missing", False, best.name
        runs = "" if len(best.top1.per_seed) > 1 else " in one run"
        return f"{best.name} reaches {numbers.percent(best.top1.mean)} top-1{runs}", False, best.name
    own = [pair for pair in results.comparisons if found.best in (pair.a, pair.b)]
    if unknown := _unknown(results, {pair.verdict for pair in own}):
        return unknown, False, found.best
    return _recommended(found, results, own)


def _unknown(results: Results, verdicts: set[Verdict]) -> str:
    """Say why the verdicts of the best network recommend none; empty if they may."""
    if results.protocol.mixed:
        return "No answer: the runs were made under different protocols"
    if Verdict.NOT_COMPARABLE in verdicts:
        return "No answer: not every network has trained properly"
    if Verdict.RUNS_ONLY in verdicts:
        return "No network is shown to be the best: one run says nothing about other seeds"
    if results.sequential is not None and results.sequential.ending is None:
        return f"No answer yet: {_named(results.sequential.remaining)} are still in"
    return ""


def _recommended(found: Conclusion, results: Results, own: Sequence[PairResult]) -> tuple[str, bool, str]:
    models = {model.name: model for model in results.models}
    winner = bool(own) and all(pair.better == found.best for pair in own)
    cheap = found.cheapest if found.cheapest in models and found.cheapest != found.best else None
    fewer = _fewer(models[cheap], models[found.best]) if cheap else ""
    worse = f"at most {numbers.percentage_points(found.margin)} worse"
    if winner and cheap:
        return f"Use {found.best}, the most accurate, or {cheap}: {worse}{fewer}", True, found.best
    if winner:
        return f"Use {found.best}: it is more accurate than {_others(results, found.best)}", True, found.best
    if cheap:
        return f"Use {cheap}: {worse} than the best{fewer}", True, cheap
    rivals = [found.best, *(_other(pair, found.best) for pair in own if pair.better is None)]
    return f"Undecided between {_named(rivals)}", False, found.best


def _others(results: Results, name: str) -> str:
    others = [model.name for model in results.models if model.name != name]
    return others[0] if len(others) == 1 else f"the other {len(others)} networks"


def _named(names: Sequence[str]) -> str:
    return listed(names) if len(names) <= MOST_NAMED else f"{len(names)} networks"


def _fewer(cheap: ModelResult, dear: ModelResult) -> str:
    """Say how many times fewer MACs a network has; empty if they are not known to be fewer."""
    if not cheap.macs or not dear.macs or cheap.macs >= dear.macs or cheap.uncounted or dear.uncounted:
        return ""
    times = dear.macs / cheap.macs
    return f", with {times:,.0f} times fewer MACs" if times >= 10 else f", with {times:.1f} times fewer MACs"


def _sure(results: Results, unfinished: int) -> str:
    if results.protocol.mixed and len(results.models) > 1:
        return "Unknown: differences between the runs are not due to the networks alone; see above."
    said = _said_of_certainty(results, unfinished)
    leaks = any(found.contaminates for found in results.protocol.data.findings or ())
    return (
        f"{said} Test images were used in training or selection: on new images, this may not hold." if leaks else said
    )


def _said_of_certainty(results: Results, unfinished: int) -> str:
    if not results.models:
        return "Nothing is known yet."
    if short := sentences.sure_in_short(results):
        return short
    if unfinished or len(results.models) > 1:
        return sentences.withheld(results) or "Not all runs are done."
    (model,) = results.models
    interval = f"95% CI {numbers.percent_interval(model.top1.low, model.top1.high)}"
    if len(model.top1.per_seed) < 2:
        return f"{interval}, which covers other test images, but not other seeds: they often differ by more."
    return f"{interval}, which covers other test images and other seeds."


def _costs(model: ModelResult, *, leading: bool) -> str:
    name = f"{model.name}, which has the highest top-1 here" if leading else model.name
    parts = list(_cost_parts(model))
    if parts:
        return f"{name}: {'; '.join(parts)}."
    return f"{name}: not known, because its predictions were imported."


def _cost_parts(model: ModelResult) -> Iterator[str]:
    bound = "at least " if model.uncounted else ""
    if model.macs is not None:
        yield f"{bound}{numbers.scaled(model.macs)} MACs per image"
    if model.parameters is not None:
        yield f"{numbers.scaled(model.parameters)} parameters"
    if model.latency_ms is not None:
        yield f"{numbers.rate(model.latency_ms)} ms per image"
    if model.train_seconds is not None:
        yield f"{numbers.rate(model.train_seconds)} s of training per run"


def _steps(findings: Findings, model: ModelResult | None, folder: str, runs: Mapping[str, str]) -> Iterator[Step]:
    protocol = findings.results.protocol
    if findings.unfinished:
        yield Step("Complete the missing runs", protocol.command)
    run = runs.get(model.name) if model else None
    if run is not None:
        path = shlex.quote("/".join(filter(None, [folder, run])))
        yield Step("Predict the classes of images", f"convstudy predict {path} photo.jpg")
    broken = any(pair.verdict is Verdict.NOT_COMPARABLE for pair in findings.results.comparisons)
    trained = bool(protocol.data.train) and protocol.folds is None and len(findings.results.models) > 1 and not broken
    if folder and trained and not findings.unfinished and protocol.until == "seeds":
        study, more = shlex.quote(f"{folder}/study.yaml"), len(protocol.seeds) + MORE_SEEDS
        more = max(more, FEW_SEEDS)
        command = f"convstudy compare --config {study} --output {shlex.quote(folder)} --seeds {more}"
        yield Step("Continue with more seeds", command)
    if run is not None:
        yield Step("Export it for other programs", f"convstudy export {path}")


def _facts(results: Results, model: ModelResult) -> Iterator[Fact]:
    top1 = model.top1
    yield Fact(
        f"Top-1 of {model.name}", numbers.percent(top1.mean), f"95% CI {numbers.percent_interval(top1.low, top1.high)}"
    )
    if pair := _closest(results, model.name):
        sign = 1 if pair.a == model.name else -1
        low, high = sorted((sign * pair.low, sign * pair.high))
        yield Fact(
            f"Difference from {_other(pair, model.name)}",
            f"{numbers.points(sign * pair.difference)} pp",
            f"95% CI {numbers.points(low)} to {numbers.points(high)}",
        )
    if model.macs is not None:
        yield Fact("MACs per image", ("≥ " if model.uncounted else "") + numbers.scaled(model.macs))
    if model.parameters is not None:
        yield Fact("Parameters", numbers.scaled(model.parameters))
    if model.latency_ms is not None:
        yield Fact("Latency", f"{numbers.rate(model.latency_ms)} ms", "one image")
    protocol = results.protocol
    tested = sentences.seeds_used(results) if protocol.folds is None else f"{protocol.folds} folds"
    yield Fact("Evidence", tested, numbers.plural(protocol.data.test, "test image"))


def _closest(results: Results, name: str) -> PairResult | None:
    """Return the pair of a network and the one whose top-1 is closest to its own; None if there is no verdict."""
    own = [
        pair for pair in results.comparisons if name in (pair.a, pair.b) and pair.verdict is not Verdict.NOT_COMPARABLE
    ]
    return min(own, key=lambda pair: abs(pair.difference), default=None)


def _other(pair: PairResult, name: str) -> str:
    return pair.b if pair.a == name else pair.a
