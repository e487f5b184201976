"""Results of a comparison: the records behind `results.json`, the tables and the report.

Accuracies are fractions of 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from convstudy.statistics import MARGIN, MetricDifference, SizeNeeded, Uncertainty
from convstudy.statistics.sequential import Ending
from convstudy.statistics.verdict import LEVEL, Verdict
from convstudy.study.comparisons.health import HealthFinding
from convstudy.study.models.entrant import CountedLayer
from convstudy.study.runs.result import RunResult


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy on the test set: the mean over seeds, its 95% confidence interval, and the value of each seed."""

    mean: float
    low: float
    high: float
    per_seed: tuple[float, ...]


@dataclass(frozen=True)
class Metric:
    """Another metric on the test set, as `Accuracy`; the limits are None if there is no valid interval."""

    mean: float
    low: float | None
    high: float | None
    per_seed: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ModelResult:
    """Cost and accuracy of one network. Seconds, images/s and percentiles are means over the seeds.

    For imported predictions, values that were not measured are None.
    """

    name: str
    parameters: int | None
    macs: int | None  # of one image's forward pass
    activation_size: int | None  # elements of one image's activations
    input_shape: tuple[int, int, int] | None  # channels x height x width
    top1: Accuracy
    train_seconds: float | None = None  # of one run
    images_per_second: float | None = None  # in training
    latency_ms: float | None = None  # of one image's forward pass, median
    latency_p95_ms: float | None = None  # its 95th percentile
    inference_images_per_second: float | None = None  # at the fastest batch size
    inference_batch_size: int | None = None  # the fastest one of most seeds
    training_step_bytes: int | None = None  # peak memory of a step, see `measured_cost`; the maximum over the seeds
    lrs: tuple[float, ...] = ()  # the learning rate chosen for each seed, if there was a grid
    uncounted: tuple[str, ...] = ()  # operations without a formula; if there are any, the counts are lower bounds
    metrics: Mapping[str, Metric] = field(default_factory=dict)  # by name, see `comparisons.metrics`


@dataclass(frozen=True, kw_only=True)
class PairResult:
    """Two networks on the same test images. `difference` is top-1 of `a` minus top-1 of `b`."""

    a: str
    b: str
    difference: float
    low: float
    high: float
    p_value: float  # adjusted by Holm's method with more than two networks
    verdict: Verdict
    better: str | None = None  # the name of the better network, if one is shown to be
    equivalent_within: float | None = None  # smallest margin within which they are shown to be equal, of top-1
    level: float = LEVEL  # a difference is shown if the p-value is below this
    chance: tuple[float, float, float] | None = None  # that a new run of `a` beats one of `b`, and its 95% interval
    detectable: float | None = None  # the smallest difference that a study of this size shows with 80% power
    needed: SizeNeeded | None = None  # to show a difference of the protocol's margin with 80% power
    standardized: float | None = None  # effect size: the difference over its standard deviation between images
    cohens_g: float | None = None  # effect size of two single runs
    uncertainty: Uncertainty | None = None  # where it comes from; None for single runs
    metrics: Mapping[str, MetricDifference] = field(default_factory=dict)  # by name; p-values adjusted over the pairs


@dataclass(frozen=True, kw_only=True)
class SequentialOutcome:
    """How a comparison with seeds added until it was sure went, under a plan that was fixed before its first run."""

    looks: tuple[int, ...]  # numbers of seeds per network at which it may stop
    level: float  # of all looks together
    seeds: int  # per network still in, at the last look
    remaining: tuple[str, ...]  # networks not shown to be worse than another one
    dropped: Mapping[str, int] = field(default_factory=dict)  # the others, with their number of seeds
    ending: Ending | None = None  # None: not ended
    images_needed: int | None = None  # test images that would decide the closest pair, if they are the limit


@dataclass(frozen=True, kw_only=True)
class RepeatedLooks:
    """The looks at a comparison whose number of seeds was raised after its results had been seen."""

    seeds: tuple[int, ...]  # per network at each look
    level: float  # of the present look; with it, intervals and p-values are those of 5% over all looks
    total: float  # how often equal networks are called different at some look by somebody who adds seeds until then


@dataclass(frozen=True, kw_only=True)
class OpenedTestSet:
    """How often a test set has been opened, by the ledger in the cache folder of this machine."""

    fingerprint: str  # of the test images and their labels
    comparison: int  # the number of this comparison on these test images; others may not be known


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """Recommendation for the choice of a network."""

    best: str  # the network with the highest top-1
    best_interval: tuple[float, float] | None = None  # of its top-1, adjusted for being the highest
    beaten: tuple[str, ...]  # networks that it is shown to be better than
    margin: float  # of top-1
    cheapest: str | None  # the network of fewest MACs that is shown to be at most `margin` worse than the best
    cheapest_p: float | None  # of that claim, one-sided; None where verdicts of pairs show it


@dataclass(frozen=True)
class Omnibus:
    """Cochran's Q test of the runs of one seed, one per network: whether they differ at all."""

    seed: int
    statistic: float
    degrees_of_freedom: int
    p_value: float


@dataclass(frozen=True)
class DataFinding:
    """A problem of the data: its kind, a sentence that describes it, and examples of affected images."""

    kind: str
    sentence: str
    contaminates: bool  # whether a test image was seen in training or selection
    examples: tuple[tuple[str, ...], ...]  # ids of images, group by group


@dataclass(frozen=True, kw_only=True)
class DataDescription:
    """The data as the comparison used them."""

    name: str
    source: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]  # channels x height x width; empty if only predictions are known
    train: int  # images after the validation set has been split off
    validation: int
    test: int
    mean: tuple[float, ...]  # per channel, of the training set, in 0..1
    std: tuple[float, ...]
    notes: tuple[str, ...]
    fingerprint: str
    findings: tuple[DataFinding, ...] | None = None  # None: not inspected
    class_counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # images of each class, by set
    test_groups: int | None = None  # groups of test images that depend on each other; None: taken as independent


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Everything that was the same for all networks."""

    data: DataDescription
    recipe: dict[str, str | int | float | bool | None]
    seeds: tuple[int, ...]
    command: str  # reproduces the comparison
    folds: int | None = None  # of a cross-validation, in which every image is tested once per repeat
    repeats: int = 1  # of it
    validation_split: bool = False  # whether the validation set was split off the training set, by seed
    until: str = "seeds"  # or `sure`
    max_seeds: int = 20  # per network, if seeds are added until the comparison is sure
    looks: tuple[int, ...] = ()  # seeds per network at which results were seen, if their number was fixed
    margin: float = MARGIN  # of top-1, within which networks count as equivalent
    lr_grid: tuple[float, ...] = ()  # learning rates that were tried in each run
    budget: str = ""  # of each training, as `kind=amount`; empty: the recipe's epochs
    epochs: Mapping[str, int] = field(default_factory=dict)  # by network, if a budget decides them
    budget_used: Mapping[str, float] = field(default_factory=dict)  # fraction used by these epochs, by network
    mixed: tuple[str, ...] = ()  # runs that were made under another protocol, and how it differs


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything in `results.json`."""

    models: tuple[ModelResult, ...]
    comparisons: tuple[PairResult, ...]
    protocol: Protocol
    environment: dict[str, str | int]  # versions and hardware
    conclusion: Conclusion | None = None  # None for a single network
    health: tuple[HealthFinding, ...] = ()  # what is wrong with runs; a network with a blocking finding has no verdict
    sequential: SequentialOutcome | None = None  # if seeds were added until the comparison was sure
    looks: RepeatedLooks | None = None  # if seeds were added after results had been seen
    test_set: OpenedTestSet | None = None  # None: it has not been opened, or only predictions are known
    omnibus: tuple[Omnibus, ...] = ()  # for three networks or more, one per seed


@dataclass(frozen=True)
class NetworkAnswer:
    """Prediction of a network for an image: the class that most of its seeds predict."""

    model: str
    answer: int
    seeds: int  # that predict it
    of: int  # seeds in total


@dataclass(frozen=True)
class ActivationMap:
    """Grad-CAM map of one run of a network: the parts of an image that support its prediction."""

    model: str
    answer: int
    values: npt.NDArray[np.uint8]  # height x width of the layer's feature maps; 255 is the highest value


@dataclass(frozen=True)
class MapSource:
    """Run and layer of a network's activation maps; without a layer, the reason why there are none."""

    model: str
    seed: int = 0
    layer: str | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ShownImage:
    """A test image that a report shows, with the predictions of the networks."""

    id: str
    image: npt.NDArray[np.uint8]  # height x width x channels (1 or 3)
    label: int
    wrong: int  # number of runs that misclassified it
    runs: int  # number of runs in total
    usual_answer: int  # the wrong class that was predicted most often
    answers: tuple[NetworkAnswer, ...] = ()
    maps: tuple[ActivationMap, ...] = ()  # of some images only


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Everything in a comparison's folder that a report is made from."""

    results: Results
    runs: tuple[RunResult, ...]
    mistaken: tuple[ShownImage, ...] = ()  # images that most runs misclassified
    unfinished: int = 0  # number of missing runs
    layers: Mapping[str, tuple[CountedLayer, ...]] = field(default_factory=dict)  # by network
    drawings: Mapping[str, str] = field(default_factory=dict)  # SVG, by network
    disagreed: tuple[ShownImage, ...] = ()  # images for which the networks' usual predictions differ
    disagreements: int = 0  # number of such images in total
    map_sources: tuple[MapSource, ...] = ()
