"""External model collections: torchvision's networks for every task, and timm's if timm is installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from types import ModuleType
from typing import Any

import torchvision
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from convstudy.claims.claim import Claim
from convstudy.errors import ModelError, UnknownNameError
from convstudy.zoo.architecture import CLASSIFICATION, Architecture, ExampleInput
from convstudy.zoo.weights import official_entry

SIDE_BRANCHED = {"googlenet", "inception_v3"}  # the published parameters exclude their side branches
FROZEN_NORM = {  # detectors whose published form has a backbone with `FrozenBatchNorm2d`, which has no parameters
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_resnet50_fpn",
    "fcos_resnet50_fpn",
    "keypointrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
}
WITHOUT_AUXILIARY = {"lraspp_mobilenet_v3_large"}  # segmentation networks without an auxiliary classifier


@dataclass(frozen=True)
class Task:
    """The networks of one of torchvision's tasks: their inputs, their default classes and what builds them."""

    name: str
    module: ModuleType
    classes: int
    # Shapes of the inputs at which torchvision publishes operations (`get_ops` in its test/common_extended_utils.py);
    # 0 is the side of the images that the weights were trained on.
    shapes: tuple[tuple[int, ...], ...]
    arguments: Callable[[str], dict[str, Any]]  # for torchvision's builder, by the name of the network


TASKS = (
    Task(CLASSIFICATION, torchvision.models, 1000, ((3, 0, 0),), lambda _: {}),
    Task("image classification with int8", torchvision.models.quantization, 1000, ((3, 0, 0),), lambda _: {}),
    Task("detection", torchvision.models.detection, 91, ((3, 512, 512),), lambda _: {"weights_backbone": None}),
    Task(
        "segmentation",
        torchvision.models.segmentation,
        21,
        ((3, 520, 520),),
        lambda name: (
            {"weights_backbone": None} | ({} if name in WITHOUT_AUXILIARY else {"aux_loss": True})  # as with weights
        ),
    ),
    Task("video classification", torchvision.models.video, 400, ((3, 16, 0, 0),), lambda _: {}),
    Task("optical flow", torchvision.models.optical_flow, 0, ((3, 512, 512),) * 2, lambda _: {}),
)


def torchvision_architecture(name: str, which: str = "imagenet") -> Architecture:
    """Return torchvision's network `name` at the input size of the weights `which`, with its published counts.

    Networks of every task are returned: classification, detection, segmentation, video, optical flow, and those that
    are prepared for int8, as they are before their conversion to int8.

    Raises:
        UnknownNameError: if there is no such network; the message names the closest one.

    >>> torchvision_architecture("efficientnet_b1").input_shape
    (3, 240, 240)
    >>> torchvision_architecture("raft_small").task
    'optical flow'
    """
    known = torchvision.models.list_models()
    if name not in known:
        raise _unknown("torchvision", name, known)
    task = next(task for task in TASKS if name in torchvision.models.list_models(module=task.module))
    weights = official_entry(name, which)
    if task is not TASKS[0]:
        return _of_task(task, name, weights)
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
            *(() if _has_side_branches(name) else (Claim("parameters", f"{weights.meta['num_params']:,}", published),)),
        ),
        torchvision=name,
    )


def _of_task(task: Task, name: str, weights: Any) -> Architecture:
    """Return a network of another task than the classification of images."""
    crop = getattr(weights.transforms, "keywords", {}).get("crop_size", 0)
    side = crop if isinstance(crop, int) else crop[-1]
    shapes = [tuple(size or side for size in shape) for shape in task.shapes]
    parameters, published = weights.meta["num_params"], f"torchvision, metadata of {weights.name}"
    classes = len(weights.meta["categories"]) if name.startswith("keypoint") else task.classes
    return Architecture(
        name=f"torchvision:{name}",
        layers=partial(_network_of_task, name, classes, task.arguments(name)),
        title=f"torchvision's {name}",
        source=task.module.__name__,
        input_shape=(shapes[0][0], shapes[0][-2], shapes[0][-1]),
        num_classes=classes,
        task=task.name,
        inputs=tuple(map(ExampleInput, shapes)),
        claims=() if _has_side_branches(name) else (Claim("parameters", f"{parameters:,}", published),),
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
    sizes = {"num_classes": num_classes, **sizes, **_initialization(name)}
    network: nn.Module = torchvision.models.get_model(name, weights=None, **sizes)
    if in_channels != 3:
        _replace_first_convolution(network, in_channels)
    return network


def _network_of_task(name: str, classes: int, arguments: dict[str, Any], num_classes: int, _: int) -> nn.Module:
    """Build a network of another task; all of them accept images of 3 channels only."""
    if num_classes != classes and not classes:
        raise ModelError(f"torchvision:{name} has no classes; got {num_classes}")
    arguments = arguments | ({"num_classes": num_classes} if classes else {}) | _initialization(name)
    network: nn.Module = torchvision.models.get_model(name, weights=None, **arguments)
    if name in FROZEN_NORM:
        _freeze_norms(network.get_submodule("backbone.body"))
    return network


def _initialization(name: str) -> dict[str, bool]:
    return {"init_weights": True} if _has_side_branches(name) else {}  # unset, it raises a warning


def _has_side_branches(name: str) -> bool:
    return name.removeprefix("quantized_") in SIDE_BRANCHED


def _freeze_norms(backbone: nn.Module) -> None:
    """Replace batch normalization by the form that torchvision builds together with weights."""
    for path, layer in list(backbone.named_modules()):
        if isinstance(layer, nn.BatchNorm2d):
            backbone.set_submodule(path, FrozenBatchNorm2d(layer.num_features, eps=layer.eps))


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
