"""A single run: one network trained with one seed in its own folder, as a run of a comparison."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convstudy.data import DataSet
from convstudy.errors import RecipeError, StudyError
from convstudy.files import write_json
from convstudy.processes import agreed, first, first_then_others, gathered, place, raise_once
from convstudy.study.comparisons.comparison import Comparison, tasks_of
from convstudy.study.comparisons.prepare import prepare
from convstudy.study.models.entering import unallocated_network
from convstudy.study.models.opening import Model, runs_code
from convstudy.study.plans.plan import Plan
from convstudy.study.runs.claim import Claim
from convstudy.study.runs.digests import is_signed_record, signed
from convstudy.study.runs.environment import make_deterministic
from convstudy.study.runs.events import OnEvent, StudyStarted
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.identity import IDENTITY, FolderKind, require_empty, require_same
from convstudy.study.runs.lr_range_test import TABLE, found_range, rate_of
from convstudy.study.runs.perform import perform
from convstudy.study.runs.sole import alone, claimed
from convstudy.study.runs.task import Task
from convstudy.study.runs.trackers import Tracker, flat, logged, open_trackers
from convstudy.study.runs.tuning import fastest_threads, remembered_threads, working_with
from convstudy.study.runs.writing import writing_into
from convstudy.training import LearningRateRange, write_recipe
from convstudy.training.parallel import batch_normalization_sees
from convstudy.wording import reason_of

REQUEST = IDENTITY[FolderKind.RUN]  # in the run's folder: its identity, and the plan with which it is continued


@dataclass(frozen=True)
class TrainingRun:
    """A counted network with loaded data, ready to be trained with one seed."""

    comparison: Comparison  # of only this network and seed
    folder: RunFolder
    trackers: tuple[Tracker, ...] = ()
    notes: tuple[str, ...] = ()  # how its recipe was chosen

    @property
    def plan(self) -> Plan:
        """The plan of the run."""
        return self.comparison.plan

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that affects the result, in which the folder must agree."""
        return _identity(self.comparison)

    @property
    def batch_normalization(self) -> str:
        """Images over which batch normalization averages: `batch`, `part` of a batch, or empty without such layers."""
        [entrant] = self.comparison.entrants
        network = unallocated_network(self.comparison.models[entrant.name], entrant.num_classes, entrant.input_shape[0])
        return batch_normalization_sees(network, self.comparison.device, place().world)

    def claim(self) -> None:
        """Claim the folder for this run.

        Raises: StudyError, if it holds something else, or another process begins something in it.
        """
        first(self._claim)

    def _claim(self) -> None:
        path = self.folder.path
        with writing_into(path):
            if not (path / REQUEST).exists():
                require_empty(path, FolderKind.RUN)
                path.mkdir(parents=True, exist_ok=True)
                self._begin(claimed(self.folder))
            require_same(path, FolderKind.RUN, _request(path)["identity"], self.identity)
            if not self.plan.find_lr:
                self._write_recipe()

    def _begin(self, claim: Claim) -> None:
        """Write who the folder belongs to, unless another process has begun a run or comparison in it meanwhile."""
        try:
            if not (claim.folder / REQUEST).exists():
                require_empty(claim.folder, FolderKind.RUN)
                write_json(claim.folder / REQUEST, signed({"identity": self.identity, "plan": self.plan.to_dict()}))
        finally:
            claim.release(remove=True)

    def _write_recipe(self) -> None:
        path = self.folder.path / "recipe.yaml"
        if not path.exists():
            write_recipe(self.comparison.recipe, path)

    def range_test(self) -> LearningRateRange:
        """Return the learning-rate range test of the run: the stored one, or one run now.

        If several processes train together, the first one runs it, with whole batches.

        Raises: StudyError, if the folder cannot be written or its table cannot be read.
        """
        make_deterministic(self.comparison.device)
        [task] = self._tasks()

        def test() -> LearningRateRange:
            with writing_into(self.folder.path), working_with(self.plan.threads):
                return found_range(task)

        return first(test)

    def with_rate(self, found: LearningRateRange) -> TrainingRun:
        """Return this run with the learning rate that a range test suggests.

        Raises: StudyError, if the loss did not fall at any learning rate.
        """
        recipe = replace(self.comparison.recipe, lr=agreed(lambda: rate_of(found)))
        note = f"lr {recipe.lr:g} was chosen by the range test in {TABLE}"
        run = replace(self, comparison=replace(self.comparison, recipe=recipe), notes=(*self.notes, note))

        def write() -> None:
            with writing_into(self.folder.path):
                run._write_recipe()

        first(write)
        return run

    def _tasks(self) -> list[Task]:
        return [
            replace(task, notes=self.notes, measures_cost=True)
            for task in tasks_of(self.comparison, lambda *_: self.folder)
        ]

    def perform(self, on_event: OnEvent) -> None:
        """Train from the checkpoint or from the start, and test once; do nothing if the run is complete.

        Raises: DivergedError, with network, seed, epoch and step; ModelError, for an error in the network's own code.
        """
        make_deterministic(self.comparison.device)
        tasks = [] if first(lambda: self.folder.complete) else self._tasks()
        if not tasks:
            first(self.folder.tidy)
        with logged(self.trackers, self.folder, flat(self.identity), on_event) as on_logged_event:
            on_logged_event(StudyStarted(missing=len(tasks), total=1))
            for task in tasks:
                with alone(self.folder, on_logged_event) as observe, working_with(self.plan.threads):
                    perform(task, observe)


def prepare_run(
    plan: Plan,
    output: Path | None = None,
    *,
    threads: int | None = None,
    models: Mapping[str, Model] | None = None,
    data: DataSet | None = None,
) -> TrainingRun:
    """Open the network of a plan with one network and one seed, load the data, and count the network at its input.

    `output` is the run's folder, by default `runs/<data>-<network>-<first digits of a hash of the identity>`. Without
    `threads`, their number is that of the run in the folder or, for a new run, the number measured to be fastest.

    If several processes train together, the first one loads the data before the others, because it may have to
    download them, and only the first one reads the folder.

    Raises: a ConvstudyError, if anything cannot be used; then nothing has been written.
    """
    if plan.processes_per_run > 1:
        raise_once(
            StudyError(
                f"processes_per_run is {plan.processes_per_run}, which is a setting of comparisons; remove it, and "
                "start the processes of a single run with torchrun",
                setting="processes_per_run",
            )
        )
    trackers = agreed(lambda: open_trackers(plan.log if place().first else ()))
    comparison = first_then_others(lambda: prepare(plan, models=models, data=data))
    if len(set(gathered(comparison.data.fingerprint))) > 1:
        raise_once(StudyError(f"{plan.data} differs between the {place().world} processes; copy the data again"))
    folder = RunFolder(output or _default_folder(comparison))
    threads = threads or first(lambda: _threads(comparison, folder))
    [entrant] = comparison.entrants
    last = comparison.recipe_of(entrant.name).channels_last
    plan = replace(comparison.plan, threads=threads, recipe=replace(comparison.plan.recipe, channels_last=last))
    comparison = replace(comparison, plan=plan, recipe=replace(comparison.recipe, channels_last=last))
    return TrainingRun(comparison, folder, trackers)


def _threads(comparison: Comparison, folder: RunFolder) -> int:
    if (folder.path / REQUEST).exists():
        return stored_plan(folder.path).threads
    if comparison.device.type != "cpu":
        return 1
    [entrant] = comparison.entrants
    size = comparison.recipe.batch_size
    return remembered_threads(
        {"network": entrant.name, "code": entrant.code, "input": entrant.input_shape, "batch": size},
        lambda: fastest_threads(lambda: comparison.build(entrant), entrant.input_shape, entrant.num_classes, size),
    )


def _default_folder(comparison: Comparison) -> Path:
    chosen = {key: value for key, value in _identity(comparison).items() if key not in {"threads", "processes"}}
    digest = hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()
    [entrant] = comparison.entrants
    return Path("runs") / f"{comparison.data.name}-{entrant.folder[:60]}-{digest[:6]}"


def _identity(comparison: Comparison) -> dict[str, Any]:
    whole = comparison.identity()
    model = whole.pop("models")[0]
    for of_several in ("folders", "seeds", "processes_per_run"):
        del whole[of_several]
    if comparison.plan.find_lr:
        whole["recipe"]["lr"] = "find"
    return {
        **whole,
        "model": model,
        "seed": comparison.plan.first_seed,
        "code": whole["code"].get(model, ""),
        "inputs": whole["inputs"][model],
        "processes": place().world,
    }


def stored_plan(path: Path) -> Plan:
    """Return the plan stored in a run's folder, with which the run is continued.

    Raises: StudyError, if `convstudy train` has not started a run there.
    """
    settings = _request(path)["plan"]
    try:
        return Plan.from_dict(settings)
    except (StudyError, RecipeError) as error:
        raise StudyError(
            f"{path / REQUEST} is from another version of convstudy ({error}); repeat the whole command in another "
            "folder"
        ) from error


def foreign_code(path: Path) -> str:
    """Return the Python code that continuing a run would execute, if this user did not start it; otherwise "".

    Raises: StudyError, if `convstudy train` has not started a run there, or its file cannot be read.
    """
    names = [name for name in stored_plan(path).models if runs_code(name)]
    if not names or is_signed_record(json.loads((path / REQUEST).read_text(encoding="utf-8"))):
        return ""
    return names[0].rpartition(":")[0]


def _request(path: Path) -> dict[str, Any]:
    """Return identity and plan of a run's folder. Raises: StudyError, if there are none or they cannot be read."""
    file = path / REQUEST
    if not file.exists():
        raise StudyError(f"{path} holds no run to continue; expected a folder in which `convstudy train` started a run")
    try:
        value: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return {"identity": dict(value["identity"]), "plan": dict(value["plan"])}
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{file} cannot be read ({reason_of(error)}); choose another folder") from error
