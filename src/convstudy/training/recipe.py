"""The training recipe: every choice that decides how a network is trained, in one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from convstudy.errors import RecipeError, advice
from convstudy.training.setting import check, choice, number
from convstudy.training.synonyms import SYNONYMS


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: by default SGD with Nesterov momentum, under a cosine schedule with linear warm-up.

    Every value is a number, a name, or true or false, so that a recipe is the same in YAML and JSON.

    Raises: RecipeError, when a value is out of its range.

    Source: the schedule is Loshchilov & Hutter 2017, equation 5, without restarts; weight decay leaves out biases
    and norms as in He et al. 2019 (Bag of Tricks), section 3.1; label smoothing is Szegedy et al. 2016, section 7.

    >>> Recipe(epochs=5).lr
    0.03
    >>> Recipe(lr=-1)
    Traceback (most recent call last):
    convstudy.errors.RecipeError: --lr is -1; expected a number above 0
    """

    epochs: int = number(6, "a whole number from 1 on", lambda epochs: epochs >= 1)
    batch_size: int = number(32, "a whole number from 2 on", lambda size: size >= 2)  # images a step of the optimiser
    accumulate: int = number(1, "a whole number from 1 on", lambda parts: parts >= 1)  # parts that a batch is cut into

    optimiser: str = choice("sgd", "adamw")
    lr: float = number(0.03, "a number above 0", lambda lr: lr > 0)  # the peak, reached at the end of the warm-up
    momentum: float = number(0.9, "0 to below 1", lambda momentum: 0 <= momentum < 1)  # of AdamW: its first beta
    weight_decay: float = number(5e-4, "0 or more", lambda decay: decay >= 0)  # not on biases and norms
    clip_grad: float = number(0.0, "0 (none) or more", lambda norm: norm >= 0)  # L2 norm of all gradients together
    layer_decay: float = number(1.0, "above 0, to 1", lambda decay: 0 < decay <= 1)  # lr of a part to that of the next

    schedule: str = choice("cosine", "step", "constant", "one-cycle")
    warmup_epochs: float = number(0.5, "0 or more", lambda epochs: epochs >= 0)
    step_epochs: int = number(0, "0 (a third of the epochs) or more", lambda epochs: epochs >= 0)  # of schedule step
    step_factor: float = number(0.1, "above 0, to 1", lambda factor: 0 < factor <= 1)  # of schedule step

    init: str = choice("as is", "xavier", "kaiming")  # as is: as the network's own code has it
    label_smoothing: float = number(0.1, "0 to below 1", lambda smoothing: 0 <= smoothing < 1)
    balance: str = choice("none", "loss", "sampling")  # of classes that differ in their number of images
    ema_decay: float = number(0.0, "0 (none) to below 1", lambda decay: 0 <= decay < 1)  # moving average of the weights
    patience: int = number(0, "0 (none) or more", lambda epochs: epochs >= 0)  # epochs without a lower validation loss

    crop_padding: float = number(0.125, "0 to 0.5", lambda part: 0 <= part <= 0.5)  # a part of the side; 0: no crops
    horizontal_flip: bool = False  # half of the images mirrored
    alternating_flip: bool = False  # with it: drawn once, and then the other half in each other epoch
    augment: str = choice("none", "randaugment", "trivialaugment")
    erasing: float = number(0.0, "0 to 1", lambda part: 0 <= part <= 1)  # part of the images that lose a rectangle
    mixup: float = number(0.0, "0 (none) or more", lambda alpha: alpha >= 0)  # alpha; around 0.2
    cutmix: float = number(0.0, "0 (none) or more", lambda alpha: alpha >= 0)  # alpha; around 1

    channels_last: bool = False  # memory format: faster for some networks, slower for others
    amp: bool = False  # convolutions and matrix products of the training steps in bfloat16 (torch's autocast)
    compile: bool = False  # the training steps through torch.compile, which takes its time before the first one

    def __post_init__(self) -> None:
        for setting in fields(self):
            check(setting, getattr(self, setting.name))
        if self.warmup_epochs >= self.epochs:
            raise RecipeError(f"--warmup-epochs is {self.warmup_epochs:g}; expected 0 to below {self.epochs}")

    def to_dict(self) -> dict[str, int | float | str | bool]:
        """Every setting by its name, for YAML or JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Recipe:
        """The recipe with these settings, and defaults for those that are left out.

        Names may have hyphens, as flags have.

        Raises: RecipeError, for an unknown name, with the nearest right one, or a value out of its range.

        >>> Recipe.from_dict({"batch-size": 64}).batch_size
        64
        >>> Recipe.from_dict({"learning_rate": 0.1})
        Traceback (most recent call last):
        convstudy.errors.RecipeError: a recipe has no 'learning_rate'; did you mean 'lr'?
        """
        known = {setting.name: setting.type for setting in fields(cls)}
        given: dict[str, Any] = {}
        for written, value in settings.items():
            name = str(written).replace("-", "_")
            if name not in known:
                raise RecipeError(f"a recipe has no '{written}'; {advice(name, known, SYNONYMS)}")
            if name in given:
                raise RecipeError(f"a recipe has '{written}' twice; leave one out")
            given[name] = _number_from_text(value) if known[name] == "float" else value
        return cls(**given)


def _number_from_text(value: object) -> object:
    """YAML reads 1e-3 as text, for it has no point."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
