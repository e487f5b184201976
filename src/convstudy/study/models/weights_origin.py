"""Origin of pretrained weights: the images that they were trained on, and how a network's input must match them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from convstudy.study.models.opening import Model
from convstudy.study.models.preprocessing import Preprocessing
from convstudy.zoo import open_architecture
from convstudy.zoo.weights import SUFFIXES, official_entry


@dataclass(frozen=True)
class WeightsOrigin:
    """Normalization and size of the images that pretrained weights were trained on."""

    mean: tuple[float, ...]  # per channel, of pixels in 0..1
    std: tuple[float, ...]
    side: int  # of the network's input


def weights_origin(model: Model) -> WeightsOrigin | None:
    """Return the preprocessing that belongs to a network's weights: torchvision's official ones, or those of a run.

    A run's weights are its `weights.safetensors` or a file written by `convstudy export`. None, if there are no weights
    or they do not state it.
    """
    name, _, weights = model.name.partition("@")
    if not weights:
        return None
    if weights.endswith(SUFFIXES):
        return _of_file(Path(weights))
    transforms = official_entry(str(open_architecture(name).torchvision), weights).transforms()
    return WeightsOrigin(tuple(transforms.mean), tuple(transforms.std), int(transforms.crop_size[0]))


def _of_file(path: Path) -> WeightsOrigin | None:
    """Return the origin stated in an exported file's metadata, or in the run.json beside a run's weights."""
    stored: Any = None
    beside = path.with_name("run.json")
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                stored = json.loads((file.metadata() or {}).get("preprocessing", "null"))
        if stored is None and beside.is_file():
            stored = json.loads(beside.read_text(encoding="utf-8")).get("preprocessing")
        if stored is None:
            return None
        preprocessing = Preprocessing.from_json(stored)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError):
        return None  # not written by convstudy; if the file is damaged, loading its weights reports it
    return WeightsOrigin(preprocessing.mean, preprocessing.std, preprocessing.input_side)


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
