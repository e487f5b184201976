"""What a comparison found: the records behind `results.json`, the tables and the report.

Accuracies are fractions of 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from convstudy.study.runs.result import RunResult


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy on the test part: the mean over seeds, its 95 % interval, and each seed's own value."""

    mean: float
    low: float
    high: float
    per_seed: tuple[float, ...]


@dataclass(frozen=True)
class Metric:
    """Another metric on the test part, as `Accuracy`; without limits where there is no honest interval."""

    mean: float
    low: float | None
    high: float | None
    per_seed: tuple[float, ...]


@dataclass(frozen=True)
class ModelResult:
    """One network: what it costs and what it reaches. Seconds, images/s and percentiles are means over the seeds.

    Of one whose predictions were imported, what nobody measured here is None, and so is what an older version's runs do
    not say.
    """

    name: str
    parameters: int | None
    macs: int | None  # of one image's forward pass
    activation_size: int | None  # elements of one image's activations
    input_shape: tuple[int, int, int] | None  # channels x height x width
    top1: Accuracy
    train_seconds: float | None  # of one run
    images_per_second: float | None  # in training
    latency_ms: float | None  # of one image's forward pass, median
    lrs: tuple[float, ...] = ()  # the learning rate that each seed chose, where there was a grid
    uncounted: tuple[str, ...] = ()  # operations without a formula: if there are any, the counts are lower bounds
    metrics: Mapping[str, Metric] = field(default_factory=dict)  # by name, as `study.metrics` has them
    latency_p95_ms: float | None = None  # its 95th percentile
    inference_images_per_second: float | None = None  # in batches of the size that is the fastest
    inference_batch_size: int | None = None  # which that was with the most seeds
    training_step_bytes: int | None = None  # held at once in a step, as `measured_cost` has it; the most of all seeds


@dataclass(frozen=True)
class PairResult:
    """Two networks on the same test images. `difference` is top-1 of `a` minus top-1 of `b`."""

    a: str
    b: str
    difference: float
    low: float
    high: float
    p_value: float  # adjusted by Holm's method where there are more than two networks
    better: str | None  # the name of the better network, None where no difference is shown
    verdict: str  # the same in a sentence
    chance: tuple[float, float, float] | None = None  # that a new run of `a` beats one of `b`, and its 95 % interval
    detectable: float | None = None  # the smallest difference that a study of this size shows in four cases of five
    seeds_needed: int | None = None  # of each network, to show the observed difference on as many images
    images_needed: int | None = None  # to show it with as many seeds
    standardised: float | None = None  # effect size: the difference over its standard deviation between images
    cohens_g: float | None = None  # effect size of two single runs


@dataclass(frozen=True)
class Omnibus:
    """Cochran's Q of the runs of one seed, one of each network: whether they differ at all."""

    seed: int
    statistic: float
    degrees_of_freedom: int
    p_value: float


@dataclass(frozen=True)
class Reply:
    """A question that a person has, and its answer in plain words."""

    question: str
    answer: str


@dataclass(frozen=True)
class DataFinding:
    """Something that is wrong with the data: its kind, in a sentence, and some of the images that it is about."""

    kind: str
    sentence: str
    contaminates: bool  # whether a test image was seen in training or selection
    examples: tuple[tuple[str, ...], ...]  # ids of images, group by group


@dataclass(frozen=True)
class DataDescription:
    """The data as the comparison used them."""

    name: str
    source: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]  # channels x height x width; empty where only predictions are known
    train: int  # images after the validation part has been split off
    validation: int
    test: int
    mean: tuple[float, ...]  # a channel, of the training part, in 0..1
    std: tuple[float, ...]
    notes: tuple[str, ...]
    fingerprint: str
    findings: tuple[DataFinding, ...] | None = None  # None: nobody has looked
    class_counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # images of each class, by part


@dataclass(frozen=True)
class Protocol:
    """What was held equal for all networks."""

    data: DataDescription
    recipe: dict[str, str | int | float | bool | None]
    seeds: tuple[int, ...]
    selection: str  # which weights were tested, and when the test part was opened
    intervals: str  # which sources of variation the intervals cover, and how
    tests: str  # how p-values were computed
    command: str  # reproduces the comparison
    budget: str = ""  # what each training gets, and the epochs that follow from it; empty: the recipe's epochs
    epochs: Mapping[str, int] = field(default_factory=dict)  # by network, where a budget says them
    mixed: tuple[str, ...] = ()  # runs that were made under another protocol, and in what; --allow-mixed kept them
    lr_grid: tuple[float, ...] = ()  # learning rates that each run chose from


@dataclass(frozen=True)
class Results:
    """Everything in `results.json`."""

    models: tuple[ModelResult, ...]
    comparisons: tuple[PairResult, ...]
    protocol: Protocol
    environment: dict[str, str | int]  # versions and hardware
    questions: tuple[Reply, ...] = ()
    omnibus: tuple[Omnibus, ...] = ()  # of three networks or more, a seed each


@dataclass(frozen=True)
class NetworkAnswer:
    """What a network says of an image: the class that most of its seeds give."""

    model: str
    answer: int
    seeds: int  # that give it
    of: int  # seeds in all


@dataclass(frozen=True)
class ActivationMap:
    """Where in an image one run of a network found what speaks for its answer (Grad-CAM)."""

    model: str
    answer: int
    values: npt.NDArray[np.uint8]  # height x width of the layer that it is of; 255 is the strongest


@dataclass(frozen=True)
class MapSource:
    """Which run, and which of its layers, a network's activation maps are of; without a layer, why it has none."""

    model: str
    seed: int = 0
    layer: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class ShownImage:
    """A test image worth looking at, and what the networks answered."""

    id: str
    image: npt.NDArray[np.uint8]  # height x width x channels (1 or 3)
    label: int
    wrong: int  # runs that got it wrong
    runs: int  # runs in all
    usual_answer: int  # the wrong class given most often
    answers: tuple[NetworkAnswer, ...] = ()
    maps: tuple[ActivationMap, ...] = ()  # of some images only


@dataclass(frozen=True)
class Layer:
    """One layer of a network, as the report shows it."""

    path: str
    kind: str
    output_shape: tuple[int, ...]
    activation_size: int
    parameters: int
    macs: int


@dataclass(frozen=True)
class Findings:
    """What is stored in a comparison's folder, read back: all that a report draws from."""

    results: Results
    runs: tuple[RunResult, ...]
    mistaken: tuple[ShownImage, ...]
    unfinished: int = 0  # runs still missing
    layers: Mapping[str, tuple[Layer, ...]] = field(default_factory=dict)  # by network
    disagreed: tuple[ShownImage, ...] = ()  # networks' usual answers differ
    disagreements: int = 0  # such images in all
    map_sources: tuple[MapSource, ...] = ()
