"""`convstudy export`: a trained network for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from convstudy.cli.predict import RunPath, opened


def export(
    run: RunPath,
    output_format: Annotated[
        Literal["onnx", "safetensors", "torchvision"],
        typer.Option(
            "--format",
            help="onnx for other runtimes, safetensors for PyTorch, torchvision for a state dict of its network.",
        ),
    ] = "onnx",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=r"The file. \[default: in the run's folder]", show_default=False),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Hold the file's logits against the network's on test images.")
    ] = True,
) -> None:
    """Write a trained network as a file for other programs, with its classes and preprocessing inside.

    The file is read back, by onnxruntime or torchvision where it is for them, and its logits for the run's own test
    images are held against the network's. ONNX needs the extra `export`.
    """
    from convstudy.report.numbers import plural
    from convstudy.study import export as exported

    written = exported(opened(run), output_format, output, check=check)
    typer.echo(written.path)
    if written.largest_difference is None:
        typer.echo(f"not checked: {written.note}", err=True)
    else:
        images = plural(written.checked_images, "test image")
        typer.echo(f"checked on {images}: the logits differ by {written.largest_difference:.1e} at most", err=True)
