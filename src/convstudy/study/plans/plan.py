"""What a comparison is asked to do."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from convstudy.errors import StudyError
from convstudy.study.plans.budget import Budget
from convstudy.study.plans.lr_grid import checked_grid
from convstudy.training import Recipe

DEFAULT_RECIPE = Recipe()
ALWAYS_SAID = (  # in the command
    "epochs",
    "batch_size",
    "lr",
    "warmup_epochs",
    "momentum",
    "weight_decay",
    "label_smoothing",
    "crop_padding",
    "horizontal_flip",
)


@dataclass(frozen=True)
class Plan:
    """Networks, data, seeds and recipe, as the user asked for them.

    Raises: StudyError, when there is no network, a network is given twice, or there is no seed.
    """

    models: tuple[str, ...]
    data: str = "digits"
    seeds: int = 3
    first_seed: int = 0
    recipe: Recipe = DEFAULT_RECIPE
    budget: Budget | None = None  # of each training; None: the recipe's epochs
    lr_grid: tuple[float, ...] = ()  # each run trains with each of these, and validation chooses; empty: the recipe's
    find_lr: bool = False  # by a range test, in place of the recipe's: of `convstudy train`
    horizontal_flip: bool | None = None  # None: as the data set says
    data_dir: Path | None = None
    test_data: Path | None = None
    input_size: int | None = None
    skip_bad_images: bool = False
    train_images: int | None = None  # of the training part, the same for every seed; None: all
    device: str = "auto"
    threads: int = 1  # of a run: part of what decides its bits
    freeze: bool = False  # train the last linear layer alone
    unfreeze_at: int = 0  # and the whole network after so many epochs; 0: never
    log: tuple[str, ...] = ()  # trackers to tell the epochs to
    jobs: int | None = None  # runs side by side; None: as many as the cores have threads for

    def __post_init__(self) -> None:
        if not self.models:
            raise StudyError("no network to compare; name at least one, as in `convstudy compare net resnet34`")
        twice = [name for name, times in Counter(self.models).items() if times > 1]
        if twice:
            raise StudyError(f"{twice[0]} is given twice; a network is compared with others, not with itself")
        if self.seeds < 1:
            raise StudyError(
                f"--seeds is {self.seeds}; expected a whole number from 1 on (3 or more show the seeds' spread)"
            )
        if self.first_seed < 0:
            raise StudyError(f"--seed is {self.first_seed}; expected a whole number from 0 on")
        if self.unfreeze_at and not (self.freeze and 0 < self.unfreeze_at < self.recipe.epochs):
            raise StudyError(
                f"--unfreeze-at is {self.unfreeze_at}; expected 1 to below the {self.recipe.epochs} epochs, and "
                "--freeze backbone with it"
            )
        if self.budget and self.freeze:
            raise StudyError(f"--budget {self.budget} is for whole networks; give --epochs with --freeze backbone")
        if self.lr_grid:
            object.__setattr__(self, "lr_grid", checked_grid(self.lr_grid, ",".join(map(str, self.lr_grid))))
        for flag, value in (("--threads", self.threads), ("--jobs", 1 if self.jobs is None else self.jobs)):
            if value < 1:
                raise StudyError(f"{flag} is {value}; expected a whole number from 1 on")

    @property
    def decided_otherwise(self) -> tuple[str, ...]:
        """Settings of the recipe that a budget or a grid decides instead."""
        return (("epochs",) if self.budget else ()) + (("lr",) if self.lr_grid else ())

    def command(self) -> str:
        """The command that asks for the same again, every choice that decides the result written out.

        >>> Plan(("net", "lenet5"), seeds=5).command()[:48]
        'convstudy compare net lenet5 --data digits --see'
        """
        flags: dict[str, object] = {
            "--data": self.data,
            "--data-dir": self.data_dir,
            "--test-data": self.test_data,
            "--train-images": self.train_images,
            "--seeds": self.seeds,
            "--first-seed": self.first_seed or None,
            "--budget": self.budget,
            "--lr-grid": ",".join(map(repr, self.lr_grid)) or None,
            "--input-size": self.input_size,
            "--freeze": "backbone" if self.freeze else None,
            "--unfreeze-at": self.unfreeze_at or None,
            "--threads": self.threads,
            **self._recipe_flags(),
        }
        words = ["convstudy", "compare", *self.models]
        words += [word for flag, value in flags.items() if value is not None for word in _flag(flag, value)]
        words += ["--skip-bad-images"] if self.skip_bad_images else []
        return shlex.join(words)

    def _recipe_flags(self) -> dict[str, object]:
        """The settings that are most asked for, and those that are not as they are by default."""
        return {
            f"--{name.replace('_', '-')}": value
            for name, value in {**asdict(self.recipe), "horizontal_flip": self.horizontal_flip}.items()
            if (name in ALWAYS_SAID or value != getattr(DEFAULT_RECIPE, name)) and name not in self.decided_otherwise
        }


def _flag(flag: str, value: object) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (flag if value else flag.replace("--", "--no-", 1),)
    return flag, f"{value}"
