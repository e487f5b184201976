"""A flag for each setting of a recipe, as timm's and torchvision's scripts spell it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from convstudy.report.numbers import setting
from convstudy.training.recipe import Recipe


@dataclass(frozen=True)
class Flag:
    """How one setting of a recipe is given on the command line."""

    setting: str  # a field of `Recipe`
    kind: type[int] | type[float] | type[str] | type[bool]
    spellings: tuple[str, ...]
    help: str
    panel: str = "Recipe"
    parser: Callable[[str], Any] | None = None
    metavar: str | None = None
    decided: str = ""  # what decides where the flag is not given, if it is not the recipe's default

    @property
    def help_with_default(self) -> str:
        return rf"{self.help} \[default: {self.decided or setting(getattr(Recipe, self.setting))}]"


FIND = "find"  # as --lr: the rate that a range test finds


def rate_or_find(text: str) -> float | str:
    """A learning rate, or `find`.

    >>> rate_or_find("1e-2"), rate_or_find("find")
    (0.01, 'find')
    """
    try:
        return text if text == FIND else float(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is neither a number nor `{FIND}`") from None


RECIPE = (
    Flag("epochs", int, ("--epochs",), "Passes over the training part."),
    Flag("batch_size", int, ("--batch-size", "-b"), "Images a step."),
    Flag(
        "accumulate",
        int,
        ("--accumulate",),
        "Parts that a batch is cut into, to need less memory.",
    ),
    Flag("optimiser", str, ("--opt", "--optimiser"), "sgd (Nesterov) or adamw."),
    Flag(
        "lr",
        float,
        ("--lr",),
        "Peak learning rate; of `train` also `find`, by a range test.",
        parser=rate_or_find,
        metavar="RATE",
    ),
    Flag("momentum", float, ("--momentum",), "Of SGD; of AdamW the first beta."),
    Flag("weight_decay", float, ("--weight-decay", "--wd"), "Not on biases and norms."),
    Flag("clip_grad", float, ("--clip-grad", "--clip-grad-norm"), "Largest norm of the gradients; 0 is none."),
    Flag("layer_decay", float, ("--layer-decay",), "Learning rate of a part to that of the part after it."),
    Flag("schedule", str, ("--sched", "--schedule", "--lr-scheduler"), "cosine, step, constant or one-cycle."),
    Flag("warmup_epochs", float, ("--warmup-epochs", "--lr-warmup-epochs"), "Epochs until the peak is reached."),
    Flag(
        "step_epochs",
        int,
        ("--step-epochs", "--decay-epochs", "--lr-step-size"),
        "Of --sched step: epochs between two steps; 0 is a third of all.",
    ),
    Flag(
        "step_factor",
        float,
        ("--step-factor", "--decay-rate", "--lr-gamma"),
        "Of --sched step: part of the learning rate that a step leaves.",
    ),
    Flag("init", str, ("--init",), "Initial weights: as is (the network's own), xavier or kaiming."),
    Flag("label_smoothing", float, ("--label-smoothing", "--smoothing"), "Of the labels; 0 is none."),
    Flag("balance", str, ("--balance",), "Classes of few images: none, loss or sampling."),
    Flag("ema_decay", float, ("--ema-decay", "--model-ema-decay"), "Moving average of the weights; 0 is none."),
    Flag("patience", int, ("--patience",), "Stop after so many epochs without a lower validation loss; 0 is none."),
    Flag(
        "crop_padding",
        float,
        ("--crop-padding",),
        "Random crops: padding as a part of the side; 0 is none.",
        "Augmentation",
    ),
    Flag(
        "horizontal_flip",
        bool,
        ("--flip/--no-flip", "--horizontal-flip/--no-horizontal-flip"),
        "Mirror half of the images.",
        "Augmentation",
        decided="as the data allow",
    ),
    Flag(
        "alternating_flip",
        bool,
        ("--alternating-flip/--no-alternating-flip",),
        "With --flip: the other half of the images in each other epoch.",
        "Augmentation",
    ),
    Flag(
        "augment", str, ("--augment", "--aa", "--auto-augment"), "none, randaugment or trivialaugment.", "Augmentation"
    ),
    Flag(
        "erasing",
        float,
        ("--erasing", "--reprob", "--random-erase"),
        "Part of the images that lose a rectangle.",
        "Augmentation",
    ),
    Flag("mixup", float, ("--mixup", "--mixup-alpha"), "Alpha of mixup, around 0.2; 0 is none.", "Augmentation"),
    Flag("cutmix", float, ("--cutmix", "--cutmix-alpha"), "Alpha of cutmix, around 1; 0 is none.", "Augmentation"),
    Flag(
        "channels_last",
        bool,
        ("--channels-last/--no-channels-last",),
        "Memory format.",
        decided="of `train` without --threads, what is measured to be faster; else no",
    ),
    Flag("amp", bool, ("--amp/--no-amp",), "Train in bfloat16 where that is precise enough, as autocast has it."),
    Flag(
        "compile",
        bool,
        ("--compile/--no-compile", "--torchcompile/--no-torchcompile"),
        "Train through torch.compile, for long runs on GPUs.",
    ),
)


def with_recipe_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, whose last parameter is `**recipe`, an option for each flag; those not given are None."""
    signature = inspect.signature(command, eval_str=True)
    own = [given for given in signature.parameters.values() if given.kind is not given.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            flag.setting,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                flag.kind | None,
                typer.Option(
                    *flag.spellings,
                    help=flag.help_with_default,
                    rich_help_panel=flag.panel,
                    show_default=False,
                    parser=flag.parser,
                    metavar=flag.metavar,
                ),
            ],
        )
        for flag in RECIPE
    ]
    command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    return command


def given(flags: dict[str, Any]) -> dict[str, Any]:
    """Those of the flags that were given."""
    return {name: value for name, value in flags.items() if value is not None}
