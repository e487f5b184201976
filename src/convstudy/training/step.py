"""One step of training: forward, backward, and the optimiser."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from convstudy.errors import ModelError, RecipeError
from convstudy.inference import is_out_of_memory
from convstudy.processes import raise_once
from convstudy.training.batches import TrainingBatches
from convstudy.training.objective import objective
from convstudy.training.precision import mixed_precision
from convstudy.training.state import TrainingState


def take_step(
    state: TrainingState, batches: TrainingBatches, images: Tensor, labels: Tensor, *, whole: int = 0
) -> tuple[Tensor, Tensor]:
    """Move the weights by the gradient of one batch; give its loss, and how many answers were right.

    With `state.parts` above 1 the batch goes through the network in that many parts, and the gradients add up to the
    batch's; batch normalisation then sees each part alone. Where memory is full, they are twice as many from then on:
    the optimiser's steps stay the same, and `state.notes` says so.

    Where several processes share a batch, `whole` is its number of images: the loss is then this process's share of the
    batch's, and the gradient is the batch's.

    Raises: ModelError, when several processes train a network that does not use all of its parameters; StudyError,
    when a single image is too much for the memory; RecipeError, when batch normalisation gets a single value.
    """
    recipe = batches.recipe
    loss, correct = _fitting(state, batches, images, labels, whole or len(labels))
    if state.wrapped is not None:
        _refuse_idle_parameters(state.network)
    if recipe.clip_grad:
        nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip_grad)
    state.optimiser.step()
    if state.average is not None:
        state.average.update_parameters(state.network)
    return loss, correct


def _fitting(
    state: TrainingState, batches: TrainingBatches, images: Tensor, labels: Tensor, whole: int
) -> tuple[Tensor, Tensor]:
    """The gradients, of as many parts as the memory wants."""
    while True:
        state.optimiser.zero_grad(set_to_none=True)
        try:
            return _gradients(state, batches, images, labels, whole)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise RecipeError(
                f"batch normalisation needs more than one image at once, and a batch of {len(labels)} goes through in "
                f"{state.parts} parts; a larger --batch-size or a smaller --accumulate gives it more"
            ) from error
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        state.take_more_parts(len(labels))  # out of the handler, whose error holds on to the memory


def _gradients(
    state: TrainingState, batches: TrainingBatches, images: Tensor, labels: Tensor, whole: int
) -> tuple[Tensor, Tensor]:
    losses, right = [], []
    cut = list(zip(_cut(images, state.parts), _cut(labels, state.parts), strict=True))
    for part, (some_images, some_labels) in enumerate(cut, start=1):
        share = len(some_labels) / whole
        with state.exchanging(part == len(cut)):
            with mixed_precision(some_images.device, batches.recipe.amp):
                output = state.parallel(some_images)
            loss, logits = objective(output, some_labels, batches.recipe.label_smoothing, batches.class_weights)
            averaged = share * state.world  # processes average their gradients
            (loss if averaged == 1 else loss * averaged).backward()  # type: ignore[no-untyped-call]
        losses.append(loss.detach() if share == 1 else loss.detach() * share)
        right.append(_correct(logits.detach(), some_labels))
    return (losses[0], right[0]) if len(losses) == 1 else (torch.stack(losses).sum(), torch.stack(right).sum())


def _refuse_idle_parameters(network: nn.Module) -> None:
    """Find that every parameter has a gradient, for else processes wait for it in the next step, and torch fails."""
    for name, parameter in network.named_parameters():
        if parameter.requires_grad and parameter.grad is None:
            raise_once(
                ModelError(
                    f"{name} gets no gradient, for the network does not use it, and several processes cannot "
                    "train that; take it out, set its requires_grad to False, or train with one process"
                )
            )


def _cut(batch: Tensor, parts: int) -> tuple[Tensor, ...]:
    return batch.tensor_split(min(parts, len(batch)))


def _correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Right answers; of a mixed image the right one is the class that it has most of."""
    classes = labels.argmax(1) if labels.ndim == 2 else labels
    return (logits.argmax(1) == classes).sum()
