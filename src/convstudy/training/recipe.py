"""The training recipe: every choice that decides how a network is trained, in one record."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from convstudy.errors import RecipeError
from convstudy.training.presets import with_preset
from convstudy.training.setting import Setting
from convstudy.training.validation import ALSO, by_name, settle

OPTIMIZATION = "Optimization"
SCHEDULE = "Learning-rate schedule"
LOSS = "Loss and regularization"
AUGMENTATION = "Augmentation"
SPEED = "Speed"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained: by default SGD with Nesterov momentum, under a cosine schedule with linear warm-up.

    Every value is a number, a name, or true or false, so that a recipe is the same in YAML and JSON. Each setting is
    declared here and nowhere else: its check, its key in files, its flag and its help follow from the declaration.

    With a `preset`, the settings that are not given are those of the preset (`convstudy.training.presets`).

    Raises: RecipeError, if a value is not of its type or out of its bounds.

    Source: the schedule is Loshchilov & Hutter 2017, equation 5, without restarts; weight decay exempts biases and
    normalization parameters as in He et al. 2019 (Bag of Tricks), section 3.1; label smoothing is Szegedy et al. 2016,
    section 7.

    >>> Recipe(epochs=5).lr
    0.03
    >>> Recipe(preset="quick", epochs=2).optimizer
    'adamw'
    >>> Recipe(lr=-1)
    Traceback (most recent call last):
    convstudy.errors.RecipeError: lr is -1; expected a number above 0
    """

    preset: Annotated[
        Literal["none", "quick", "standard", "thorough"],
        Setting(
            "A whole recipe for this duration, chosen by experiment (docs/training.md); the other flags override its "
            "settings.",
            panel=OPTIMIZATION,
        ),
    ] = "none"
    epochs: Annotated[
        int,
        Ge(1),
        Le(1_000_000),
        Setting(
            "Number of passes over the training set.",
            panel=OPTIMIZATION,
            always=True,
            synonyms=("num_epochs", "max_epochs", "num_train_epochs"),
        ),
    ] = 6
    batch_size: Annotated[
        int,
        Ge(2),
        Le(2**31 - 1),
        Setting(
            "Images per optimizer step.",
            panel=OPTIMIZATION,
            flags=("--batch-size", "-b"),
            always=True,
            synonyms=("bs", "train_batch_size"),
        ),
    ] = 32
    accumulate: Annotated[
        int,
        Ge(1),
        Setting(
            "Split each batch into N micro-batches and accumulate their gradients, to save memory.",
            panel=OPTIMIZATION,
            metavar="N",
            synonyms=("grad_accum_steps", "gradient_accumulation_steps", "accumulate_grad_batches"),
        ),
    ] = 1

    optimizer: Annotated[
        Literal["sgd", "adamw"],
        Setting(
            "Optimizer: SGD with Nesterov momentum, or AdamW.",
            panel=OPTIMIZATION,
            flags=("--opt", "--optimizer", "--optimiser"),
            aliases=("optimiser",),
            synonyms=("optim",),
        ),
    ] = "sgd"
    lr: Annotated[
        float,
        Gt(0),
        Setting(
            "Peak learning rate, reached at the end of the warm-up. With `train`, `find` chooses it by a range test.",
            panel=OPTIMIZATION,
            metavar="RATE",
            keywords=("find",),
            always=True,
            synonyms=("learning_rate", "base_lr", "max_lr"),
        ),
    ] = 0.03
    momentum: Annotated[
        float, Ge(0), Lt(1), Setting("SGD momentum (beta1 for AdamW).", panel=OPTIMIZATION, always=True)
    ] = 0.9
    weight_decay: Annotated[
        float,
        Ge(0),
        Setting(
            "Weight decay; biases and normalization parameters are exempt.",
            panel=OPTIMIZATION,
            flags=("--weight-decay", "--wd"),
            always=True,
            synonyms=("l2",),
        ),
    ] = 5e-4
    clip_grad: Annotated[
        float,
        Ge(0),
        Setting(
            "Clip the L2 norm of all gradients together to this value (0: no clipping).",
            panel=OPTIMIZATION,
            flags=("--clip-grad", "--clip-grad-norm"),
            synonyms=("max_grad_norm", "gradient_clip_val"),
        ),
    ] = 0.0
    layer_decay: Annotated[
        float,
        Gt(0),
        Le(1),
        Setting("Layer-wise learning-rate decay: factor between successive blocks (1: none).", panel=OPTIMIZATION),
    ] = 1.0

    schedule: Annotated[
        Literal["cosine", "linear", "step", "constant", "one-cycle"],
        Setting(
            "Learning-rate schedule after the warm-up.",
            panel=SCHEDULE,
            flags=("--sched", "--schedule", "--lr-scheduler"),
            synonyms=("scheduler", "lr_schedule", "lr_scheduler_type"),
        ),
    ] = "cosine"
    warmup_epochs: Annotated[
        float,
        Ge(0),
        Setting(
            "Epochs of linear warm-up to the peak learning rate.",
            panel=SCHEDULE,
            flags=("--warmup-epochs", "--lr-warmup-epochs"),
            always=True,
            synonyms=("warmup",),
        ),
    ] = 0.5
    step_epochs: Annotated[
        int,
        Ge(0),
        Setting(
            "Epochs between two steps of --sched step (0: a third of all epochs).",
            panel=SCHEDULE,
            flags=("--step-epochs", "--decay-epochs", "--lr-step-size"),
            synonyms=("step_size",),
        ),
    ] = 0
    step_factor: Annotated[
        float,
        Gt(0),
        Le(1),
        Setting(
            "Factor by which each step of --sched step multiplies the learning rate.",
            panel=SCHEDULE,
            flags=("--step-factor", "--decay-rate", "--lr-gamma"),
            synonyms=("gamma",),
        ),
    ] = 0.1

    init: Annotated[
        Literal["as is", "xavier", "kaiming"],
        Setting("Initial weights: `as is` keeps those of the network's own code.", panel=OPTIMIZATION),
    ] = "as is"
    label_smoothing: Annotated[
        float,
        Ge(0),
        Lt(1),
        Setting("Label smoothing (0: none).", panel=LOSS, flags=("--label-smoothing", "--smoothing"), always=True),
    ] = 0.1
    balance: Annotated[
        Literal["none", "loss", "sampling"],
        Setting(
            "Balance classes of different size: weight the loss, or sample images of rare classes more often.",
            panel=LOSS,
        ),
    ] = "none"
    ema_decay: Annotated[
        float,
        Ge(0),
        Lt(1),
        Setting(
            "Evaluate and keep an exponential moving average of the weights with this decay (0: none).",
            panel=LOSS,
            flags=("--ema-decay", "--model-ema-decay"),
        ),
    ] = 0.0
    ema_warmup: Annotated[
        bool,
        Setting(
            "Raise the decay of the average with the number n of steps, as min(--ema-decay, (1 + n) / (10 + n)).",
            panel=LOSS,
            flags=("--ema-warmup", "--model-ema-warmup"),
        ),
    ] = True
    bn_recompute: Annotated[
        Literal["auto", "always", "never"],
        Setting(
            "Recompute the running statistics of batch normalization on training images after training; `auto` does so "
            "if the validation set shows that they have not arrived.",
            panel=LOSS,
        ),
    ] = "auto"
    patience: Annotated[
        int,
        Ge(0),
        Setting(
            "Early stopping: end after N epochs without a lower validation loss (0: never).",
            panel=LOSS,
            metavar="N",
            synonyms=("early_stopping",),
        ),
    ] = 0

    crop_padding: Annotated[
        float,
        Ge(0),
        Le(0.5),
        Setting(
            "Random crops: padding on each side, as a fraction of the image side (0: no crops).",
            panel=AUGMENTATION,
            always=True,
        ),
    ] = 0.125
    horizontal_flip: Annotated[
        bool,
        Setting(
            "Mirror half of the training images.",
            panel=AUGMENTATION,
            flags=("--flip", "--horizontal-flip"),
            default="depends on the data: yes for photographs, no for digits",
            always=True,
            synonyms=("hflip",),
        ),
    ] = False
    alternating_flip: Annotated[
        bool,
        Setting(
            "With --flip: mirror one half of the images in odd epochs and the other half in even epochs.",
            panel=AUGMENTATION,
        ),
    ] = False
    augment: Annotated[
        Literal["none", "randaugment", "trivialaugment"],
        Setting("Automatic augmentation policy.", panel=AUGMENTATION, flags=("--augment", "--aa", "--auto-augment")),
    ] = "none"
    erasing: Annotated[
        float,
        Ge(0),
        Le(1),
        Setting(
            "Probability of erasing a random rectangle of a training image.",
            panel=AUGMENTATION,
            flags=("--erasing", "--reprob", "--random-erase"),
            synonyms=("random_erasing",),
        ),
    ] = 0.0
    mixup: Annotated[
        float,
        Ge(0),
        Setting(
            "Mixup alpha, usually about 0.2 (0: no mixup).", panel=AUGMENTATION, flags=("--mixup", "--mixup-alpha")
        ),
    ] = 0.0
    cutmix: Annotated[
        float,
        Ge(0),
        Setting(
            "CutMix alpha, usually about 1 (0: no CutMix).", panel=AUGMENTATION, flags=("--cutmix", "--cutmix-alpha")
        ),
    ] = 0.0

    channels_last: Annotated[
        bool | None,
        Setting(
            "Store images and weights in channels-last memory format: faster for most networks, but slower for "
            "ResNet-18 and ResNet-34.",
            panel=SPEED,
            default="by a fixed rule for each network",
            synonyms=("memory_format",),
        ),
    ] = None
    amp: Annotated[
        bool,
        Setting(
            "Mixed precision: run convolutions and matrix products of training in bfloat16 (torch.autocast): faster on "
            "GPUs and processors with bfloat16 instructions; a long run reports at its end if it had them.",
            panel=SPEED,
            synonyms=("bf16", "mixed_precision"),
        ),
    ] = False
    compile: Annotated[
        bool,
        Setting(
            "Compile training steps with torch.compile; worthwhile for long runs on GPUs.",
            panel=SPEED,
            flags=("--compile", "--torchcompile"),
            synonyms=("torch_compile",),
        ),
    ] = False

    def __post_init__(self) -> None:
        settle(self, RecipeError)
        if self.warmup_epochs >= self.epochs:
            raise RecipeError(
                f"warmup_epochs is {self.warmup_epochs:g}; expected a number from 0 to below {self.epochs}, "
                "the value of `epochs`",
                setting="warmup_epochs",
            )

    def to_dict(self) -> dict[str, int | float | str | bool]:
        """Return every setting by its name, for YAML or JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[Any, Any]) -> Recipe:
        """Return the recipe with these settings, and defaults for those that are left out.

        Names may have hyphens, as flags have.

        Raises: RecipeError, for unknown names, with the nearest known ones, and values out of their bounds.

        >>> Recipe.from_dict({"batch-size": 64}).batch_size
        64
        >>> Recipe.from_dict({"learning_rate": 0.1})
        Traceback (most recent call last):
        convstudy.errors.RecipeError: a recipe has no 'learning_rate'; did you mean 'lr'?
        """
        given, problems = by_name(cls, settings, "a recipe")
        try:
            recipe = cls(**given)
        except RecipeError as error:
            if not problems:
                raise
            problems.append(str(error))
        if problems:
            raise RecipeError(ALSO.join(problems))
        return recipe

    @classmethod
    def named(cls, settings: Mapping[Any, Any]) -> dict[str, Any]:
        """Return these settings by their declared names. Raises: as `from_dict`, for names only."""
        given, problems = by_name(cls, settings, "a recipe")
        if problems:
            raise RecipeError(ALSO.join(problems))
        return given


def _with_presets(init: Callable[..., None]) -> Callable[..., None]:
    """Let a recipe begin with the settings of its preset; which ones are given is known only here."""

    @functools.wraps(init)
    def begin(self: Recipe, **settings: Any) -> None:
        init(self, **with_preset(settings))

    return begin


Recipe.__init__ = _with_presets(Recipe.__init__)  # type: ignore[method-assign]
