"""`compare --until sure` beside AdaStop and ictonyx on the same scores: what each says, and after how many runs.

    pip install --target PEERS adastop ictonyx
    convstudy compare A B --data ... --seeds 40 --output DIR
    uv run python benchmarks/until_sure_peers.py DIR [DIR+DIR ...] --peers PEERS [--orders 200] [--equal]

Each argument is a finished comparison of two networks, or several of the same ones with other seeds. Their runs are
taken in the order of the seeds, and in random orders. convstudy looks at the answers after every seed from 3 to 20,
AdaStop at top-1 after every 5 seeds up to 25 (n=5, K=5, its 10,000 permutations, level 5%); ictonyx compares a fixed
number of seeds, paired by seed, at 5%. With `--equal`, the runs of each network are compared among themselves: in a
random order, the first half against the second. Both halves are one network on the same test images.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

import convstudy
from convstudy.statistics import SequentialPlan, standing

Answers = npt.NDArray[np.bool_]
Said = tuple[str, int]  # what is said of a against b, and runs of both networks
CAP, STEP, LOOKS = 20, 5, 5
FIXED = (5, 6, 10, 20)  # seeds per network, with ictonyx


def until_sure(a: Answers, b: Answers) -> Said:
    cap = min(CAP, len(a))
    at = None
    for seeds in range(3, cap + 1):
        at = standing({"a": a[:seeds], "b": b[:seeds]}, SequentialPlan(cap=cap))
        if at.ending is not None:
            break
    assert at is not None
    pair = at.pairs[0]
    better = "a" if pair.value > 0 else "b"
    verdict = better if pair.verdict == "better" else f"{pair.verdict} ({at.ending})"
    return verdict, 2 * at.seeds


def adastop(a: Answers, b: Answers) -> Said:
    from adastop import MultipleAgentsComparator  # noqa: PLC0415 - from the folder of --peers

    looks = min(len(a) // STEP, LOOKS)
    test = MultipleAgentsComparator(n=STEP, K=looks, alpha=0.05, seed=0)
    scores = {"a": a.mean(1), "b": b.mean(1)}
    for look in range(1, looks + 1):
        test.partial_compare({name: each[: STEP * look] for name, each in scores.items()}, verbose=False)
        if test.is_finished:
            break
    [decision] = test.decisions.values()
    return {"larger": "a", "smaller": "b"}.get(decision, decision), 2 * STEP * look


def ictonyx(seeds: int) -> Callable[[Answers, Answers], Said]:
    import pandas as pd  # noqa: PLC0415
    from ictonyx.analysis import compare_two_models  # noqa: PLC0415

    def compared(a: Answers, b: Answers) -> Said:
        first, second = (pd.Series(each.mean(1)[:seeds]) for each in (a, b))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = compare_two_models(first, second, paired=True, alpha=0.05, random_state=0)
        if np.isnan(found.p_value):
            return found.test_name, 2 * seeds
        better = "a" if first.mean() > second.mean() else "b"
        return better if found.p_value < 0.05 else "no difference", 2 * seeds

    return compared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--equal", action="store_true")
    parser.add_argument("--peers", type=Path, required=True, help="folder with adastop and ictonyx")
    parser.add_argument("--orders", type=int, default=200)
    asked = parser.parse_args()
    sys.path.append(str(asked.peers))
    methods = {"convstudy, until sure": until_sure, "AdaStop": adastop}
    print("| networks | method | in the order of seeds | runs in random orders | said in random orders |")
    print("|---|---|---|---|---|")
    for folders in asked.folders:
        answers = answers_of([Path(folder) for folder in folders.split("+")])
        most = min(map(len, answers.values())) // (2 if asked.equal else 1)
        of_fixed = {f"ictonyx, {seeds} seeds": ictonyx(seeds) for seeds in FIXED if seeds <= most}
        if asked.equal:
            for name, own in answers.items():
                print_lines(f"{name}, twice", methods | of_fixed, own[::2], own[1::2], asked.orders, together=True)
        else:
            (first, a), (second, b) = answers.items()
            title = f"a: {first} {100 * a.mean():.1f}%, b: {second} {100 * b.mean():.1f}%, {len(a)} seeds"
            print_lines(title, methods | of_fixed, a, b, asked.orders)


def answers_of(folders: list[Path]) -> dict[str, Answers]:
    """Return the right answers, seeds x images by network, of all folders; a seed that several have counts once."""
    runs = {
        (run.model, run.seed): run.right for each in folders for run in convstudy.open_comparison(each).findings.runs
    }
    names = dict.fromkeys(name for name, _ in runs)
    return {name: np.stack([runs[key] for key in sorted(runs) if key[0] == name]) for name in names}


def print_lines(
    title: str,
    methods: dict[str, Callable[[Answers, Answers], Said]],
    a: Answers,
    b: Answers,
    orders: int,
    *,
    together: bool = False,
) -> None:
    for name, method in methods.items():
        stream = np.random.Generator(np.random.MT19937(1))
        said, runs = method(a, b)
        told: Counter[str] = Counter()
        used = []
        for _ in range(orders):
            first, second = a[stream.permutation(len(a))], b[stream.permutation(len(b))]
            if together:
                first, second = np.split(stream.permutation(np.concatenate([a, b])), 2)
            verdict, count = method(first, second)
            told[verdict] += 1
            used.append(count)
        each = ", ".join(f"{verdict} {100 * count / orders:.0f}%" for verdict, count in told.most_common())
        print(f"| {title} | {name} | {runs}, {said} | {np.mean(used):.1f} | {each} |", flush=True)


if __name__ == "__main__":
    main()
