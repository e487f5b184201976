"""Findings that nobody measured: deterministic, with names that an HTML page can trip over."""

from __future__ import annotations

import numpy as np

from convstudy.study.results import (
    Accuracy,
    DataDescription,
    Findings,
    MistakenImage,
    ModelResult,
    PairResult,
    Protocol,
    Results,
    RunResult,
)
from convstudy.training import Epoch

NASTY_CLASS = "</script><script>window.broken = true</script><b>\"zero\" & 'co'"
CLASSES = (
    NASTY_CLASS,
    "1",
    "2",
    "a rather long class name, with a comma",
    "4",
    "5",
    "6",
    "$7$",
    "{{ 8 }}",
    "neun – ９",
)
TEST_IMAGES = 360
EPOCHS = 8
COSTS = {
    "net": (61_706, 416_520, 6_508, (1, 32, 32), 1.92, 5123.4, 0.412),
    "resnet34": (21_283_530, 1_158_900_000, 1_002_634, (1, 64, 64), 61.3, 187.2, 9.83),
    "my/<nets>/small.py:Deep&Narrow": (1_204_000, 36_630_000, 88_064, (1, 32, 32), 8.31, 1410.0, 1.73),
}
SKILL = {"net": 0.955, "resnet34": 0.978, "my/<nets>/small.py:Deep&Narrow": 0.93}


def made_up_findings(networks: int = 2, seeds: int = 3, unfinished: int = 0) -> Findings:
    """A comparison of 2 or 3 networks on 10 classes, `seeds` seeds each."""
    names = list(COSTS)[:networks]
    labels = np.arange(TEST_IMAGES, dtype=np.int64) % len(CLASSES)
    runs = tuple(_run(name, seed, labels) for seed in range(seeds) for name in names)
    models = tuple(_model(name, runs, labels) for name in names)
    pairs = tuple(_pair(a, b) for place, a in enumerate(models) for b in models[place + 1 :])
    return Findings(Results(models, pairs, _protocol(seeds), ENVIRONMENT), runs, _mistaken(runs, labels), unfinished)


ENVIRONMENT: dict[str, str | int] = {
    "device": "cpu",
    "processor": "Some <processor> & more",
    "cores": 2,
    "python": "3.12.3",
    "convstudy": "0.1.0",
    "torch": "2.15.0",
}


def _run(name: str, seed: int, labels: np.ndarray[tuple[int], np.dtype[np.int64]]) -> RunResult:
    random = np.random.default_rng([seed, len(name)])
    skill = SKILL[name] + random.normal(0, 0.006)
    wrong = random.random(len(labels)) > skill
    answers = np.where(wrong, (labels + random.choice([1, 3, 5], len(labels))) % len(CLASSES), labels)
    logits = random.normal(0, 1, (len(labels), len(CLASSES))).astype(np.float32)
    logits[np.arange(len(labels)), answers] += 9
    epochs = tuple(
        Epoch(
            epoch=number,
            lr=0.05 * (1 - number / EPOCHS),
            train_loss=float(0.55 + 1.9 * np.exp(-number * skill / 1.8) + random.normal(0, 0.02)),
            train_top1=float(skill * (1 - np.exp(-number))),
            validation_loss=float(0.2 + 1.6 * np.exp(-number / 2)),
            validation_top1=float(skill * (1 - 0.7 * np.exp(-number * skill)) + random.normal(0, 0.006)),
            seconds=COSTS[name][4] / EPOCHS,
        )
        for number in range(1, EPOCHS + 1)
    )
    return RunResult(name, seed, epochs, labels, logits)


def _model(name: str, runs: tuple[RunResult, ...], labels: np.ndarray[tuple[int], np.dtype[np.int64]]) -> ModelResult:
    per_seed = tuple(float((run.logits.argmax(1) == labels).mean()) for run in runs if run.model == name)
    mean = sum(per_seed) / len(per_seed)
    parameters, macs, activation_size, shape, seconds, speed, latency = COSTS[name]
    uncounted = ("aten.special_<op> in body.3",) if ":" in name else ()
    top1 = Accuracy(mean, mean - 0.012, min(mean + 0.011, 1.0), per_seed)
    return ModelResult(name, parameters, macs, activation_size, shape, top1, seconds, speed, latency, uncounted)


def _pair(a: ModelResult, b: ModelResult) -> PairResult:
    difference = a.top1.mean - b.top1.mean
    better = None if abs(difference) < 0.015 else (a.name if difference > 0 else b.name)
    p_value = 0.0004 if abs(difference) > 0.03 else 0.0021 if better else 0.41
    size = f"{abs(100 * difference):.1f} points (95 % interval {abs(100 * difference) - 1.1:.1f} to {abs(100 * difference) + 1.1:.1f})"
    other = b.name if better == a.name else a.name
    verdict = (
        f"{better} is better than {other} by {size}"
        if better
        else f"no difference shown between {a.name} and {b.name}: {size}"
    )
    return PairResult(a.name, b.name, difference, difference - 0.011, difference + 0.011, p_value, better, verdict)


def _protocol(seeds: int) -> Protocol:
    data = DataDescription(
        name="digits",
        source="scikit-learn's bundled 1,797 handwritten digits (Alpaydin & Kaynak 1998)",
        class_names=CLASSES,
        image_shape=(1, 8, 8),
        train=1_149,
        validation=288,
        test=TEST_IMAGES,
        mean=(0.3053,),
        std=(0.3762,),
        notes=("the validation part was split off the training part by seed, stratified", "2 <bad> images skipped"),
        fingerprint="sha256:4b1f0c7e9d2a",
    )
    return Protocol(
        data=data,
        recipe={
            "epochs": EPOCHS,
            "batch_size": 32,
            "lr": 0.05,
            "weight_decay": 5e-4,
            "horizontal_flip": False,
            "note": None,
        },
        seeds=tuple(range(seeds)),
        selection="The weights of the last epoch; the test part was opened once, after the last epoch.",
        intervals="Other seeds and other test images, from one t statistic on both variances.",
        tests="A paired t test over images and seeds; Holm's correction.",
        command="convstudy compare net resnet34 --data digits --seeds 3 --epochs 8 --lr 0.05 --output 'runs/a & b'",
    )


def _mistaken(
    runs: tuple[RunResult, ...], labels: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> tuple[MistakenImage, ...]:
    answers = np.array([run.logits.argmax(1) for run in runs])
    wrong = (answers != labels).sum(0)
    random = np.random.default_rng(7)
    return tuple(
        MistakenImage(
            id=f"test/<{index}>.png",
            image=random.integers(0, 256, (8, 8, 1), dtype=np.uint8),
            label=int(labels[index]),
            wrong=int(wrong[index]),
            runs=len(runs),
            usual_answer=int(np.bincount(answers[answers[:, index] != labels[index], index]).argmax()),
        )
        for index in np.argsort(-wrong, kind="stable")[:12]
        if wrong[index]
    )
