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
from torch import nn

from convstudy.data import DataSet
from convstudy.processes import place
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.models.entrant import Entrant
from convstudy.study.models.opening import Model
from convstudy.study.models.preprocessing import at_input
from convstudy.study.models.weights_origin import size_warning
from convstudy.study.plans.budget import Allowance, BudgetKind
from convstudy.study.plans.plan import Plan
from convstudy.study.runs.code_version import code_version
from convstudy.study.runs.conditions import Conditions
from convstudy.study.runs.data_record import DataRecord
from convstudy.study.runs.environment import make_deterministic
from convstudy.study.runs.events import OnEvent, RunFailed, StudyStarted
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.task import Task
from convstudy.study.runs.workers import perform_all
from convstudy.training import Recipe
from convstudy.training.precision import computes_bfloat16

CAME_OUT_AS = {  # settings of a plan, by what stands for them in an identity
    "models": "models",
    "data": "data",
    "train_images": "data",
    "seeds": "seeds",
    "first_seed": "seeds",
    "recipe": "recipe",
    "input_size": "inputs",
}


@dataclass(frozen=True)
class Comparison:
    """A plan whose networks are counted and whose data are loaded: ready to run."""

    plan: Plan
    recipe: Recipe
    data: DataSet
    models: Mapping[str, Model]  # by name, to be built
    entrants: tuple[Entrant, ...]
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

    def runs(self) -> Iterator[tuple[int, Entrant]]:
        """Every run as seed and network; the seed is the outer loop, so that a part of them is balanced."""
        return itertools.product(self.seeds, self.entrants)

    @property
    def repeatable(self) -> bool:
        """Whether names and paths say all of it, so that a study file can repeat it."""
        return self.data.named and all(model.named for model in self.models.values())

    def build(self, entrant: Entrant) -> nn.Module:
        """Build a network anew, initialised from torch's global random state."""
        return self.models[entrant.name].build(entrant.num_classes, entrant.input_shape[0])

    def recipe_of(self, name: str) -> Recipe:
        """The recipe of one network: that of all, with the epochs that the budget pays for."""
        if name not in self.allowances:
            return self.recipe
        epochs = self.allowances[name].epochs
        return replace(self.recipe, epochs=epochs, warmup_epochs=min(self.recipe.warmup_epochs, epochs / 2))

    def conditions(self, entrant: Entrant, seed: int) -> Conditions:
        """Return all that decides the result of one run."""
        return Conditions(
            model=entrant.name,
            code=entrant.code,
            input_shape=entrant.input_shape,
            data_fingerprint=self.data.fingerprint,
            recipe=self.recipe_of(entrant.name),
            lr_grid=self.plan.lr_grid,
            freeze=self.plan.freeze,
            unfreeze_at=self.plan.unfreeze_at,
            seed=seed,
            device=self.device.type,
            threads=self.plan.threads,
            processes=place().world,
            **code_version(),
        )

    def identity(self) -> dict[str, Any]:
        """Return all that decides the results: what a folder's runs must agree in.

        It is what the plan declares as deciding, with what that came out as here in the place of what was asked.
        """
        asked = {name: value for name, value in self.plan.deciding().items() if name not in CAME_OUT_AS}
        identity = {
            "models": [entrant.name for entrant in self.entrants],
            "folders": [entrant.folder for entrant in self.entrants],
            "code": {entrant.name: entrant.code for entrant in self.entrants if entrant.code},
            "inputs": {entrant.name: list(entrant.input_shape) for entrant in self.entrants},
            "data": {"name": self.data.name, "fingerprint": self.data.fingerprint},
            "seeds": list(self.seeds),
            "recipe": self._shared_settings(),
            **asked,
            "device": self.device.type,
            **code_version(),
        }
        budget = self.plan.budget
        if budget and budget.kind is not BudgetKind.SECONDS:  # what was measured is stored; no two measurements agree
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
        found = [size_warning(self.models[entrant.name], entrant.input_shape[-1]) for entrant in self.entrants]
        if self.recipe.amp and not computes_bfloat16(self.device):
            found.append(f"--amp is slow here: this {self.device.type} has no instructions for bfloat16; leave it out")
        return tuple(warning for warning in found if warning)

    def default_folder(self) -> Path:
        """`runs/<data>-<networks>-<a few letters that no other comparison has>`."""
        digest = hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()
        names = "-".join(entrant.folder for entrant in self.entrants)
        return Path("runs") / f"{self.data.name}-{names[:60]}-{digest[:6]}"


def perform_missing(comparison: Comparison, folder: ComparisonFolder, on_event: OnEvent) -> tuple[RunFailed, ...]:
    """Do the runs that the folder does not hold yet, and return those that failed; interrupted runs are continued."""
    make_deterministic(comparison.device)
    tasks = [task for task in tasks_of(comparison, folder.run) if not task.folder.complete]
    on_event(StudyStarted(missing=len(tasks), total=len(list(comparison.runs()))))
    return perform_all(tasks, comparison.jobs, comparison.plan.threads, on_event)


def tasks_of(comparison: Comparison, folder: Callable[[str, int], RunFolder]) -> list[Task]:
    """Return a task per run; `folder` gives its folder, by the network's folder name and the seed."""
    plan = comparison.plan
    origin = DataRecord.of(
        comparison.data,
        plan.data,
        data_dir=plan.data_dir,
        test_data=plan.test_data,
        skip_bad_images=plan.skip_bad_images,
        train_images=plan.train_images,
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
        )
        for index, (seed, entrant) in enumerate(comparison.runs(), start=1)
    ]
