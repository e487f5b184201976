"""`convstudy train`: one network, one seed, one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def train(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="A network: see `convstudy models`, or your own as path/to/file.py:Name."),
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
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="A recipe in YAML, as a run's recipe.yaml; flags override it.", show_default=False
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training part.")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", "-b", help="Images a step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    warmup_epochs: Annotated[
        float | None, typer.Option("--warmup-epochs", "--lr-warmup-epochs", help="Epochs until the peak is reached.")
    ] = None,
    momentum: Annotated[float | None, typer.Option(help="Of SGD: Nesterov's.")] = None,
    weight_decay: Annotated[
        float | None, typer.Option("--weight-decay", "--wd", help="Not on biases and norms.")
    ] = None,
    label_smoothing: Annotated[
        float | None, typer.Option("--label-smoothing", "--smoothing", help="0 is none.")
    ] = None,
    crop_padding: Annotated[
        float | None, typer.Option(help="Random crops: padding as a part of the side; 0 is none.")
    ] = None,
    flip: Annotated[
        bool | None,
        typer.Option(
            "--flip/--no-flip", help=r"Mirror half of the images. \[default: as the data allow]", show_default=False
        ),
    ] = None,
    channels_last: Annotated[
        bool | None, typer.Option("--channels-last/--no-channels-last", help="Memory format.", show_default=False)
    ] = None,
    resize: Annotated[
        int | None,
        typer.Option(
            "--resize",
            "--img-size",
            "--input-size",
            help=r"Side of the input. \[default: the network's own, else the images', at least 32]",
            show_default=False,
        ),
    ] = None,
    freeze: Annotated[
        Literal["backbone"] | None,
        typer.Option(help="Train the last linear layer alone, on features that are computed once, unaugmented."),
    ] = None,
    unfreeze_at: Annotated[
        int, typer.Option(metavar="EPOCHS", help="Train the whole network after so many frozen epochs; 0 is never.")
    ] = 0,
    skip_bad_images: Annotated[
        bool, typer.Option("--skip-bad-images", help="Go on without images that cannot be decoded.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of initialisation, split, order, augmentation and dropout.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "--output-dir", "-o", help=r"Folder of the run. \[default: runs/<name>]", show_default=False
        ),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run of this folder, as it was asked for.", show_default=False)
    ] = None,
    log: Annotated[
        list[str] | None,
        typer.Option(help="Also tell the epochs to: tensorboard, wandb, mlflow (extras of these names). Repeatable."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help=r"Threads, on the CPU. \[default: the number measured to be fastest]", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Train a network, test it once, and leave a folder for evaluate, predict and export.

    Interrupted, the same command goes on with it, and so does --resume FOLDER. The recipe is that of --config, or the
    default one, with what the flags say; it is printed, and stored as recipe.yaml.
    """
    from convstudy.cli.training import carry_out_training
    from convstudy.errors import StudyError
    from convstudy.study import Plan, read_settings, stored_plan
    from convstudy.training import Recipe

    if resume is not None:
        if model is not None:
            raise StudyError(f"--resume {resume} goes on as that run was asked for; leave MODEL out")
        folder = resume.parent if resume.is_file() else resume
        carry_out_training(stored_plan(folder), folder, None)
        return
    if model is None:
        raise StudyError("no network to train; name one, as in `convstudy train resnet18 --data path/to/images`")
    asked = {
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "warmup_epochs": warmup_epochs,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "label_smoothing": label_smoothing,
        "crop_padding": crop_padding,
        "horizontal_flip": flip,
        "channels_last": channels_last,
    }
    chosen = read_settings(config) if config else {}
    chosen |= {key: value for key, value in asked.items() if value is not None}
    plan = Plan(
        models=(model,),
        data=data,
        seeds=1,
        first_seed=seed,
        recipe=Recipe(**chosen),
        horizontal_flip=chosen.get("horizontal_flip"),
        data_dir=data_dir,
        test_data=test_data,
        input_size=resize,
        skip_bad_images=skip_bad_images,
        device=device,
        threads=1 if threads is None else threads,
        log=tuple(log or ()),
        freeze=freeze is not None,
        unfreeze_at=unfreeze_at,
    )
    carry_out_training(plan, output, threads)
