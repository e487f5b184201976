"""Resolution of a network's name: built-in or from a collection, with optional weights."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import nn

from convstudy.errors import ModelError
from convstudy.zoo.architecture import Architecture
from convstudy.zoo.registry import architecture
from convstudy.zoo.weights import SUFFIXES, fit_weights, official_file, read_weights


def open_architecture(text: str) -> Architecture:
    """Return the network named `NAME`, `torchvision:NAME`, `timm:NAME` or `hf:NAME`, optionally with `@WEIGHTS`.

    WEIGHTS is a `.safetensors`, `.pth` or `.pt` file, `imagenet` for torchvision's official weights, or the name of
    one of torchvision's sets, such as `IMAGENET1K_V1`. A network built for another number of classes than its weights
    keeps a new classifier.

    Raises:
        UnknownNameError: if the name is unknown; the message names the closest one.
        ModelError: if the weights or the collection are not available.

    >>> open_architecture("torchvision:resnet34").claims[0].printed
    '3.664e9'
    >>> open_architecture("net@nowhere.pth")
    Traceback (most recent call last):
    convstudy.errors.ModelError: nowhere.pth does not exist; expected a file of weights
    """
    name, _, weights = text.partition("@")
    from_file = weights.endswith(SUFFIXES)
    collection, _, member = name.rpartition(":")
    if collection == "torchvision":
        from convstudy.zoo.collections import torchvision_architecture  # noqa: PLC0415, slow import

        known = torchvision_architecture(member, "imagenet" if from_file or not weights else weights)
    elif collection == "timm":
        from convstudy.zoo.collections import timm_architecture  # noqa: PLC0415

        known = timm_architecture(member)
    elif name.startswith("hf:"):
        from convstudy.zoo.hugging_face import transformers_architecture  # noqa: PLC0415

        known = transformers_architecture(name.removeprefix("hf:"))
    else:
        known = architecture(name)
    if not weights:
        return known
    path = Path(weights) if from_file else _official(known, weights)
    if not path.is_file():
        raise ModelError(f"{path} does not exist; expected a file of weights")
    return replace(known, name=text, layers=partial(_with_weights, known, path))


def _official(known: Architecture, which: str) -> Path:
    if known.torchvision is None:
        raise ModelError(
            f"{known.name}@{which}: there are no official weights for {known.name}, because torchvision has no "
            f"network with these layers; expected a file, as in {known.name}@weights.safetensors"
        )
    return official_file(known.torchvision, which)


def _with_weights(known: Architecture, path: Path, num_classes: int, in_channels: int) -> nn.Module:
    network = known.layers(num_classes, in_channels)
    fit_weights(network, read_weights(path), path.name, num_classes=num_classes)
    return network
