"""Resolution of a network's name: built-in or from a collection, with optional weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from convstudy.errors import ModelError
from convstudy.zoo.architecture import Architecture
from convstudy.zoo.registry import architecture
from convstudy.zoo.weight_files import names_file, read_weights, stated
from convstudy.zoo.weights import fit_weights, official_entry_of, official_file


def open_architecture(text: str, *, new_head: bool = False, trained: bool = True) -> Architecture:
    """Return the network named `NAME`, `torchvision:NAME`, `timm:NAME` or `hf:NAME`, optionally with `@WEIGHTS`.

    WEIGHTS is a file, `imagenet` for torchvision's official weights, or the name of one of torchvision's sets, such as
    `IMAGENET1K_V1`. A network built for another number of classes than its weights gets a new classifier; with
    `new_head` it gets one in any case. Without `trained`, the network is the one that the weights belong to, but they
    are neither read nor needed.

    Raises:
        UnknownNameError: if the name is unknown; the message names the closest one.
        ModelError: if the weights or the collection are not available.

    >>> open_architecture("torchvision:resnet34").claims[0].printed
    '3.664e9'
    >>> open_architecture("net@nowhere.pth")
    Traceback (most recent call last):
    convstudy.errors.ModelError: nowhere.pth does not exist; expected a file of weights
    """
    name, at, weights = text.partition("@")
    if at and not weights:
        raise ModelError(
            f"{text} names no weights; expected a file or a set, as in {name}@weights.safetensors or {name}@imagenet"
        )
    from_file = names_file(weights)
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
    if _transforms_input(known, weights):
        known = replace(known, layers=partial(_transforming, known.layers))
    if not trained:
        return replace(known, name=text)
    path = Path(weights) if from_file else _official(known, weights)
    if not path.exists():
        raise ModelError(f"{path} does not exist; expected a file of weights")
    return replace(known, name=text, layers=partial(_with_weights, known, path, new_head))


def _official(known: Architecture, which: str) -> Path:
    if known.torchvision is None:
        raise ModelError(
            f"{known.name}@{which}: there are no official weights for {known.name}, because torchvision has no "
            f"network with these layers; expected a file, as in {known.name}@weights.safetensors"
        )
    return official_file(known.torchvision, which)


def _transforms_input(known: Architecture, weights: str) -> bool:
    """Return whether the weights were trained on inputs that the network normalizes once more."""
    if known.torchvision is None or not known.name.startswith("torchvision:"):
        return False
    if not names_file(weights):
        return True
    return stated(Path(weights)).transform_input or official_entry_of(known.torchvision, Path(weights)) is not None


def _transforming(layers: Callable[[int, int], nn.Module], num_classes: int, in_channels: int) -> nn.Module:
    """Return a network which, if it can, normalizes its input as torchvision's GoogLeNet and Inception v3 need it."""
    network = layers(num_classes, in_channels)
    if getattr(network, "transform_input", None) is False and in_channels == 3:
        network.transform_input = True  # type: ignore[assignment]
    return network


def _with_weights(known: Architecture, path: Path, new_head: bool, num_classes: int, in_channels: int) -> nn.Module:
    network = known.layers(num_classes, in_channels)
    head = classifier_keys(known, num_classes, in_channels)
    fit_weights(network, read_weights(path), path.name, head=head, new_head=new_head)
    return network


def classifier_keys(known: Architecture, num_classes: int, in_channels: int) -> frozenset[str]:
    """Return the keys of the classifier: the entries whose shape depends on the number of classes.

    >>> sorted(classifier_keys(architecture("net"), 10, 3))
    ['fc3.bias', 'fc3.weight']
    """
    shapes = [_shapes(known, count, in_channels) for count in (num_classes, num_classes + 1)]
    return frozenset(key for key, shape in shapes[0].items() if shapes[1].get(key) != shape)


def _shapes(known: Architecture, num_classes: int, in_channels: int) -> dict[str, torch.Size]:
    """Return the shapes of a network's entries; its weights are only allocated if it cannot be built without."""
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                network = known.layers(num_classes, in_channels)
        except Exception:  # of a collection's network that computes with its own tensors
            network = known.layers(num_classes, in_channels)
    return {key: value.shape for key, value in network.state_dict().items()}
