"""What one run came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from convstudy.report import numbers
from convstudy.statistics import accuracy_interval

if TYPE_CHECKING:
    from convstudy.study.runs.result import RunResult


def trained_report(record: dict[str, Any], result: RunResult) -> RenderableType:
    """Draw a finished run: its top-1 on the test part with the interval, and its times."""
    top1 = accuracy_interval((result.logits.argmax(1) == result.labels)[None])
    interval = numbers.percent_interval(top1.low, top1.high)
    images = numbers.plural(len(result.labels), "test image")
    headline = f"{result.model}, seed {result.seed}: top-1 {numbers.percent(top1.value)}"
    return Group(
        Text(f"{headline} (95 % interval {interval}, {images})", style="bold"),
        Text(
            f"trained in {numbers.seconds(record['train_seconds'])}, {numbers.rate(record['images_per_second'])} "
            f"images/s; an image takes {numbers.milliseconds(record['latency_ms'])}{_at_most(record)}"
        ),
        *_in_batches(record),
        Text(f"{_tested(record)}; other seeds are not covered: `convstudy compare` has them", style="dim"),
    )


def _at_most(record: dict[str, Any]) -> str:
    p95 = record.get("latency_p95_ms")
    return "" if p95 is None else f" (p95 {numbers.milliseconds(p95)})"


def _in_batches(record: dict[str, Any]) -> list[Text]:
    """The inference speed and the memory of training, as far as the record has them."""
    rate, num_bytes = record.get("inference_images_per_second"), record.get("training_step_bytes")
    words = []
    if rate is not None:
        words.append(
            f"answers {numbers.rate(rate)} images/s in batches of {numbers.count(record['inference_batch_size'])}"
        )
    if num_bytes is not None:
        words.append(f"a training step takes {numbers.num_bytes(num_bytes)}")
    return [Text("; ".join(words))] if words else []


def _tested(record: dict[str, Any]) -> str:
    """Which weights were tested, and when."""
    if record["recipe"].get("patience"):
        return "tested once, after the last epoch, with the weights of the lowest validation loss"
    return "tested once, after the last epoch"
