"""Findings that nobody measured: deterministic, with names that an HTML page can trip over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data import ImageSet
from convstudy.statistics import SizeNeeded, uncertainty
from convstudy.statistics.grown import Looks
from convstudy.statistics.verdict import Verdict
from convstudy.study.comparisons.conclusion import conclusion
from convstudy.study.comparisons.findings import seed_by_seed
from convstudy.study.comparisons.metric_differences import with_metric_differences
from convstudy.study.comparisons.metrics import metrics_of
from convstudy.study.comparisons.results import (
    Accuracy,
    ActivationMap,
    DataDescription,
    DataFinding,
    Findings,
    MapSource,
    ModelResult,
    PairResult,
    Protocol,
    Results,
    ShownImage,
)
from convstudy.study.comparisons.shown_images import GivenAnswers
from convstudy.study.runs.result import RunResult
from convstudy.training import Epoch

Labels = npt.NDArray[np.int64]

NASTY_CLASS = "</script><script>window.broken = true</script><b>\"zero\" & 'co'"
NASTY_NETWORK = "my/<nets>/small.py:Deep&Narrow"
LONG_CLASS = "a rather long class name, with a comma"
CLASSES = (NASTY_CLASS, "1", "2", LONG_CLASS, "4", "5", "6", "$7$", "{{ 8 }}", "neun – ä")
EPOCHS = 8
COSTS = {  # parameters, MACs, activation size, input
    "net": (61_706, 416_520, 6_508, (1, 32, 32)),
    "resnet34": (21_283_530, 1_158_900_000, 1_002_634, (1, 64, 64)),
    NASTY_NETWORK: (1_204_000, 36_630_000, 88_064, (1, 32, 32)),
}
SPEEDS = {"net": (1.92, 5123.4, 0.412), "resnet34": (61.3, 187.2, 9.83), NASTY_NETWORK: (8.31, 1410.0, 1.73)}
MEASURED: dict[str, dict[str, Any]] = {  # of the network beside them nothing, as of a run of an older version
    "net": {
        "latency_p95_ms": 0.631,
        "inference_images_per_second": 20_788.1,
        "inference_batch_size": 1_024,
        "training_step_bytes": 3_349_768,
    },
    "resnet34": {
        "latency_p95_ms": 12.31,
        "inference_images_per_second": 412.6,
        "inference_batch_size": 16,
        "training_step_bytes": 1_203_122_328,
    },
}
SKILL = {"net": 0.955, "resnet34": 0.978, NASTY_NETWORK: 0.93}
NEEDED = SizeNeeded(difference=0.01, seeds=7, fewest=3, most=None, images=None)
SIZE: dict[str, Any] = {"chance": (0.031, 0.001, 0.214), "detectable": 0.0181, "needed": NEEDED, "standardized": -0.15}
ENVIRONMENT: dict[str, str | int] = {"device": "cpu", "processor": "Some <processor> & more", "torch": "2.15.0"}


def made_up_findings(networks: int = 2, seeds: int = 3, *, test_images: int = 360, unfinished: int = 0) -> Findings:
    """A comparison of `networks` networks on 10 classes, `seeds` seeds each; from the fourth on they copy `net`."""
    names = [*COSTS, *(f"net-{number}" for number in range(4, networks + 1))][:networks]
    labels = np.arange(test_images, dtype=np.int64) % len(CLASSES)
    runs = tuple(_run(name, seed, labels) for seed in range(seeds) for name in names)
    models = tuple(_model(name, runs) for name in names)
    pairs = tuple(_pair(a, b) for place, a in enumerate(models) for b in models[place + 1 :])
    answers = {
        model.name: np.array([run.predictions == run.labels for run in runs if run.model == model.name])
        for model in models
    }
    pairs = tuple(
        replace(pair, uncertainty=uncertainty(answers[pair.a], answers[pair.b]))
        for pair in (with_metric_differences(pairs, runs, Looks(())) if runs else pairs)
    )
    results = Results(
        models=models,
        comparisons=pairs,
        protocol=_protocol(seeds, test_images),
        environment=ENVIRONMENT,
        conclusion=conclusion(models, pairs, answers),
        omnibus=seed_by_seed(runs),
    )
    findings = Findings(results=results, runs=runs, unfinished=unfinished)
    return _with_images(findings, labels) if runs else findings


def _run(name: str, seed: int, labels: Labels) -> RunResult:
    random = np.random.default_rng([seed, *name.encode()])
    skill = SKILL.get(name, 0.95) + random.normal(0, 0.006)
    wrong = random.random(len(labels)) > skill
    answers = np.where(wrong, (labels + random.choice([1, 3, 5], len(labels))) % len(CLASSES), labels)
    logits = random.normal(0, 1, (len(labels), len(CLASSES))).astype(np.float32)
    logits[np.arange(len(labels)), answers] += 9
    epochs = tuple(_epoch(number, float(skill), random) for number in range(1, EPOCHS + 1))
    return RunResult(model=name, seed=seed, epochs=epochs, labels=labels, logits=logits)


def _epoch(number: int, skill: float, random: np.random.Generator) -> Epoch:
    return Epoch(
        epoch=number,
        lr=0.05 * (1 - number / EPOCHS),
        train_loss=float(0.55 + 1.9 * np.exp(-number * skill / 1.8) + random.normal(0, 0.02)),
        train_top1=float(skill * (1 - np.exp(-number))),
        validation_loss=float(0.2 + 1.6 * np.exp(-number / 2)),
        validation_top1=float(skill * (1 - 0.7 * np.exp(-number * skill)) + random.normal(0, 0.006)),
        seconds=1.5,
    )


def _model(name: str, runs: tuple[RunResult, ...]) -> ModelResult:
    per_seed = tuple(float((run.predictions == run.labels).mean()) for run in runs if run.model == name)
    mean = sum(per_seed) / len(per_seed)
    uncounted = ("aten.special_<op> in body.3",) if name == NASTY_NETWORK else ()
    top1 = Accuracy(mean, mean - 0.012, min(mean + 0.011, 1.0), per_seed)
    parameters, macs, activation_size, input_shape = COSTS.get(name, COSTS["net"])
    train_seconds, images_per_second, latency_ms = SPEEDS.get(name, SPEEDS["net"])
    return ModelResult(
        name=name,
        parameters=parameters,
        macs=macs,
        activation_size=activation_size,
        input_shape=input_shape,
        top1=top1,
        train_seconds=train_seconds,
        images_per_second=images_per_second,
        latency_ms=latency_ms,
        uncounted=uncounted,
        metrics=metrics_of([run for run in runs if run.model == name]),
        **MEASURED.get(name, {}),
    )


def _pair(a: ModelResult, b: ModelResult) -> PairResult:
    difference = a.top1.mean - b.top1.mean
    size = abs(100 * difference)
    shown = size >= 1.5
    better = (a if difference > 0 else b).name
    return PairResult(
        a=a.name,
        b=b.name,
        difference=difference,
        low=difference - 0.011,
        high=difference + 0.011,
        p_value=0.41 if not shown else 0.0004 if size > 3 else 0.0021,
        verdict=Verdict.BETTER if shown else Verdict.UNDECIDED,
        better=better if shown else None,
        **SIZE,
    )


def _protocol(seeds: int, test_images: int) -> Protocol:
    data = DataDescription(
        name="digits",
        source="scikit-learn's bundled 1,797 handwritten digits (Alpaydin & Kaynak 1998)",
        class_names=CLASSES,
        image_shape=(1, 8, 8),
        train=1_149,
        validation=288,
        test=test_images,
        mean=(0.3053,),
        std=(0.3762,),
        notes=("2 <bad> images skipped", "no image is in two parts"),
        fingerprint="sha256:4b1f0c7e9d2a",
        findings=(
            DataFinding("leak", "2 test images are also in the training set", True, (("test/<1>.png", "train/2.png"),)),
            DataFinding("imbalance", "the training set has 500 images of 1 and 20 of 2", False, ()),
        ),
        class_counts={"train": (100,) * 10, "validation": (20,) * 10, "test": (36,) * 10},
    )
    return Protocol(
        data=data,
        recipe={"epochs": EPOCHS, "batch_size": 32, "lr": 0.05, "weight_decay": 5e-4, "horizontal_flip": False},
        seeds=tuple(range(seeds)),
        command="convstudy compare net resnet34 --data digits --seeds 3 --epochs 8 --output 'runs/a & b'",
    )


def _with_images(findings: Findings, labels: Labels) -> Findings:
    pixels = np.random.default_rng(7).integers(0, 256, (len(labels), 1, 8, 8), dtype=np.uint8)
    test = ImageSet(pixels, labels, tuple(f"test/<{index}>.png" for index in range(len(labels))))
    answers = GivenAnswers(test, findings.runs)
    sources = [
        MapSource(name, layer=layer, reason="" if layer else "none of its modules has feature maps")
        for name, layer in (("net", "conv2"), ("resnet34", "layer4"), (NASTY_NETWORK, None))
        if name in {run.model for run in findings.runs}
    ]
    ramp = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4

    def mapped(image: ShownImage) -> ShownImage:
        maps = (ActivationMap(answer.model, answer.answer, ramp) for answer in image.answers[: len(sources)][:2])
        return replace(image, maps=tuple(maps))

    return replace(
        findings,
        mistaken=tuple(map(mapped, answers.most_mistaken()[:12])),
        disagreed=tuple(map(mapped, answers.most_disagreed()[:12])),
        disagreements=int(answers.differing().sum()),
        map_sources=tuple(sources),
    )
