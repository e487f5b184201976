"""Record of what `convstudy.study.runs.cost` measures."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class MeasuredCost:
    """Speed and memory of a network as stored in `run.json` or `costs.json`; None if a value could not be measured."""

    latency_ms: float  # forward pass of one image, median
    latency_p95_ms: float | None  # forward pass of one image, 95th percentile
    latency_passes: int  # number of timed forward passes
    inference_images_per_second: float | None  # at the fastest batch size
    inference_batch_size: int | None  # the fastest batch size
    training_step_bytes: int | None  # see `training_step_bytes`

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the values by their names."""
        return asdict(self)
