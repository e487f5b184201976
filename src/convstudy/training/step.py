"""One step of training: forward, backward, and the optimiser."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from convstudy.training.batches import TrainingBatches
from convstudy.training.objective import objective
from convstudy.training.state import TrainingState


def take_step(
    state: TrainingState, batches: TrainingBatches, images: Tensor, labels: Tensor, parts: int
) -> tuple[Tensor, Tensor]:
    """Move the weights by the gradient of one batch; give its loss, and how many answers were right.

    With `parts` above 1 the batch goes through the network in that many parts, and the gradients add up to the
    batch's; batch normalisation then sees each part alone.
    """
    recipe = batches.recipe
    state.optimiser.zero_grad(set_to_none=True)
    loss, correct = _gradients(state.network, batches, images, labels, parts)
    if recipe.clip_grad:
        nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip_grad)
    state.optimiser.step()
    if state.average is not None:
        state.average.update_parameters(state.network)
    return loss, correct


def _gradients(
    network: nn.Module, batches: TrainingBatches, images: Tensor, labels: Tensor, parts: int
) -> tuple[Tensor, Tensor]:
    losses, right = [], []
    for some_images, some_labels in zip(_cut(images, parts), _cut(labels, parts), strict=True):
        share = len(some_labels) / len(labels)
        output = network(some_images)
        loss, logits = objective(output, some_labels, batches.recipe.label_smoothing, batches.class_weights)
        loss = loss if share == 1 else loss * share
        loss.backward()  # type: ignore[no-untyped-call]
        losses.append(loss.detach())
        right.append(_correct(logits.detach(), some_labels))
    return (losses[0], right[0]) if len(losses) == 1 else (torch.stack(losses).sum(), torch.stack(right).sum())


def _cut(batch: Tensor, parts: int) -> tuple[Tensor, ...]:
    return batch.tensor_split(min(parts, len(batch)))


def _correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Right answers; of a mixed image the right one is the class that it has most of."""
    classes = labels.argmax(1) if labels.ndim == 2 else labels
    return (logits.argmax(1) == classes).sum()
