"""A comparison: networks, data and seeds under one protocol, run by run."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from convstudy.data import DataSet, load
from convstudy.errors import ShapeError, StudyError
from convstudy.study.allowance import Allowance, counted
from convstudy.study.code_version import code_version
from convstudy.study.contestant import Contestant, contestant
from convstudy.study.data_record import DataRecord
from convstudy.study.environment import choose_device, make_deterministic
from convstudy.study.folder import ComparisonFolder, RunFolder
from convstudy.study.model import open_model
from convstudy.study.plan import Plan
from convstudy.study.preprocessing import at_input
from convstudy.study.run import Observer, Task
from convstudy.study.side_by_side import perform_all
from convstudy.study.transfer import input_channels, size_warning, unaugmented
from convstudy.training import Recipe
from convstudy.training.precision import computes_bfloat16


@dataclass(frozen=True)
class Comparison:
    """A plan whose networks are counted and whose data are loaded: ready to run."""

    plan: Plan
    recipe: Recipe
    data: DataSet
    contestants: tuple[Contestant, ...]
    device: torch.device
    allowances: Mapping[str, Allowance] = field(default_factory=dict)  # by network, where the plan has a budget

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(range(self.plan.first_seed, self.plan.first_seed + self.plan.seeds))

    @property
    def jobs(self) -> int:
        """Runs side by side: as asked, else as many as the cores have threads for; one on a GPU."""
        if self.plan.jobs is not None:
            return self.plan.jobs
        return 1 if self.device.type != "cpu" else max((os.cpu_count() or 1) // self.plan.threads, 1)

    def runs(self) -> Iterator[tuple[int, Contestant]]:
        """Every run as seed and network; the seed is the outer loop, so that a part of them is balanced."""
        return itertools.product(self.seeds, self.contestants)

    def recipe_of(self, name: str) -> Recipe:
        """The recipe of one network: that of all, with the epochs that the budget pays for."""
        if name not in self.allowances:
            return self.recipe
        epochs = self.allowances[name].epochs
        return replace(self.recipe, epochs=epochs, warmup_epochs=min(self.recipe.warmup_epochs, epochs / 2))

    def identity(self) -> dict[str, Any]:
        """All that decides the results: what a folder's runs must agree in."""
        identity = {
            "models": [entrant.name for entrant in self.contestants],
            "folders": [entrant.model.folder for entrant in self.contestants],
            "code": {entrant.name: entrant.model.code for entrant in self.contestants if entrant.model.code},
            "inputs": {entrant.name: list(entrant.input_shape) for entrant in self.contestants},
            "data": {"name": self.data.name, "fingerprint": self.data.fingerprint},
            "seeds": list(self.seeds),
            "recipe": self._shared_settings(),
            "freeze": self.plan.freeze,
            "unfreeze_at": self.plan.unfreeze_at,
            "device": self.device.type,
            "threads": self.plan.threads,
            **code_version(),
        }
        if self.plan.lr_grid:
            identity["lr_grid"] = list(self.plan.lr_grid)
        budget = self.plan.budget
        if budget:
            identity["budget"] = str(budget)
        if budget and budget.kind != "seconds":  # what was measured is stored, and no two measurements agree
            identity["epochs"] = {name: allowance.epochs for name, allowance in self.allowances.items()}
        plain: dict[str, Any] = json.loads(json.dumps(identity))
        return plain

    def shared_recipe(self) -> dict[str, Any]:
        """What is the same for all networks: the settings of the recipe, and what is frozen, if anything is."""
        frozen = {"freeze": "backbone", "unfreeze_at": self.plan.unfreeze_at} if self.plan.freeze else {}
        return self._shared_settings() | frozen

    def _shared_settings(self) -> dict[str, Any]:
        """All but what a budget or a grid decides."""
        settings: dict[str, Any] = asdict(self.recipe)
        for name in self.plan.decided_otherwise:
            del settings[name]
        return settings

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is likely to disappoint, in a line each."""
        found = [size_warning(entrant.model, entrant.input_shape[-1]) for entrant in self.contestants]
        if self.recipe.amp and not computes_bfloat16(self.device):
            found.append(f"--amp is slow here: this {self.device.type} has no instructions for bfloat16; leave it out")
        return tuple(warning for warning in found if warning)

    def default_folder(self) -> Path:
        """`runs/<data>-<networks>-<a few letters that no other comparison has>`."""
        digest = hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()
        names = "-".join(entrant.model.folder for entrant in self.contestants)
        return Path("runs") / f"{self.data.name}-{names[:60]}-{digest[:6]}"


def prepare(plan: Plan, progress: Callable[[int, int], None] | None = None) -> Comparison:
    """Open the networks, load the data, count each network at its input.

    Raises: a ConvstudyError for whatever cannot be used, before anything is written.
    """
    device = choose_device(plan.device)
    weights = next((name for name in plan.models if "@" in name), None)
    if weights and plan.recipe.init != "as is":
        raise StudyError(f"--init {plan.recipe.init} would overwrite the weights of {weights}; leave one of them out")
    models = [open_model(name) for name in plan.models]
    folders = [model.folder for model in models]
    if len(set(folders)) < len(folders):
        raise StudyError(f"two networks would share a folder: {', '.join(plan.models)}; rename one")
    if plan.input_size is not None:
        for model in models:
            model.input_side(plan.input_size, plan.input_size)
    data = load(
        plan.data,
        data_dir=plan.data_dir,
        test_data=plan.test_data,
        side=plan.input_size,
        skip_bad_images=plan.skip_bad_images,
        train_images=plan.train_images,
        progress=progress,
    )
    contestants = []
    for model in models:
        side = model.input_side(data.side, plan.input_size)
        try:
            shape = input_channels(model, data.in_channels), side, side
            contestants.append(contestant(model, shape, data.num_classes))
        except ShapeError as error:
            raise ShapeError(f"{model.name}: {error}") from error
    flip = data.horizontal_flip if plan.horizontal_flip is None else plan.horizontal_flip
    recipe = replace(plan.recipe, horizontal_flip=flip)
    recipe = unaugmented(recipe) if plan.freeze and not plan.unfreeze_at else recipe
    comparison = Comparison(plan, recipe, data, tuple(contestants), device)
    if plan.budget is None or plan.budget.kind == "seconds":
        return comparison
    return replace(comparison, allowances=counted(comparison, plan.budget))


def perform_missing(comparison: Comparison, folder: ComparisonFolder, observer: Observer) -> None:
    """Do the runs that the folder does not hold yet; an interrupted run goes on where it was."""
    make_deterministic(comparison.device)
    tasks = [task for task in tasks_of(comparison, folder.run) if not task.folder.complete]
    observer.start(missing=len(tasks), total=len(list(comparison.runs())))
    perform_all(tasks, comparison.jobs, comparison.plan.threads, observer)


def tasks_of(comparison: Comparison, folder: Callable[[str, int], RunFolder]) -> list[Task]:
    """Every run; `folder` gives its folder, by the network's folder name and the seed."""
    plan = comparison.plan
    origin = DataRecord.of(
        comparison.data,
        plan.data,
        data_dir=plan.data_dir,
        test_data=plan.test_data,
        skip_bad_images=plan.skip_bad_images,
        train_images=plan.train_images,
    )
    shapes = {entrant.input_shape for entrant in comparison.contestants}
    sized = {shape: at_input(comparison.data, shape) for shape in shapes}
    return [
        Task(
            entrant.name,
            entrant.input_shape,
            sized[entrant.input_shape],
            origin,
            comparison.recipe_of(entrant.name),
            seed,
            comparison.device,
            folder(entrant.model.folder, seed),
            index,
            plan.freeze,
            plan.unfreeze_at,
            plan.lr_grid,
        )
        for index, (seed, entrant) in enumerate(comparison.runs(), start=1)
    ]
