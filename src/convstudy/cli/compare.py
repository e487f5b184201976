"""`convstudy compare`: networks in, one verdict out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL...",
            help="Networks: names of `convstudy models`, or your own as path/to/file.py:Name or package.module:Name. "
            r"\[default: net resnet34]",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            help="digits, cifar10, mnist, a folder of class folders, or an .npz or .h5 file (`convstudy data`)."
        ),
    ] = "digits",
    data_dir: Annotated[
        Path | None,
        typer.Option(help=r"Where the named data sets lie or are downloaded to. \[default: data]", show_default=False),
    ] = None,
    test_data: Annotated[Path | None, typer.Option(help="A second file, with the test part.")] = None,
    train_images: Annotated[
        int | None,
        typer.Option(
            help=r"Train on so many images, stratified, the same for every seed. \[default: all]", show_default=False
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each network; from three on, the seeds' spread shows.")] = 3,
    epochs: Annotated[int, typer.Option(help="Passes over the training part.")] = 6,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", help="Images a step.")] = 32,
    lr: Annotated[float, typer.Option(help="Peak learning rate of the cosine schedule.")] = 0.03,
    warmup_epochs: Annotated[float, typer.Option(help="Epochs until the peak is reached.")] = 0.5,
    momentum: Annotated[float, typer.Option(help="Nesterov momentum.")] = 0.9,
    weight_decay: Annotated[float, typer.Option("--weight-decay", "--wd", help="Not on biases and norms.")] = 5e-4,
    label_smoothing: Annotated[float, typer.Option(help="0 is none.")] = 0.1,
    crop_padding: Annotated[
        float, typer.Option(help="Random crops: padding as a part of the side; 0 is none.")
    ] = 0.125,
    flip: Annotated[
        bool | None,
        typer.Option(
            "--flip/--no-flip", help=r"Mirror half of the images. \[default: as the data allow]", show_default=False
        ),
    ] = None,
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="Memory format: faster for some networks, slower for others.")
    ] = False,
    input_size: Annotated[
        int | None,
        typer.Option(
            "--input-size",
            "--resize",
            help=r"Side of the input. \[default: each network's own, else the images', at least 32]",
            show_default=False,
        ),
    ] = None,
    skip_bad_images: Annotated[
        bool, typer.Option("--skip-bad-images", help="Go on without images that cannot be decoded.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=r"Folder of the comparison. \[default: runs/<name>]", show_default=False),
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads of a run, on the CPU.")] = 1,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", help=r"Runs side by side. \[default: cores / threads; 1 on a GPU]", show_default=False
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Train networks under one recipe and say which is better, and how sure that is.

    Running the same command again does only what is missing; an interrupted run goes on where it was.
    """
    from convstudy.cli.comparing import carry_out
    from convstudy.study import Plan
    from convstudy.training import Recipe

    recipe = Recipe(
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        warmup_epochs=min(warmup_epochs, epochs / 2),
        momentum=momentum,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        crop_padding=crop_padding,
        channels_last=channels_last,
    )
    plan = Plan(
        models=tuple(models or ("net", "resnet34")),
        data=data,
        seeds=seeds,
        recipe=recipe,
        horizontal_flip=flip,
        data_dir=data_dir,
        test_data=test_data,
        train_images=train_images,
        input_size=input_size,
        skip_bad_images=skip_bad_images,
        device=device,
        threads=threads,
        jobs=jobs,
    )
    carry_out(plan, output)
