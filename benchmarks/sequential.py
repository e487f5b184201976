"""How often a comparison that may stop at each seed errs, how often it finds a difference, and after how many runs.

    uv run python benchmarks/sequential.py [--studies 2000] [--only scores|images|race|grown|failing]

A look after every seed from 3 to 20 per network, at 5% over all looks. The random numbers come from the Mersenne
Twister, not from the generator of the package. Printed as Markdown tables with Monte Carlo standard errors.

scores: two networks whose accuracies over seeds are normal, on endlessly many test images; a network that fails in one
run of ten loses 5 standard deviations there.
images: two networks whose answers are drawn: an image's difficulty has a Beta distribution, a seed has its luck on the
logit scale, and half of the images are as difficult for both.
race: eight networks, scores as above, of which the best is to be named.
failing: two networks of equal means, of which the runs of one fail now and then; whether a failure was seen before a
difference was stated.
grown: two equal networks with a fixed number of seeds, to which seeds are added as long as no difference is shown.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from convstudy.statistics.grown import Looks
from convstudy.statistics.margin import ErrorParts
from convstudy.statistics.sequential import Evidence, SequentialPlan, Standing, standing_of

Scores = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator], Standing]
Found = Callable[[int], Evidence]  # two networks with so many seeds each
CAP = 20


@dataclass(frozen=True)
class Cell:
    """One setting: how a study is drawn, and which networks are the best."""

    name: str
    draw: Draw
    best: frozenset[str]  # networks that must not be dropped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--only", choices=["scores", "images", "race", "grown", "failing"])
    asked = parser.parse_args()
    if asked.only in {None, "failing"}:
        print_failing(asked.studies)
    if asked.only in {None, "grown"}:
        print_grown(asked.studies)
    parts = {"scores": scores, "images": images, "race": race}
    for name, cells in parts.items():
        if asked.only in {None, name}:
            print(f"\n| {name} | runs (90th percentile) | the best alone named, % | a best one dropped, % | endings |")
            print("|---|---|---|---|---|")
            for number, cell in enumerate(cells()):
                print(row(cell, number, asked.studies), flush=True)


def row(cell: Cell, number: int, studies: int) -> str:
    stream = np.random.Generator(np.random.MT19937(1000 + number))
    runs, named, wrong = [], 0, 0
    endings: Counter[str] = Counter()
    for _ in range(studies):
        at = cell.draw(stream)
        runs.append(len(at.remaining) * at.seeds + sum(at.dropped.values()))
        named += len(cell.best) == 1 and frozenset(at.remaining) == cell.best
        wrong += bool(cell.best - set(at.remaining))
        endings[str(at.ending)] += 1
    ends = ", ".join(f"{name} {100 * count / studies:.0f}" for name, count in endings.most_common())
    name = share(named, studies) if len(cell.best) == 1 else "-"
    mean = f"{np.mean(runs):.1f} ± {np.std(runs) / studies**0.5:.1f} ({np.percentile(runs, 90):.0f})"
    return f"| {cell.name} | {mean} | {name} | {share(wrong, studies)} | {ends} |"


def share(count: int, of: int) -> str:
    part = count / of
    return f"{100 * part:.1f} ± {100 * (part * (1 - part) / of) ** 0.5:.1f}"


def scores() -> list[Cell]:
    cells = []
    for difference in (0, 1, 2, 3):
        cells.append(two(f"{difference} SD", difference, (1, 1)))
    for ratio in (4, 9, 16):
        cells.append(two(f"0 SD, variance ratio {ratio}", 0, (1, ratio**0.5)))
    for step in (2, 3):
        cells.append(two(f"0 SD, {step} seeds per round", 0, (1, 1), step=step))
        cells.append(two(f"1 SD, {step} seeds per round", 1, (1, 1), step=step))
    cells.append(two("equal means, one fails in 1 run of 10, the other never varies", 0, (1, 0), fails=0.1))
    return cells


def two(name: str, difference: float, sds: tuple[float, float], *, step: int = 1, fails: float = 0.0) -> Cell:
    plan = SequentialPlan(cap=CAP, step=step, margin=1e-9)

    def draw(stream: np.random.Generator) -> Standing:
        a = stream.normal(difference, sds[0], CAP)
        b = stream.normal(0, sds[1], CAP) if sds[1] else np.full(CAP, 0.0)
        if fails:
            a = a * 0.2 - 5 * (stream.random(CAP) < fails) + 5 * fails
        return of_scores({"a": a, "b": b}, plan)

    return Cell(name, draw, frozenset("a") if difference else frozenset("ab"))


def of_scores(values: Mapping[str, Scores], plan: SequentialPlan) -> Standing:
    def evidence(a: str, b: str, n: int) -> Evidence:
        return evidence_of_scores(values[a][:n], values[b][:n])

    return standing_of(dict.fromkeys(values, CAP), evidence, plan, table=False)


def evidence_of_scores(a: Scores, b: Scores) -> Evidence:
    va, vb = (max(scores.var(ddof=1), 1e-12) / len(scores) for scores in (a, b))
    freedom = (va + vb) ** 2 / ((va**2 + vb**2) / (len(a) - 1))
    return Evidence(float(a.mean() - b.mean()), ErrorParts(0.0, 1e9, va + vb, freedom))


def images() -> list[Cell]:
    cells = []
    for count in (450, 2000, 10_000):
        for luck in (0.05, 0.3, 1.0):
            for concentration in (0.1, 1.0):
                cells.append(answered(count, luck, concentration, 0.0))
    for count, better in ((2000, 0.02), (10_000, 0.02), (10_000, 0.04)):
        cells.append(answered(count, 0.1, 1.0, better))
    return cells


def answered(count: int, luck: float, concentration: float, better: float) -> Cell:
    """Two networks of top-1 80% on `count` images, the first better by about `better`."""
    plan = SequentialPlan(cap=CAP)
    shift = better / 0.16 / (1 - concentration / (1 + concentration) * 0.5)

    def draw(stream: np.random.Generator) -> Standing:
        tables = drawn_answers(stream, count, luck, CAP, (shift, 0.0), concentration)
        return standing_fast(dict(zip("ab", tables, strict=True)), plan)

    name = f"{count:,} images, seeds' logit SD {luck}, Beta concentration {concentration}"
    text = f"{name}: {'equal' if not better else f'about {100 * better:.0f} points'}"
    return Cell(text, draw, frozenset("a") if better else frozenset("ab"))


def drawn_answers(
    stream: np.random.Generator, count: int, luck: float, seeds: int, abilities: tuple[float, ...], concentration: float
) -> list[npt.NDArray[np.bool_]]:
    """Return the right answers, seeds x images, of networks with these abilities."""
    shape = (0.8 * concentration, 0.2 * concentration)
    common = logit(np.clip(stream.beta(*shape, count), 1e-6, 1 - 1e-6))
    tables = []
    for ability in abilities:
        own = logit(np.clip(stream.beta(*shape, count), 1e-6, 1 - 1e-6))
        pick = stream.random(count) < 0.5  # half of the images are as hard for both
        lucks = luck * stream.standard_normal((seeds, 1))
        right = expit(np.where(pick, common, own) + ability + lucks)
        tables.append(stream.random((seeds, count)) < right)
    return tables


def standing_fast(tables: Mapping[str, npt.NDArray[np.bool_]], plan: SequentialPlan) -> Standing:
    seeds = {name: len(table) for name, table in tables.items()}
    return standing_of(seeds, lambda a, b, n: Evidence.of(tables[a][:n], tables[b][:n]), plan, table=False)


def race() -> list[Cell]:
    settings = {
        "the best ahead by 1 SD": [1, *[0] * 7],
        "the best ahead by 2 SD": [2, *[0] * 7],
        "the best ahead by 3 SD": [3, *[0] * 7],
        "steps of 1 SD": list(range(7, -1, -1)),
        "two tied, the rest 2 SD behind": [2, 2, *[0] * 6],
        "all equal": [0] * 8,
    }
    return [of_eight(name, means) for name, means in settings.items()]


def of_eight(name: str, means: list[int]) -> Cell:
    plan = SequentialPlan(cap=CAP, margin=1e-9)

    def draw(stream: np.random.Generator) -> Standing:
        return of_scores({f"n{place}": stream.normal(mean, 1, CAP) for place, mean in enumerate(means)}, plan)

    return Cell(name, draw, frozenset(f"n{place}" for place, mean in enumerate(means) if mean == max(means)))


def print_failing(studies: int) -> None:
    """Print how often a difference is stated before and after the first failed run was seen."""
    plan = SequentialPlan(cap=CAP, margin=1e-9)
    print(
        "\n| failing | SD of the others | no failure seen: studies | a difference stated | seen | a difference stated |"
    )
    print("|---|---|---|---|---|---|")
    for number, (rate, spread) in enumerate(((0.1, 0.2), (0.1, 1.0), (0.3, 0.2), (0.3, 1.0))):
        stream = np.random.Generator(np.random.MT19937(3000 + number))
        ended = np.zeros((2, 2), int)  # failure seen x difference stated
        for _ in range(studies):
            fails = stream.random(CAP) < rate
            a = spread * stream.standard_normal(CAP) - 5 * fails + 5 * rate
            at = of_scores({"a": a, "b": np.zeros(CAP)}, plan)
            ended[int(fails[: at.seeds].any()), int(bool(at.dropped))] += 1
        columns = [f"{part.sum()} | {share(part[1], part.sum())}" for part in ended]
        print(f"| {rate:.0%} | {spread} | {' | '.join(columns)} |", flush=True)


def print_grown(studies: int) -> None:
    """Print how often equal networks are called different at any look, and what the package says of it."""
    print("\n| looks at seeds | setting | stated level, % | a difference shown at any look, % | at the last look, % |")
    print("|---|---|---|---|---|")
    settings: list[tuple[str, Callable[[np.random.Generator, int], Found]]] = [
        (f"scores, variance ratio {ratio}", partial(scored, sds=(1.0, ratio**0.5))) for ratio in (1, 4, 16)
    ]
    settings += [
        (f"{count:,} images, seeds' logit SD {luck}", partial(pictured, count=count, luck=luck))
        for count in (450, 2000)
        for luck in (0.05, 0.3, 1.0)
    ]
    for looks in ((3,), (3, 5), (3, 5, 10), (2, 3, 5, 10, 20), tuple(range(3, 11))):
        rules = [Looks(looks[: 1 + place]) for place in range(len(looks))]
        for number, (name, draw) in enumerate(settings):
            stream = np.random.Generator(np.random.MT19937(2000 + number))
            shown = np.zeros((studies, len(looks)), bool)
            for study in range(studies):
                found = draw(stream, looks[-1])
                for place, (count, rule) in enumerate(zip(looks, rules, strict=True)):
                    evidence = found(count)
                    shown[study, place] = abs(evidence.value) > evidence.parts.margin(rule.level / 2)
            stated = f"{100 * rules[-1].total:.1f}"
            rates = f"{share(int(shown.any(1).sum()), studies)} | {share(int(shown[:, -1].sum()), studies)}"
            print(f"| {', '.join(map(str, looks))} | {name} | {stated} | {rates} |", flush=True)


def scored(stream: np.random.Generator, most: int, sds: tuple[float, float]) -> Found:
    a, b = (stream.normal(0, sd, most) for sd in sds)
    return lambda count: evidence_of_scores(a[:count], b[:count])


def pictured(stream: np.random.Generator, most: int, count: int, luck: float) -> Found:
    a, b = drawn_answers(stream, count, luck, most, (0.0, 0.0), concentration=1.0)
    return lambda seeds: Evidence.of(a[:seeds], b[:seeds])


if __name__ == "__main__":
    main()
