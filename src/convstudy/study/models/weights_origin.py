"""Origin of pretrained weights: the images and classes that they were trained on, and how a network must match them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from convstudy.study.models.opening import COLLECTIONS, Model, open_model, partition_weights
from convstudy.study.models.preprocessing import Preprocessing
from convstudy.wording import plural
from convstudy.zoo import open_architecture
from convstudy.zoo.weight_files import names_file, stated
from convstudy.zoo.weights import official_entry, official_entry_of

IMAGENET_CLASSES, FIRST_OF_IMAGENET = 1000, "tench"
WORDNET_ID = re.compile(r"n\d{8}")  # name of a class folder of ImageNet


@dataclass(frozen=True)
class WeightsOrigin:
    """Normalization and size of the images that pretrained weights were trained on, and their classes."""

    mean: tuple[float, ...]  # per channel, of pixels in 0..1
    std: tuple[float, ...]
    side: int  # of the network's input
    classes: tuple[str, ...] = ()  # in the order of the logits; empty if they are not known


def weights_origin(model: Model) -> WeightsOrigin | None:
    """Return what belongs to a network's weights: to torchvision's official ones, or to those of a run.

    A run's weights are its `weights.safetensors` or a file written by `convstudy export`. None, if there are no weights
    or they do not state it.
    """
    name, weights = _weights_of(model)
    if not weights:
        return None
    own = ":" in name and name.partition(":")[0] not in COLLECTIONS
    known = None if own else open_architecture(name).torchvision
    if not names_file(weights):
        return _of_entry(official_entry(str(known), weights))
    path = Path(weights)
    official = official_entry_of(known, path) if known else None
    return _of_file(path) or (_of_entry(official) if official else None)


def _of_entry(entry: Any) -> WeightsOrigin:
    """Return the origin of one of torchvision's sets of weights."""
    transforms = entry.transforms()
    side = int(transforms.crop_size[0])
    return WeightsOrigin(tuple(transforms.mean), tuple(transforms.std), side, tuple(entry.meta["categories"]))


def _weights_of(model: Model) -> tuple[str, str]:
    """Return a network's name and its weights, which are empty if there are none."""
    name, _, weights = partition_weights(model.words)
    return (name, weights) if model.named else (model.name, "")


def weights_file(model: Model) -> Path | None:
    """Return the file that a network's weights are read from; None without weights, or for a set of torchvision's."""
    weights = _weights_of(model)[1]
    return Path(weights) if names_file(weights) else None


def _of_file(path: Path) -> WeightsOrigin | None:
    """Return the origin stated in an exported file, or in the run.json beside a run's weights."""
    found = stated(path)
    try:
        if found.preprocessing is None:
            return None
        preprocessing = Preprocessing.from_json(dict(found.preprocessing))
    except (ValueError, KeyError, TypeError):
        return None  # not written by convstudy
    return WeightsOrigin(preprocessing.mean, preprocessing.std, preprocessing.input_side, found.classes)


def network_for(model: Model, class_names: tuple[str, ...], in_channels: int) -> nn.Module:
    """Build a network for these classes: its weights' classifier is kept only if it is for the same classes.

    Raises: ModelError, if the weights cannot be read or do not fit.
    """
    kept = not _weights_of(model)[1] or _same_classes(model, class_names)
    return (model if kept else open_model(model.words, new_head=True)).build(len(class_names), in_channels)


def classifier_note(model: Model, class_names: tuple[str, ...]) -> str:
    """Return whether a network keeps its weights' classifier, and why; empty if it has no weights."""
    if not _weights_of(model)[1]:
        return ""
    if _same_classes(model, class_names):
        return f"{model.name}: the classifier of its weights is kept, because it has the same classes"
    origin = weights_origin(model)
    theirs = origin.classes if origin else ()
    if not theirs:
        return f"{model.name}: the classifier is new, because the classes of its weights are not known"
    if len(theirs) != len(class_names):
        return f"{model.name}: the classifier is new, because that of its weights is for {plural(len(theirs), 'class')}"
    number, (here, there) = next(
        (number, names) for number, names in enumerate(zip(class_names, theirs, strict=True), 1) if names[0] != names[1]
    )
    return f"{model.name}: the classifier is new, because class {number} of its weights is '{there}', here '{here}'"


def _same_classes(model: Model, class_names: tuple[str, ...]) -> bool:
    """Return whether the classes have the names that the weights state, or ImageNet's folder names if those do."""
    origin = weights_origin(model)
    if origin is None:
        return False
    if origin.classes == class_names:
        return True
    of_imagenet = len(origin.classes) == IMAGENET_CLASSES and origin.classes[0] == FIRST_OF_IMAGENET
    return of_imagenet and len(class_names) == IMAGENET_CLASSES and all(map(WORDNET_ID.fullmatch, class_names))


def input_channels(model: Model, in_channels: int) -> int:
    """Return the input channels of a network for images of `in_channels`.

    Grayscale images get 3 channels if the network's weights were trained on RGB images.
    """
    origin = weights_origin(model)
    return 3 if origin and len(origin.mean) == 3 and in_channels == 1 else in_channels


def weights_statistics(model: Model, in_channels: int) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Return mean and standard deviation with which the weights' own images were normalized; None if not known."""
    origin = weights_origin(model)
    return (origin.mean, origin.std) if origin and len(origin.mean) == in_channels else None


def size_warning(model: Model, side: int) -> str:
    """Return a warning if a network's weights were trained on images of more than twice the side; else empty."""
    origin = weights_origin(model)
    if origin is None or 2 * side >= origin.side:
        return ""
    return (
        f"{model.name}: its weights were trained on images of {origin.side}x{origin.side}, but here they get "
        f"{side}x{side}, where pretrained features help little; set `input_size` to {origin.side} to enlarge the images"
    )
