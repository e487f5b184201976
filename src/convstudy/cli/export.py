"""`convstudy export`: a trained network as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from convstudy.cli.predict import RunPath, Trust, opened
from convstudy.cli.torch_import import import_torch


def export(
    run: RunPath,
    output_format: Annotated[
        Literal["onnx", "safetensors", "torchvision"],
        typer.Option(
            "--format",
            help="onnx for other runtimes, safetensors for PyTorch, torchvision for a torchvision state dict.",
        ),
    ] = "onnx",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=r"File to write. \[default: in the run's folder]", show_default=False),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Compare the logits of the file with those of the network.")
    ] = True,
    card: Annotated[
        bool,
        typer.Option(
            "--card",
            help="Also write a model card, README.md, beside the file: use, data, results with intervals, cost, and "
            "how to load it.",
        ),
    ] = False,
    trust: Trust = False,
) -> None:
    """Export a trained network, with its classes and preprocessing, to a file for other programs.

    They are in the metadata of the file; for torchvision, in the `_metadata["convstudy"]` of the state dict.
    The file is then read back (by onnxruntime or torchvision, if it is meant for them), and its logits for the test
    images of the run are compared with those of the network. ONNX needs the extra `export`.
    """
    import_torch()
    from convstudy.report.numbers import plural
    from convstudy.study import export as exported
    from convstudy.study import findings_about

    trained = opened(run, trust=trust)
    findings = None
    if card:
        from convstudy.report import card_in

        card_in(output.parent if output else trained.folder.path)
        findings = findings_about(trained)
    written = exported(trained, output_format, output, check=check)
    typer.echo(written.path)
    if written.largest_difference is None:
        typer.echo(f"not checked: {written.note}", err=True)
    else:
        images = plural(written.checked_images, "test image")
        typer.echo(f"checked on {images}: the logits differ by at most {written.largest_difference:.1e}", err=True)
    if findings is not None:
        from convstudy.report import write_model_card

        typer.echo(write_model_card(trained, findings, written))
