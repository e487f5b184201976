"""Transfer with a frozen backbone: only the last linear layer is trained, on features that are computed once."""

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
}  # features are computed once, from unaugmented images


@dataclass(frozen=True)
class FrozenBackbone:
    """A network of which only the last linear layer, the head, is trained, on features that are computed once."""

    network: nn.Module
    head: nn.Linear

    @classmethod
    def of(cls, network: nn.Module, name: str, images: ResidentImages, num_classes: int) -> FrozenBackbone:
        """Freeze all of `network` except the linear layer whose output is the logits.

        Raises: StudyError, if there is no such layer.
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
                f"`freeze` backbone trains the last linear layer, but {name} does not end in a linear layer; remove "
                "this setting",
                setting="freeze",
            )
        for parameter in network.parameters():
            parameter.requires_grad_(False)
        for parameter in heads[0].parameters():
            parameter.requires_grad_(True)
        return cls(network, heads[0])

    @property
    def trained(self) -> nn.Module:
        """The module that is trained on the features: the head."""
        return nn.Sequential(nn.Flatten(), self.head)

    def features(self, images: ResidentImages) -> ResidentImages:
        """Return the input of the head for each image as a set for training: float32, N x features x 1 x 1."""
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
    """Return the network's output in evaluation mode: without dropout, normalized by the running statistics."""
    network.eval()
    with torch.no_grad():
        return network(images)


def of_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """Return the recipe for a part of a run: with this many epochs, and a warm-up of at most half of them."""
    return replace(recipe, epochs=epochs, warmup_epochs=min(recipe.warmup_epochs, epochs / 2))


def unaugmented(recipe: Recipe) -> Recipe:
    """Return the recipe without augmentation, as needed for features."""
    return replace(recipe, **UNAUGMENTED)
