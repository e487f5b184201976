"""The plan of a comparison: every setting that a user can choose."""

from __future__ import annotations

import reprlib
import shlex
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

from convstudy.errors import RecipeError, StudyError
from convstudy.study.plans.budget import EXPECTED as BUDGETS
from convstudy.study.plans.budget import Budget, BudgetKind
from convstudy.study.plans.lr_grid import EXPECTED as GRIDS
from convstudy.study.plans.lr_grid import grid_text, read_grid, sorted_grid
from convstudy.training.presets import with_preset
from convstudy.training.recipe import Recipe
from convstudy.training.setting import Declared, Setting, declared, synonyms
from convstudy.training.validation import ALSO, by_name, check, settle
from convstudy.wording import shared_name

DATA = "Data"
STUDY = "Study"
RESOURCES = "Resources"
LARGEST_SEED = 2**32 - 1  # of NumPy and scikit-learn
MOST_SEEDS = 10_000  # per network; a number above it is a mistake, and its runs would be listed before the first one
MOST_THREADS = 1_024  # also of runs at the same time; torch crashes with numbers far above the cores of a machine


def _frozen(text: str) -> bool | str:
    return {"none": False, "backbone": True}.get(text, text)


def _frozen_text(frozen: bool) -> str:
    return "backbone" if frozen else "none"


@dataclass(frozen=True)
class Plan:
    """Networks, data, seeds and recipe, as requested by the user.

    Each setting is declared only here: validation, keys in files, command-line flags and help are derived from the
    declaration.

    Raises: StudyError, if there is no network, a network is given twice, or a value is out of bounds.
    """

    models: Annotated[
        tuple[str, ...],
        Setting(
            "Networks to compare.", flags=(), expected="a list of names, as in [net, lenet5]", synonyms=("networks",)
        ),
    ]
    _: KW_ONLY
    data: Annotated[
        str,
        MinLen(1),
        Setting(
            "A named data set (`convstudy data` lists them), a folder of class folders, a table, or an .npz or .h5 "
            "file.",
            panel=DATA,
            always=True,
            synonyms=("dataset",),
        ),
    ] = "digits"
    data_dir: Annotated[
        Path | None,
        Setting(
            "Folder with the named data sets; missing ones are downloaded to it.",
            panel=DATA,
            default="data",
            decides=False,  # the content of the data decides, not their location
            repeated=True,
        ),
    ] = None
    test_data: Annotated[
        Path | None, Setting("A second file, which contains the test set.", panel=DATA, decides=False, repeated=True)
    ] = None
    train_images: Annotated[
        int | None,
        Ge(1),
        Setting(
            "Train on a stratified subset of N images, the same for every seed.", panel=DATA, metavar="N", default="all"
        ),
    ] = None
    group_by: Annotated[
        str | None,
        MinLen(1),
        Setting(
            "Group images that depend on each other, such as those of one patient: by a regular expression on their "
            "paths, whose match (or first parenthesis) names the group, or by the `folder` that contains the image. "
            "A group stays in one set, and intervals and tests take groups as the sample.",
            panel=DATA,
            metavar="REGEX|folder",
            default="the column or key `group` of the data; otherwise images are taken as independent",
        ),
    ] = None
    seeds: Annotated[
        int,
        Ge(1),
        Le(MOST_SEEDS),
        Setting(
            "Number of runs per network, each with its own seed; use 3 or more to see the spread between seeds.",
            panel=STUDY,
            command="compare",
            metavar="N",
            always=True,
            synonyms=("n_seeds", "num_seeds"),
        ),
    ] = 3
    until: Annotated[
        Literal["seeds", "sure"],
        Setting(
            "Train --seeds runs per network, or (`sure`) add seeds round by round, drop networks that are shown not to "
            "be the best, and stop when the comparison is decided or cannot be. The level of the tests is 5% over all "
            "rounds.",
            panel=STUDY,
            command="compare",
            metavar="seeds|sure",
        ),
    ] = "seeds"
    margin: Annotated[
        float,
        Gt(0),
        Lt(100),
        Setting(
            "Difference of top-1, in percentage points, within which networks count as equivalent.",
            panel=STUDY,
            command="compare",
            metavar="PP",
        ),
    ] = 1.0
    max_seeds: Annotated[
        int,
        Ge(3),
        Le(MOST_SEEDS),
        Setting("Most seeds per network for --until sure.", panel=STUDY, command="compare", metavar="N"),
    ] = 20
    max_hours: Annotated[
        float | None,
        Gt(0),
        Setting(
            "Start no new round of --until sure after N hours.",
            panel=STUDY,
            command="compare",
            metavar="N",
            default="no limit",
            decides=False,
        ),
    ] = None
    folds: Annotated[
        int | None,
        Ge(2),
        Setting(
            "Cross-validation with N folds, for data without a test set: every image is tested once, in N runs per "
            "network.",
            panel=STUDY,
            command="compare",
            metavar="N",
            default="one test set",
        ),
    ] = None
    repeats: Annotated[
        int | None,
        Ge(1),
        Setting(
            "Repeat the cross-validation N times, each time with other folds.",
            panel=STUDY,
            command="compare",
            metavar="N",
            default="1",
        ),
    ] = None
    first_seed: Annotated[
        int,
        Ge(0),
        Le(LARGEST_SEED),
        Setting(
            "Random seed for initialization, split, shuffling, augmentation and dropout; if there are several seeds, "
            "the first one.",
            panel=STUDY,
            flags=("--seed", "--first-seed"),
        ),
    ] = 0
    budget: Annotated[
        Budget | None,
        Setting(
            "Same budget for every training instead of a fixed number of epochs: images=N, macs=N or seconds=N.",
            panel=STUDY,
            command="compare",
            metavar="KIND=N",
            expected=BUDGETS,
            read=Budget.parse,
        ),
    ] = None
    lr_grid: Annotated[
        tuple[float, ...],
        Setting(
            "Train every run once with each of these learning rates and keep the one with the best validation result.",
            panel=STUDY,
            command="compare",
            metavar="LR,LR,...",
            expected=f"a list of {GRIDS}",
            read=read_grid,
            written=grid_text,
        ),
    ] = ()
    recipe: Annotated[Recipe, Setting("The training recipe.", flags=(), expected="settings, such as `epochs: 30`")] = (
        field(default_factory=Recipe)
    )  # not one default value, for which pydantic would be imported at once
    input_size: Annotated[
        int | None,
        Ge(1),
        Setting(
            "Resize images to this side.",
            panel=DATA,
            flags=("--input-size", "--resize", "--img-size"),
            metavar="PIXELS",
            default="the network's own input, otherwise the side of the images, at least 32",
            synonyms=("image_size",),
        ),
    ] = None
    freeze: Annotated[
        bool,
        Setting(
            "With `backbone`, train only the last linear layer, on features that are computed once without "
            "augmentation.",
            panel=STUDY,
            metavar="none|backbone",
            expected="none or backbone",
            read=_frozen,
            written=_frozen_text,
        ),
    ] = False
    unfreeze_at: Annotated[
        int, Ge(0), Setting("Unfreeze the backbone after N epochs (0: never).", panel=STUDY, metavar="N")
    ] = 0
    skip_bad_images: Annotated[
        bool, Setting("Leave out images that cannot be decoded.", panel=DATA, decides=False, repeated=True)
    ] = False
    threads: Annotated[
        int,
        Ge(1),
        Le(MOST_THREADS),
        Setting(
            "CPU threads per run; the number affects rounding, and therefore the results.",
            panel=RESOURCES,
            metavar="N",
            default="1; `train` measures the fastest number",
            always=True,
        ),
    ] = 1
    processes_per_run: Annotated[
        int,
        Ge(1),
        Le(MOST_THREADS),
        Setting(
            "Processes that train each run together, each with a part of every batch, and with a GPU of its own if "
            "there are GPUs; the number affects the results.",
            panel=RESOURCES,
            command="compare",
            metavar="N",
            synonyms=("nproc_per_node", "gpus_per_run"),
        ),
    ] = 1
    jobs: Annotated[
        int | None,
        Ge(1),
        Le(MOST_THREADS),
        Setting(
            "Number of runs that are trained at the same time.",
            panel=RESOURCES,
            flags=("--jobs", "-j"),
            command="compare",
            metavar="N",
            default="cores / threads, or GPUs x --jobs-per-device; divided by --processes-per-run",
            decides=False,
            synonyms=("workers", "n_jobs"),
        ),
    ] = None
    jobs_per_device: Annotated[
        int,
        Ge(1),
        Setting(
            "Number of runs at the same time on each GPU.",
            panel=RESOURCES,
            command="compare",
            metavar="N",
            decides=False,
        ),
    ] = 1
    engine: Annotated[
        Literal["local", "ray"],
        Setting(
            "Perform the runs in processes of this machine, or as tasks of a Ray cluster (extra `ray`).",
            panel=RESOURCES,
            command="compare",
            metavar="local|ray",
            decides=False,
        ),
    ] = "local"
    address: Annotated[
        str | None,
        MinLen(1),
        Setting(
            "Address of the Ray cluster for --engine ray; `auto` finds the one of this machine.",
            panel=RESOURCES,
            command="compare",
            metavar="ADDRESS",
            default="a cluster of its own, on this machine",
            decides=False,
        ),
    ] = None
    retries: Annotated[
        int,
        Ge(0),
        Setting(
            "Repeat a run that fails up to N times, from its last checkpoint.",
            panel=RESOURCES,
            command="compare",
            metavar="N",
            decides=False,
        ),
    ] = 0
    run_hours: Annotated[
        float | None,
        Gt(0),
        Setting(
            "Stop a run that takes more than N hours; it counts as failed, and the others go on.",
            panel=RESOURCES,
            command="compare",
            metavar="N",
            default="no limit",
            decides=False,
        ),
    ] = None
    device: Annotated[str, MinLen(1), Setting("auto, cpu, cuda, cuda:N or mps.", panel=RESOURCES, decides=False)] = (
        "auto"
    )
    log: Annotated[
        tuple[str, ...],
        Setting(
            "Also log each epoch to this tracker: tensorboard, wandb or mlflow (extras of these names). Repeatable.",
            panel=RESOURCES,
            command="train",
            metavar="TRACKER",
            decides=False,
            expected="a list of names, as in [tensorboard]",
            key=False,
        ),
    ] = ()
    find_lr: Annotated[
        bool, Setting("Choose the learning rate of `convstudy train` by a range test.", flags=(), key=False)
    ] = False
    horizontal_flip: Annotated[
        bool | None, Setting("The recipe's setting; None: decided by the data.", flags=(), decides=False, key=False)
    ] = None

    @property
    def most_seeds(self) -> int:
        """The number of seeds that a network can get."""
        return self.max_seeds if self.until == "sure" else self.seeds

    def __post_init__(self) -> None:
        settle(self, StudyError)
        if not self.models:
            raise StudyError("no network to compare; give at least one name, as in `convstudy compare net resnet34`")
        duplicates = [name for name, times in Counter(self.models).items() if times > 1]
        if duplicates:
            raise StudyError(f"{duplicates[0]} is given twice; remove one, or compare it with another network")
        if self.unfreeze_at and not (self.freeze and self.unfreeze_at < self.recipe.epochs):
            raise StudyError(
                f"unfreeze_at is {self.unfreeze_at}; expected a whole number from 1 to below {self.recipe.epochs}, the "
                "value of `epochs`, together with `freeze` backbone",
                setting="unfreeze_at",
            )
        if self.until == "sure" and len(self.models) < 2:
            raise StudyError("until is sure, for which two networks or more are needed", setting="until")
        if self.folds is not None:
            self._settle_folds(self.folds)
        elif self.repeats is not None:
            raise StudyError(f"repeats is {self.repeats}, which repeats `folds`; give both", setting="repeats")
        if self.budget and self.freeze:
            raise StudyError(
                f"budget is {self.budget}, which applies only if whole networks are trained; with `freeze` backbone "
                "give `epochs` instead",
                setting="budget",
            )
        if self.lr_grid:
            object.__setattr__(self, "lr_grid", sorted_grid(self.lr_grid))
        if self.processes_per_run > 1:
            self._check_processes(f"processes_per_run is {self.processes_per_run}")
        self._check_seeds()

    def _check_processes(self, given: str) -> None:
        """Check that several processes can perform a run together. Raises: StudyError, for what excludes it."""
        reason = ""
        if self.engine == "ray":
            reason = "but the tasks of a Ray cluster are single processes; remove it, or set `engine` to local"
        elif self.budget and self.budget.kind is BudgetKind.SECONDS:
            reason = "but a budget in seconds is measured with a single process; expected a budget in images or macs"
        elif self.recipe.batch_size < self.processes_per_run:
            reason = f"but batch_size {self.recipe.batch_size} gives some of them no image; expected at most that"
        if reason:
            raise StudyError(f"{given}, {reason}", setting="processes_per_run")

    def _check_seeds(self) -> None:
        """Check the numbers of the runs, before anything is written. Raises: StudyError, if they are too large."""
        if self.seeds > MOST_SEEDS:  # of folds and repeats
            raise StudyError(f"repeats makes {self.seeds:,} runs per network; expected at most {MOST_SEEDS:,}")
        last = self.first_seed + max(self.seeds, self.most_seeds) - 1
        if last > LARGEST_SEED:
            raise StudyError(
                f"first_seed is {self.first_seed}, which makes the last seed {last}; expected at most {LARGEST_SEED}, "
                "the largest that every library takes",
                setting="first_seed",
            )

    def _settle_folds(self, folds: int) -> None:
        """Set the number of runs that folds and repeats make. Raises: StudyError, for what folds exclude."""
        runs = folds * (self.repeats or 1)
        if self.until == "sure":
            raise StudyError("until is sure, which adds seeds on one test set; remove it or `folds`", setting="until")
        if self.train_images is not None:
            raise StudyError(
                f"train_images is {self.train_images}, but with `folds` every image is tested and trained on; remove "
                "one of them",
                setting="train_images",
            )
        if self.seeds not in {runs, declared(Plan)["seeds"].default}:
            raise StudyError(
                f"seeds is {self.seeds}, but with `folds` each run has its own seed: {runs} per network; remove it, or "
                "give `repeats`",
                setting="seeds",
            )
        if self.first_seed % folds:
            raise StudyError(
                f"first_seed is {self.first_seed}; with `folds` {folds}, expected a multiple of {folds}, since the "
                "seed of a run decides its fold",
                setting="first_seed",
            )
        object.__setattr__(self, "seeds", runs)

    @property
    def decided_otherwise(self) -> tuple[str, ...]:
        """Names of the recipe's settings that a budget or a learning-rate grid replaces."""
        return (("epochs",) if self.budget else ()) + (("lr",) if self.lr_grid else ())

    def recipe_settings(self) -> dict[str, Any]:
        """Return the settings of the recipe, without those that a budget, a grid or the data set decides."""
        settings: dict[str, Any] = asdict(self.recipe) | {"horizontal_flip": self.horizontal_flip}
        return {
            name: value for name, value in settings.items() if value is not None and name not in self.decided_otherwise
        }

    def to_dict(self) -> dict[str, Any]:
        """Return every setting as plain values for YAML or JSON; `from_dict` restores the same plan."""
        plain = {name: _plain(each, getattr(self, name)) for name, each in declared(Plan).items()}
        del plain["horizontal_flip"]
        return plain | {"recipe": self.recipe_settings()}

    def deciding(self) -> dict[str, Any]:
        """Return the settings that affect results, as plain values, without those that are not set.

        >>> plan = Plan(("net",), seeds=5, jobs=2)
        >>> {name: value for name, value in plan.deciding().items() if name != "recipe"}
        {'models': ['net'], 'data': 'digits', 'seeds': 5, 'until': 'seeds', 'margin': 1.0, 'max_seeds': 20, \
'first_seed': 0, 'freeze': 'none', 'unfreeze_at': 0, 'threads': 1, 'processes_per_run': 1, 'find_lr': False}
        """
        settings = declared(Plan)
        plain = self.to_dict()
        return {name: value for name, value in plain.items() if settings[name].about.decides and is_set(value)}

    @classmethod
    def from_dict(cls, settings: Mapping[Any, Any], keys: Collection[str] | None = None) -> Plan:
        """Return the plan with these settings and defaults for the others; with `keys`, only these names are valid.

        Raises: StudyError or RecipeError, for unknown names, with the closest known ones, and for values out of bounds.
        """
        known = [name for name in declared(Plan) if name != "horizontal_flip"]  # which is in the recipe
        given, problems = by_name(cls, settings, "a study", keys=keys or known, elsewhere=in_recipe())
        recipe = given.pop("recipe", {})
        if not isinstance(recipe, Mapping):
            problems.append(f"recipe is {reprlib.repr(recipe)}; expected {declared(Plan)['recipe'].expected}")
            recipe = {}
        chosen, more = by_name(Recipe, recipe, "a recipe")
        problems += more
        try:
            plan = _with_recipe({"models": (), **given}, chosen)
        except (StudyError, RecipeError) as error:
            if not problems:
                raise
            problems.append(str(error))
        if problems:
            raise StudyError(ALSO.join(problems))
        return plan

    def command(self) -> str:
        """Return the command that reproduces the study, with every setting that affects results.

        It is made to be passed on: of each path it has the last two parts.

        >>> Plan(("net", "lenet5"), seeds=5).command()[:48]
        'convstudy compare net lenet5 --data digits --see'
        """
        words = ["convstudy", "compare", *self.models]
        for name, each in declared(Plan).items():
            repeated = each.about.decides if each.about.repeated is None else each.about.repeated
            value = getattr(self, name)
            if each.flags and repeated and (each.about.always or value != each.default):
                words += each.words(value)
        defaults = asdict(Recipe(preset=self.recipe.preset)) | {"preset": "none"}
        for name, value in self.recipe_settings().items():
            each = declared(Recipe)[name]
            if each.about.always or value != defaults[name]:
                words += each.words(value)
        return shlex.join(map(shared_name, words))


def in_recipe() -> dict[str, str]:
    """Return, for each setting of a recipe that is found among the keys of a study, where to write it instead."""
    names = {name: name for name in declared(Recipe)} | synonyms(Recipe)
    names |= {alias: name for name, each in declared(Recipe).items() for alias in each.about.aliases}
    return {spelling: f"write `{name}` under `recipe`" for spelling, name in names.items()}


def is_set(value: object) -> bool:
    """Return whether a plain value differs from None and an empty list."""
    return value is not None and value != []


def _plain(setting: Declared, value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if setting.about.read or isinstance(value, Path):
        return None if value is None else setting.about.written(value)
    return value


def _with_recipe(values: dict[str, Any], settings: dict[str, Any]) -> Plan:
    """Return the plan with a recipe of these settings.

    Raises: RecipeError or StudyError, with the problems of both, or if two settings exclude each other.
    """
    budget = values.get("budget")
    for instead, name in (("budget", "epochs"), ("lr_grid", "lr")):
        if values.get(instead) and name in settings:
            raise StudyError(f"`{instead}` and `{name}` are both given; remove one of them", setting=instead)
    if isinstance(budget, Budget):
        if budget.kind is BudgetKind.EPOCHS:
            settings, values = settings | {"epochs": int(budget.amount)}, values | {"budget": None}
        elif "warmup_epochs" in settings:  # it must be below the number of epochs, which is not known yet
            epochs = with_preset(settings).get("epochs", declared(Recipe)["epochs"].default)
            settings = settings | {"epochs": max(epochs, _above(settings["warmup_epochs"]))}
    try:
        recipe = Recipe(**settings)
    except RecipeError as error:
        defaults = {name: each.default for name, each in declared(Plan).items()}
        _, wrong = check(Plan, {**defaults, **values, "recipe": Recipe()})
        raise RecipeError(ALSO.join((str(error), *wrong.values())), setting=error.setting) from None
    return Plan(**values, recipe=recipe, horizontal_flip=settings.get("horizontal_flip"))


def _above(epochs: object) -> int:
    return int(epochs) + 1 if isinstance(epochs, int | float) and epochs < 1e9 else 0
