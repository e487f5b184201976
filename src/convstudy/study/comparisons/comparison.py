"""A comparison: networks, data and seeds under one protocol, and its runs."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from convstudy.data import DataSet
from convstudy.processes import place
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.models.entering import unallocated_network
from convstudy.study.models.entrant import Entrant
from convstudy.study.models.opening import Model
from convstudy.study.models.preprocessing import at_input
from convstudy.study.models.weights_origin import size_warning, weights_file
from convstudy.study.plans.budget import Allowance, BudgetKind
from convstudy.study.plans.plan import Plan
from convstudy.study.runs.code_version import code_version
from convstudy.study.runs.conditions import Conditions
from convstudy.study.runs.data_record import DataRecord
from convstudy.study.runs.environment import describe, make_deterministic
from convstudy.study.runs.events import OnEvent, RunFailed, StudyStarted
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.gpus import gpus_of
from convstudy.study.runs.seen_images import SeenImages
from convstudy.study.runs.sharing import SECONDS_PER_HOUR, Limits
from convstudy.study.runs.task import Task
from convstudy.study.runs.workers import perform_all
from convstudy.training import Recipe
from convstudy.training.parallel import batch_normalization_sees
from convstudy.training.precision import computes_bfloat16
from convstudy.wording import plural

if TYPE_CHECKING:
    from convstudy.study.comparisons.design import Design, Runs


REPRESENTED_BY = {  # settings of a plan, and the key of the identity that stands for their outcome
    "models": "models",
    "data": "data",
    "train_images": "data",
    "group_by": "data",
    "seeds": "seeds",
    "first_seed": "seeds",
    "recipe": "recipe",
    "input_size": "inputs",
}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A plan with counted networks and loaded data, ready to run."""

    plan: Plan
    recipe: Recipe
    data: DataSet
    models: Mapping[str, Model]  # by name
    entrants: tuple[Entrant, ...]
    device: torch.device
    allowances: Mapping[str, Allowance] = field(default_factory=dict)  # by network, if the plan has a budget

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each run of a network; those that may be needed, if seeds are added until the study is sure."""
        return tuple(range(self.plan.first_seed, self.plan.first_seed + self.plan.most_seeds))

    @property
    def design(self) -> Design:
        """How the number of seeds is determined."""
        from convstudy.study.comparisons.design import design_of  # noqa: PLC0415 - a single run needs no statistics

        return design_of(self.plan.until)

    @property
    def takes_images_as_independent(self) -> bool:
        """Whether a run's answers to test images are independent: not in groups, nor of a cross-validation."""
        return self.plan.folds is None and not self.data.test.groups

    def counted(self, folder: ComparisonFolder) -> Runs:
        """Return the runs in a folder whose answers count, by network and seed."""
        return self.design.counted(folder, {entrant.name: entrant.folder for entrant in self.entrants}, self.seeds)

    @property
    def jobs(self) -> int:
        """Number of runs at the same time: as requested, else what the GPUs or cores suffice for."""
        if self.plan.jobs is not None:
            return self.plan.jobs
        if self.device.type != "cpu":
            return max(len(gpus_of(self.device)) // self.plan.processes_per_run, 1) * self.plan.jobs_per_device
        return max((os.cpu_count() or 1) // (self.plan.threads * self.plan.processes_per_run), 1)

    @property
    def environment(self) -> dict[str, str | int]:
        """Date, package versions and hardware, and how many threads, processes and runs share that."""
        return describe(self.device, self.plan.threads, self.jobs, self.plan.processes_per_run)

    @property
    def limits(self) -> Limits:
        """How often a run is attempted, and how long it may take."""
        plan = self.plan
        return Limits(
            retries=plan.retries,
            seconds=None if plan.run_hours is None else plan.run_hours * SECONDS_PER_HOUR,
            engine=plan.engine,
            address=plan.address,
            jobs=plan.jobs,
            jobs_per_device=plan.jobs_per_device,
        )

    def runs(self) -> Iterator[tuple[int, Entrant]]:
        """Yield every run as seed and network; the seed is the outer loop, so that unfinished studies are balanced."""
        return itertools.product(self.seeds, self.entrants)

    @property
    def repeatable(self) -> bool:
        """Whether a study file can repeat it: neither networks nor data were given as objects."""
        return self.data.named and all(model.named for model in self.models.values())

    def build(self, entrant: Entrant) -> nn.Module:
        """Build a new network, initialized from torch's global random state."""
        return self.models[entrant.name].build(entrant.num_classes, entrant.input_shape[0])

    def recipe_of(self, name: str) -> Recipe:
        """Return the recipe of one network: the shared one, with its memory format and the epochs of the budget."""
        recipe = self.recipe
        if recipe.channels_last is None:
            recipe = replace(recipe, channels_last=self._channels_last(name))
        if name not in self.allowances:
            return recipe
        epochs = self.allowances[name].epochs
        return replace(recipe, epochs=epochs, warmup_epochs=min(recipe.warmup_epochs, epochs / 2))

    def _channels_last(self, name: str) -> bool:
        """Return whether a network trains in channels-last by default.

        On a GPU it does with bfloat16, whose matrix units use that format (NVIDIA cuDNN).
        """
        if self.device.type != "cpu":
            return self.device.type == "cuda" and self.recipe.amp
        return next(entrant.channels_last for entrant in self.entrants if entrant.name == name)

    def conditions(self, entrant: Entrant, seed: int) -> Conditions:
        """Return everything that affects the result of one run."""
        return Conditions(
            model=entrant.name,
            code=entrant.code,
            input_shape=entrant.input_shape,
            data_fingerprint=self.data.fingerprint,
            recipe=self.recipe_of(entrant.name),
            lr_grid=self.plan.lr_grid,
            freeze=self.plan.freeze,
            unfreeze_at=self.plan.unfreeze_at,
            folds=self.plan.folds,
            seed=seed,
            device=self.device.type,
            threads=self.plan.threads,
            processes=self.plan.processes_per_run if place().alone else place().world,
            **code_version(),
        )

    def identity(self) -> dict[str, Any]:
        """Return everything that affects the results, in which all runs of a folder must agree.

        These are the settings that the plan declares as deciding. Some are represented by their outcome, such as the
        data by their fingerprint.
        """
        requested = {name: value for name, value in self.plan.deciding().items() if name not in REPRESENTED_BY}
        identity = {
            "models": [entrant.name for entrant in self.entrants],
            "folders": [entrant.folder for entrant in self.entrants],
            "code": {entrant.name: entrant.code for entrant in self.entrants if entrant.code},
            "inputs": {entrant.name: list(entrant.input_shape) for entrant in self.entrants},
            "data": {"name": self.data.name, "group_by": self.plan.group_by, "fingerprint": self.data.fingerprint},
            "seeds": list(self.seeds),
            "recipe": self._shared_settings(),
            **requested,
            "device": self.device.type,
            **code_version(),
        }
        budget = self.plan.budget
        if budget and budget.kind is not BudgetKind.SECONDS:  # measured epochs vary, so they are stored elsewhere
            identity["epochs"] = {name: allowance.epochs for name, allowance in self.allowances.items()}
        plain: dict[str, Any] = json.loads(json.dumps(identity))
        return plain

    def shared_recipe(self) -> dict[str, Any]:
        """Return what is the same for all networks: the recipe's settings, and `freeze` and `unfreeze_at` if set."""
        frozen = {"freeze": "backbone", "unfreeze_at": self.plan.unfreeze_at} if self.plan.freeze else {}
        return self._shared_settings() | frozen

    def _shared_settings(self) -> dict[str, Any]:
        """Return the recipe's settings, except those that a budget or a grid decides."""
        settings: dict[str, Any] = asdict(self.recipe)
        for name in self.plan.decided_otherwise:
            del settings[name]
        if settings.get("channels_last") is None:  # decided for each network
            del settings["channels_last"]
        return settings

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about settings that are likely to give poor results or speed, one line each."""
        found = [size_warning(self.models[entrant.name], entrant.input_shape[-1]) for entrant in self.entrants]
        found += [self._seen_warning(self.models[entrant.name]) for entrant in self.entrants]
        found += [self._part_warning(entrant) for entrant in self.entrants] if self.plan.processes_per_run > 1 else []
        if self.recipe.amp and not computes_bfloat16(self.device):
            found.append(
                f"amp slows training on this {self.device.type}, which has no bfloat16 instructions; disable it"
            )
        return tuple(warning for warning in found if warning)

    def _part_warning(self, entrant: Entrant) -> str:
        """Return a warning if batch normalization does not cover the whole batch."""
        network = unallocated_network(self.models[entrant.name], entrant.num_classes, entrant.input_shape[0])
        if batch_normalization_sees(network, self.device, self.plan.processes_per_run) != "part":
            return ""
        return (
            f"{entrant.name}: on the {self.device.type}, batch normalization covers only the part of a batch that each "
            "process has, so its results differ from those of one process"
        )

    def _seen_warning(self, model: Model) -> str:
        """Return a warning if the run that a network's weights are from has seen images that are tested here."""
        tested, weights = self.data.train if self.plan.folds else self.data.test, weights_file(model)
        seen = None if weights is None else SeenImages.read(RunFolder(weights.parent).seen)
        number = 0 if seen is None else seen.among(tested).training
        if not number:
            return ""
        return (
            f"{model.name}: its weights were trained on {number:,} of the {plural(len(tested), 'image')} that are "
            "tested here, so its results are too optimistic; start from weights of other images"
        )

    def default_folder(self) -> Path:
        """Return `runs/<data>-<networks>-<first digits of a hash of the identity>`."""
        digest = hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()
        names = "-".join(entrant.folder for entrant in self.entrants)
        return Path("runs") / f"{self.data.name}-{names[:60]}-{digest[:6]}"


def perform_missing(comparison: Comparison, folder: ComparisonFolder, on_event: OnEvent) -> tuple[RunFailed, ...]:
    """Perform the runs that the folder does not hold yet, and return those that failed; interrupted runs continue."""
    make_deterministic(comparison.device)
    every = tasks_of(comparison, folder.run)
    tasks = [task for task in every if not task.folder.complete]
    for task in every:
        if task.folder.complete:
            task.folder.tidy()
    return perform(comparison, tasks, on_event, total=len(list(comparison.runs())))


def perform(comparison: Comparison, tasks: Sequence[Task], on_event: OnEvent, *, total: int) -> tuple[RunFailed, ...]:
    """Perform tasks, of `total` runs in all, and return those that failed.

    If several are performed at the same time, those of a seed begin with the longest, so that no long run is left alone
    at the end.
    """
    trainings = max(len(comparison.plan.lr_grid), 1)
    macs = {
        entrant.name: float(entrant.macs * comparison.recipe_of(entrant.name).epochs * trainings)
        for entrant in comparison.entrants
    }
    if comparison.jobs > 1:
        seeds = itertools.groupby(tasks, key=lambda task: task.seed)
        tasks = [task for _, own in seeds for task in sorted(own, key=lambda task: -macs[task.model])]
    on_event(StudyStarted(missing=len(tasks), total=total, to_do=tuple(task.model for task in tasks), macs=macs))
    return perform_all(tasks, comparison.jobs, comparison.plan.threads, on_event, limits=comparison.limits)


def tasks_of(comparison: Comparison, folder: Callable[[str, int], RunFolder]) -> list[Task]:
    """Return one task per run; `folder` maps the network's folder name and the seed to the run's folder."""
    plan = comparison.plan
    origin = DataRecord.of(
        comparison.data,
        plan.data,
        data_dir=plan.data_dir,
        test_data=plan.test_data,
        skip_bad_images=plan.skip_bad_images,
        train_images=plan.train_images,
        group_by=plan.group_by,
        folds=plan.folds,
    )
    shapes = {entrant.input_shape for entrant in comparison.entrants}
    sized = {shape: at_input(comparison.data, shape) for shape in shapes}
    return [
        Task(
            **vars(comparison.conditions(entrant, seed)),
            opened=comparison.models[entrant.name],
            data=sized[entrant.input_shape],
            origin=origin,
            on=comparison.device,
            folder=folder(entrant.folder, seed),
            index=index,
            measures_cost=plan.engine == "ray",  # on its machine; otherwise after all runs
        )
        for index, (seed, entrant) in enumerate(comparison.runs(), start=1)
    ]
