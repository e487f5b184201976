"""Types of what a `run.json` holds, which are checked when it is read: the folder may be somebody else's."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict


class FileDigest(TypedDict):
    """How a file was when it was written."""

    bytes: int
    sha256: str


class ImportedFrom(TypedDict):
    """The file of which imported predictions are."""

    file: NotRequired[str]
    sha256: NotRequired[str]
    content: NotRequired[str]
    scored: bool
    classes: int


class RunRecord(TypedDict, total=False):
    """Content of `run.json`; runs of earlier versions and imported ones lack a part of it."""

    model: str
    words: str
    named: bool
    code: str
    input_shape: list[int]
    data_fingerprint: str
    recipe: dict[str, Any]
    lr: float
    lr_grid: list[float]
    freeze: bool
    unfreeze_at: int
    folds: int | None
    seed: int
    device: str
    threads: int
    processes: int
    convstudy: str
    sources: str
    preprocessing: dict[str, Any]
    data: dict[str, Any]
    batch_normalization: str
    stale_statistics: bool
    recomputed_statistics: bool
    transform_input: bool
    notes: list[str]
    top1: float
    train_images: int
    train_seconds: float
    images_per_second: float
    trials: list[dict[str, Any]]
    latency_ms: float
    latency_p95_ms: float | None
    latency_passes: int
    inference_images_per_second: float | None
    inference_batch_size: int | None
    training_step_bytes: int | None
    imported: ImportedFrom
    files: dict[str, FileDigest]
    digest: str
    signature: str | None
