"""The result of a single run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.report import numbers
from convstudy.statistics import numbered_groups, top1_interval

if TYPE_CHECKING:
    from convstudy.study.runs.result import RunResult


LONG = 60  # seconds of training from which on mixed precision is worth a line


def trained_report(record: dict[str, Any], result: RunResult, *, bfloat16: bool = False) -> RenderableType:
    """Draw a finished run: its top-1 on the test set with 95% CI, its speed and its memory.

    With `bfloat16`, the device has instructions for it, which a long run could have used.
    """
    groups = numbered_groups(result.groups) if result.groups else None
    top1 = top1_interval(result.right[None], groups)
    interval = numbers.percent_interval(top1.low, top1.high)
    images = numbers.plural(len(result.labels), "test image")
    images += "" if groups is None else f" in {numbers.plural(int(groups.max()) + 1, 'group')}"
    headline = f"{result.model}, seed {result.seed}: top-1 {numbers.percent(top1.value)}"
    return Group(
        Text(f"{headline} (95% CI {interval}, {images})", style="bold"),
        Text(
            f"training took {numbers.seconds(record['train_seconds'])}, {numbers.rate(record['images_per_second'])} "
            f"images/s; latency {numbers.milliseconds(record['latency_ms'])} per image{_p95(record)}"
        ),
        *_in_batches(record),
        *([Text(AMP)] if bfloat16 and _would_gain(record) else []),
        Text(f"{_tested(record)}; one seed only: use `convstudy compare` to cover other seeds", style="dim"),
    )


def _p95(record: dict[str, Any]) -> str:
    p95 = record.get("latency_p95_ms")
    return "" if p95 is None else f" (p95 {numbers.milliseconds(p95)})"


def _in_batches(record: dict[str, Any]) -> list[Text]:
    """Return a line with inference speed and training memory, if the record contains them."""
    rate, num_bytes = record.get("inference_images_per_second"), record.get("training_step_bytes")
    words = []
    if rate is not None:
        words.append(
            f"inference {numbers.rate(rate)} images/s in batches of {numbers.count(record['inference_batch_size'])}"
        )
    if num_bytes is not None:
        words.append(f"a training step uses {numbers.num_bytes(num_bytes)}")
    return [Text("; ".join(words))] if words else []


AMP = (
    "this device has bfloat16 instructions: --amp would probably train faster, with other rounding (1.5 times for "
    "resnet20, 1.8 for resnet34, 1.1 for net on one processor: docs/speed.md)"
)


def _would_gain(record: dict[str, Any]) -> bool:
    return not record["recipe"].get("amp") and record["train_seconds"] >= LONG


def _tested(record: dict[str, Any]) -> str:
    """Say which weights were tested, and when."""
    if record["recipe"].get("patience"):
        return "tested once, after the last epoch, using the weights with the lowest validation loss"
    return "tested once, after the last epoch"
