"""Whether the running statistics of batch normalization have arrived when training ends."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from convstudy.inference import ResidentImages, predict
from convstudy.inference.precise_batch_norm import has_running_statistics, with_precise_statistics
from convstudy.processes import place
from convstudy.study.runs.task import Task
from convstudy.training import Epoch

SUSPICIOUS = 0.1  # of training top-1 above validation top-1, from which on the statistics are looked at
LEAST_GAIN = 0.02  # of validation top-1
STANDARD_ERRORS = 3.0  # that the gain must exceed, over the images on which the two differ (McNemar 1947)


@dataclass(frozen=True)
class StatisticsCheck:
    """What was found, and whether the network was given precise statistics."""

    stale: bool = False  # the network answers clearly better with precise statistics, and was not given them
    recomputed: bool = False


def check_statistics(
    task: Task, network: nn.Module, epochs: tuple[Epoch, ...], training: ResidentImages, validation: ResidentImages
) -> StatisticsCheck:
    """Compare a trained network with itself after its running statistics are recomputed on training images.

    With the recipe's `bn_recompute` at `auto`, the network keeps the recomputed ones if the validation set shows that
    its own have not arrived; with `always`, in any case; with `never`, only the finding remains.

    Source: Wu & Johnson 2021 (Rethinking "Batch" in BatchNorm), section 3.
    """
    asked = task.recipe.bn_recompute
    frozen = task.freeze and not task.unfreeze_at
    if frozen or not place().alone or not has_running_statistics(network):
        return StatisticsCheck()
    if asked != "always" and not _suspicious(epochs):
        return StatisticsCheck()
    precise = with_precise_statistics(network, training)
    stale = asked != "always" and _clearly_better(_right(precise, validation), _right(network, validation))
    if asked == "always" or (stale and asked == "auto"):
        network.load_state_dict(precise.state_dict())
        return StatisticsCheck(recomputed=True)
    return StatisticsCheck(stale=stale)


def _suspicious(epochs: tuple[Epoch, ...]) -> bool:
    return bool(epochs) and epochs[-1].train_top1 > epochs[-1].validation_top1 + SUSPICIOUS


def _right(network: nn.Module, images: ResidentImages) -> Tensor:
    return predict(network, images).argmax(1) == images.labels.cpu()


def _clearly_better(precise: Tensor, own: Tensor) -> bool:
    gained, lost = int((precise & ~own).sum()), int((own & ~precise).sum())
    enough = gained - lost >= LEAST_GAIN * len(own)
    return enough and (gained - lost) ** 2 > STANDARD_ERRORS**2 * (gained + lost)
