"""Transfer: a network that begins from trained weights, what its images then go through, and its head trained alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from convstudy.errors import StudyError
from convstudy.evaluation import ResidentImages, fitting
from convstudy.study.model import Model
from convstudy.study.preprocessing import Preprocessing
from convstudy.training import Recipe
from convstudy.zoo import open_architecture
from convstudy.zoo.weights import SUFFIXES, official_entry

BATCH_SIZE = 256
UNAUGMENTED: Mapping[str, Any] = {
    "crop_padding": 0.0,
    "horizontal_flip": False,
    "augment": "none",
    "erasing": 0.0,
    "mixup": 0.0,
    "cutmix": 0.0,
}  # features are computed once, of the images as they are


@dataclass(frozen=True)
class WeightsOrigin:
    """What images the weights that a network begins with were trained on."""

    mean: tuple[float, ...]  # a channel, of pixels in 0..1
    std: tuple[float, ...]
    side: int  # of the network's input


def weights_origin(model: Model) -> WeightsOrigin | None:
    """The preprocessing that travels with a network's weights: torchvision's official ones, or those of a run.

    A run's weights are its `weights.safetensors` or what `convstudy export` made of it. None, where there are no
    weights or they do not say.
    """
    name, _, weights = model.name.partition("@")
    if not weights:
        return None
    if weights.endswith(SUFFIXES):
        return _of_file(Path(weights))
    transforms = official_entry(str(open_architecture(name).torchvision), weights).transforms()
    return WeightsOrigin(tuple(transforms.mean), tuple(transforms.std), int(transforms.crop_size[0]))


def _of_file(path: Path) -> WeightsOrigin | None:
    """What an exported file says in its metadata, or the run.json beside a run's weights."""
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
        return None  # not ours: reading the weights themselves says what is wrong with them
    return WeightsOrigin(preprocessing.mean, preprocessing.std, preprocessing.input_side)


def input_channels(model: Model, in_channels: int) -> int:
    """Channels of a network's input for images of `in_channels`: 3, too, where its weights were trained on colours."""
    origin = weights_origin(model)
    return 3 if origin and len(origin.mean) == 3 and in_channels == 1 else in_channels


def weights_statistics(model: Model, in_channels: int) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and standard deviation that the images of a network's weights were normalised by, where they are known."""
    origin = weights_origin(model)
    return (origin.mean, origin.std) if origin and len(origin.mean) == in_channels else None


def size_warning(model: Model, side: int) -> str:
    """What to say where a network's weights were trained on images of more than twice the side; else nothing."""
    origin = weights_origin(model)
    if origin is None or 2 * side >= origin.side:
        return ""
    return (
        f"{model.name}: its weights were trained on images of {origin.side}x{origin.side} and get {side}x{side} here, "
        f"where their features are worth little; --resize {origin.side} enlarges the images"
    )


@dataclass(frozen=True)
class FrozenBackbone:
    """A network whose last linear layer is trained alone, on features that are computed once."""

    network: nn.Module
    head: nn.Linear

    @classmethod
    def of(cls, network: nn.Module, name: str, images: ResidentImages, num_classes: int) -> FrozenBackbone:
        """Freeze all of `network` but the linear layer whose output is the logits.

        Raises: StudyError, when there is no such layer.
        """
        outputs: dict[nn.Linear, Tensor] = {}
        hooks = [
            layer.register_forward_hook(lambda layer, _, output: outputs.__setitem__(layer, output))
            for layer in network.modules()
            if isinstance(layer, nn.Linear) and layer.out_features == num_classes
        ]
        try:
            logits = _answers(network, next(images.batches(2))[0])
        finally:
            for hook in hooks:
                hook.remove()
        heads = [layer for layer, output in outputs.items() if output is logits]
        if not heads:
            raise StudyError(
                f"--freeze backbone trains the last linear layer, and {name} does not end in one; leave it out"
            )
        for parameter in network.parameters():
            parameter.requires_grad_(False)
        for parameter in heads[0].parameters():
            parameter.requires_grad_(True)
        return cls(network, heads[0])

    @property
    def trained(self) -> nn.Module:
        """What is trained on the features: the head."""
        return nn.Sequential(nn.Flatten(), self.head)

    def features(self, images: ResidentImages) -> ResidentImages:
        """What the head gets for each image, as a set that a training takes: float32, N x features x 1 x 1."""
        found: list[Tensor] = []
        hook = self.head.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))

        def answers(batch_size: int) -> Tensor:
            found.clear()
            for batch, _ in images.batches(batch_size):
                _answers(self.network, batch)
            return torch.cat(found)

        try:
            features = fitting(answers, BATCH_SIZE)[:, :, None, None].clone()
        finally:
            hook.remove()
        return ResidentImages(features, images.labels, mean=(0.0,), std=(1 / 255,))


def _answers(network: nn.Module, images: Tensor) -> Any:
    """The network's output in evaluation mode: no dropout, and norms by their running statistics."""
    network.eval()
    with torch.no_grad():
        return network(images)


def of_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The recipe for a part of a run: with so many epochs, and a warm-up that fits in them."""
    return replace(recipe, epochs=epochs, warmup_epochs=min(recipe.warmup_epochs, epochs / 2))


def unaugmented(recipe: Recipe) -> Recipe:
    """The recipe for features: without what changes images."""
    return replace(recipe, **UNAUGMENTED)
