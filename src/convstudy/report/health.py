"""What is wrong with the runs of a comparison, in sentences, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.study.comparisons.health import HealthKind, may_fail
from convstudy.wording import listed

if TYPE_CHECKING:
    from convstudy.study.comparisons.health import HealthFinding
    from convstudy.study.comparisons.results import Results

FAILURES = {HealthKind.CHANCE, HealthKind.ONE_CLASS, HealthKind.NOT_VALIDATING, HealthKind.FAILED_SEED}


def health_sentence(finding: HealthFinding, seeds: int) -> str:
    """Say what is wrong with runs, and what to do.

    >>> from convstudy.study.comparisons.health import HealthFinding
    >>> values = {"top1": 0.06, "chance": 0.06, "train_top1": 0.7}
    >>> health_sentence(HealthFinding(kind=HealthKind.NOT_VALIDATING, model="net", seeds=(0, 1, 2), values=values), 3)
    'net: training learns (top-1 70.0%), but the test set is answered at chance level (6.0%); check that training and test images are prepared alike, train longer, or use a larger batch size'
    """  # noqa: E501
    values = finding.values
    few = "" if len(finding.seeds) in {0, seeds} else f" (seeds {listed(list(map(str, finding.seeds)))})"
    match finding.kind:
        case HealthKind.CHANCE:
            text = f"top-1 {_percent(values['top1'])} is not shown to be better than always answering the most "
            text += f"frequent class ({_percent(values['chance'])}); train longer, or search the learning rate"
        case HealthKind.ONE_CLASS:
            text = "one class is answered for nearly all test images; train longer, or search the learning rate"
        case HealthKind.NOT_VALIDATING:
            text = f"training learns (top-1 {_percent(values['train_top1'])}), but the test set is answered at chance "
            text += (
                f"level ({_percent(values['top1'])}); check that training and test images are prepared alike, train "
            )
            text += "longer, or use a larger batch size"
        case HealthKind.STALE_STATISTICS:
            text = "the running statistics of batch normalization have not arrived; recompute them "
            text += "(`bn_recompute` auto or always)"
        case HealthKind.UNDERTRAINED:
            text = f"validation top-1 ({_percent(values['validation_top1'])}) and loss still improved steeply in the "
            text += "last epoch; train for more epochs"
        case HealthKind.FAILED_SEED:
            text = (
                f"top-1 at chance level ({_percent(values['top1'])}), others reach {_percent(values['others'])}; the "
            )
            text += "failed runs are counted"
        case HealthKind.GRID_EDGE:
            text = f"the best learning rate ({values['lr']:g}) is at an end of the grid; extend the grid"
        case HealthKind.OVERFITTING:
            text = f"overfitting: validation loss {values['validation_loss']:.3f} at the end, "
            text += f"{values['lowest']:.3f} at its lowest; early stopping or more augmentation may help"
        case HealthKind.INPUT_SIZES:
            sides = ", ".join(f"{name} {side:.0f}" for name, side in values.items())
            return f"networks get images of different sides under one recipe: {sides} pixels"
    return f"{finding.model}{few}: {text}"


def failure_limit(results: Results) -> str:
    """Say how many runs may fail although none of those seen did; empty if some did.

    Source: Hanley & Lippman-Hand 1983.
    """
    seeds = min((len(model.top1.per_seed) for model in results.models), default=0)
    failed = any(finding.kind in FAILURES for finding in results.health)
    if failed or seeds < 2 or not results.models:
        return ""
    share = may_fail(seeds)
    return (
        f"None of {seeds} runs per network failed to train; up to {100 * share:.0f}% of all runs still may (95% limit)."
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}%"
