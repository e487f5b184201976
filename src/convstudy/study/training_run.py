"""One network, trained with one seed, in a folder of its own: the same as a comparison's run, alone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from convstudy.errors import StudyError
from convstudy.files import write_json
from convstudy.study.comparison import Comparison, prepare, tasks_of
from convstudy.study.environment import make_deterministic
from convstudy.study.experiment_log import ExperimentLog, Tracker, flat, open_trackers
from convstudy.study.folder import RunFolder, refuse_another, refuse_strangers
from convstudy.study.plan import Plan
from convstudy.study.run import Observer
from convstudy.study.side_by_side import perform_all
from convstudy.training import Recipe

ASKED = "train.json"  # what was asked of a run's folder: its identity, and the plan to go on with
PATHS = ("data_dir", "test_data")  # of a plan


@dataclass(frozen=True)
class TrainingRun:
    """A network whose cost is counted and whose data are loaded, ready to be trained with one seed."""

    comparison: Comparison  # of this network and seed alone
    trackers: tuple[Tracker, ...] = ()

    @property
    def plan(self) -> Plan:
        return self.comparison.plan

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that decides the result: what a folder must agree in."""
        whole = self.comparison.identity()
        model = whole.pop("models")[0]
        for of_several in ("folders", "seeds"):
            del whole[of_several]
        return {
            **whole,
            "model": model,
            "seed": self.plan.first_seed,
            "code": whole["code"].get(model, ""),
            "inputs": whole["inputs"][model],
        }

    def default_folder(self) -> Path:
        """`runs/<data>-<network>-<a few letters that no other run has>`."""
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()
        [entrant] = self.comparison.contestants
        return Path("runs") / f"{self.comparison.data.name}-{entrant.model.folder[:60]}-{digest[:6]}"

    def claim(self, folder: RunFolder) -> None:
        """Make the folder this run's, or find that it is. Raises: StudyError, when it holds something else."""
        asked = folder.path / ASKED
        if asked.exists():
            refuse_another(folder.path, "run", _asked(folder.path)["identity"], self.identity)
            return
        refuse_strangers(folder.path, "run")
        write_json(asked, {"identity": self.identity, "plan": _plain(self.plan)})

    def perform(self, folder: RunFolder, observer: Observer) -> None:
        """Train from the checkpoint or from the start, and test once; nothing where the run is complete.

        Raises: DivergedError, with network, seed, epoch and step.
        """
        make_deterministic(self.comparison.device)
        tasks = [] if folder.complete else tasks_of(self.comparison, lambda *_: folder)
        with ExperimentLog(self.trackers, folder, flat(self.identity), observer) as log:
            log.start(missing=len(tasks), total=1)
            perform_all(tasks, 1, self.plan.threads, log)


def prepare_run(plan: Plan) -> TrainingRun:
    """Open the one network of a plan with one seed, load the data, count the network at its input.

    Raises: a ConvstudyError for whatever cannot be used, before anything is written.
    """
    trackers = open_trackers(plan.log)
    return TrainingRun(prepare(plan), trackers)


def stored_plan(path: Path) -> Plan:
    """The plan of a run's folder, to go on with.

    Raises: StudyError, when no `convstudy train` has begun there.
    """
    asked = _asked(path)
    plan = asked["plan"]
    try:
        given: dict[str, Any] = {key: Path(value) if key in PATHS and value else value for key, value in plan.items()}
        given |= {"models": tuple(plan["models"]), "log": tuple(plan["log"]), "recipe": Recipe(**plan["recipe"])}
        return Plan(**given)
    except (TypeError, KeyError) as error:
        raise StudyError(
            f"{path / ASKED} is of another version of convstudy ({error}); give the whole command again"
        ) from error


def _asked(path: Path) -> dict[str, Any]:
    asked = path / ASKED
    if not asked.exists():
        raise StudyError(f"{path} holds no run to go on with; expected a folder that `convstudy train` has begun")
    try:
        value: dict[str, Any] = json.loads(asked.read_text(encoding="utf-8"))
        return {"identity": dict(value["identity"]), "plan": dict(value["plan"])}
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{asked} cannot be read ({type(error).__name__}: {error}); choose another folder") from error


def _plain(plan: Plan) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(plan).items()}
