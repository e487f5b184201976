"""One training step: forward pass, backward pass and optimizer step."""

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
from convstudy.wording import message_of


def take_step(
    state: TrainingState, batches: TrainingBatches, images: Tensor, labels: Tensor, *, whole: int = 0
) -> tuple[Tensor, Tensor]:
    """Update the weights with the gradient of one batch, and return its loss and number of right answers.

    With `state.parts` above 1 the batch is processed in that many micro-batches whose gradients add up to the batch's;
    batch normalization then sees each micro-batch alone. On out-of-memory their number is doubled from then on: the
    optimizer's steps stay the same, and `state.notes` records it.

    If several processes share a batch, `whole` is its number of images: the loss is then this process's share of the
    batch's loss, and the gradient is that of the whole batch.

    Raises: ModelError, if several processes train a network that does not use all of its parameters; StudyError, if a
    single image does not fit into memory; RecipeError, if batch normalization gets a single value.
    """
    recipe = batches.recipe
    loss, correct = _fitting(state, batches, images, labels, whole or len(labels))
    if state.wrapped is not None:
        _refuse_idle_parameters(state.network)
    if recipe.clip_grad:
        nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip_grad)
    state.optimizer.step()
    if state.average is not None:
        state.average.update_parameters(state.network)
    return loss, correct


def _fitting(
    state: TrainingState, batches: TrainingBatches, images: Tensor, labels: Tensor, whole: int
) -> tuple[Tensor, Tensor]:
    """Compute the gradients with as many micro-batches as memory requires."""
    while True:
        state.optimizer.zero_grad(set_to_none=True)
        try:
            return _gradients(state, batches, images, labels, whole)
        except ValueError as error:
            if "more than 1 value per channel" not in message_of(error):
                raise
            raise RecipeError(
                f"batch normalization needs more than one image at once, but a batch of {len(labels)} is processed in "
                f"{state.parts} micro-batches; increase batch_size or decrease accumulate"
            ) from error
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        state.take_more_parts(len(labels))  # outside the handler, because its error keeps the memory allocated


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
    """Check that every parameter has a gradient.

    Otherwise processes would wait for it in the next step, and torch fails.
    """
    for name, parameter in network.named_parameters():
        if parameter.requires_grad and parameter.grad is None:
            raise_once(
                ModelError(
                    f"{name} gets no gradient because the network does not use it, which several processes cannot "
                    "train; remove it, set its requires_grad to False, or train with one process"
                )
            )


def _cut(batch: Tensor, parts: int) -> tuple[Tensor, ...]:
    return batch.tensor_split(min(parts, len(batch)))


def _correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Count right answers; the right class of a mixed image is the one with the largest share."""
    classes = labels.argmax(1) if labels.ndim == 2 else labels
    return (logits.argmax(1) == classes).sum()
