"""Transfer: a network that begins from trained weights, what its images then go through, and its head trained alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from convstudy.errors import StudyError
from convstudy.inference import ResidentImages, fitting
from convstudy.training import Recipe

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
