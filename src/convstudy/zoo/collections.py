"""External model collections: torchvision's classification networks, and timm's if timm is installed."""

from __future__ import annotations

import importlib
from difflib import get_close_matches
from functools import partial
from typing import Any

import torchvision
from torch import nn

from convstudy.claims.claim import Claim
from convstudy.errors import ModelError, UnknownNameError
from convstudy.zoo.architecture import Architecture
from convstudy.zoo.weights import official_entry

SIDE_BRANCHED = {"googlenet", "inception_v3"}  # the published parameters exclude their side branches


def torchvision_architecture(name: str, which: str = "imagenet") -> Architecture:
    """Return torchvision's network `name` at the input size of the weights `which`, with its published counts.

    Raises:
        UnknownNameError: if there is no such network; the message names the closest one.

    >>> torchvision_architecture("efficientnet_b1").input_shape
    (3, 240, 240)
    """
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise _unknown("torchvision", name, known)
    weights = official_entry(name, which)
    crop = weights.transforms.keywords["crop_size"]
    fixed = name.startswith(("vit_", "maxvit_"))  # their position embeddings fit one input size
    sizes = {"image_size": crop} if name.startswith("vit_") else {}
    published = f"torchvision, metadata of {weights.name}"
    return Architecture(
        name=f"torchvision:{name}",
        layers=partial(_torchvision_network, name, sizes),
        title=f"torchvision's {name}",
        source="torchvision.models",
        input_shape=(3, crop, crop),
        num_classes=1000,
        smallest_side=max(weights.meta["min_size"]),
        fixed_side=crop if fixed else None,
        claims=(
            Claim("macs", f"{weights.meta['_ops']:.3f}e9", published),
            *(() if name in SIDE_BRANCHED else (Claim("parameters", f"{weights.meta['num_params']:,}", published),)),
        ),
        torchvision=name,
    )


def timm_architecture(name: str) -> Architecture:
    """Return the network `name` of timm at the input size of its default configuration.

    Raises:
        ModelError: if timm is not installed.
        UnknownNameError: if there is no such network; the message names the closest one.
    """
    try:
        timm = importlib.import_module("timm")
    except ImportError:
        raise ModelError(
            f"timm:{name} needs timm, which is not installed; install it with `pip install convstudy[timm]`"
        ) from None
    if not timm.is_model(name.partition(".")[0]):
        raise _unknown("timm", name, timm.list_models())
    configured = timm.get_pretrained_cfg(name)
    channels, height, width = configured.input_size if configured else (3, 224, 224)
    return Architecture(
        name=f"timm:{name}",
        layers=partial(_timm_network, timm, name),
        title=f"timm's {name}",
        source=f"timm {timm.__version__}",
        input_shape=(channels, height, width),
        num_classes=configured.num_classes if configured else 1000,
        fixed_side=height if configured and configured.fixed_input_size else None,
    )


def _unknown(collection: str, name: str, known: list[str]) -> UnknownNameError:
    """Return the error for an unknown name, which offers the closest name or some of the many."""
    offered = get_close_matches(name.lower(), known, n=1) or known[:3]
    return UnknownNameError(
        f"network of {collection}", name, offered, hint=f"{len(known) - 3} more in its list_models()"
    )


def _torchvision_network(name: str, sizes: dict[str, int], num_classes: int, in_channels: int) -> nn.Module:
    required = {"init_weights": True} if name in SIDE_BRANCHED else {}  # unset, it raises a warning
    network: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=num_classes, **sizes, **required)
    if in_channels != 3:
        _replace_first_convolution(network, in_channels)
    return network


def _replace_first_convolution(network: nn.Module, in_channels: int) -> None:
    """Replace the first convolution by one for another number of channels."""
    path, first = next((path, layer) for path, layer in network.named_modules() if isinstance(layer, nn.Conv2d))
    made = nn.Conv2d(
        in_channels,
        first.out_channels,
        kernel_size=first.kernel_size,  # type: ignore[arg-type]
        stride=first.stride,  # type: ignore[arg-type]
        padding=first.padding,  # type: ignore[arg-type]
        bias=first.bias is not None,
    )
    nn.init.kaiming_normal_(made.weight, mode="fan_out", nonlinearity="relu")
    network.set_submodule(path, made)


def _timm_network(timm: Any, name: str, num_classes: int, in_channels: int) -> nn.Module:
    network: nn.Module = timm.create_model(name, num_classes=num_classes, in_chans=in_channels)
    return network
