"""A comparison that belongs to a finding: performed or continued in its folder, and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import nn

from convstudy.errors import StudyError
from convstudy.findings.finding import Estimate, Setting
from convstudy.statistics import Verdict
from convstudy.study import ClaimedComparison, Findings, Plan, RunFolder, claim_comparison, open_run
from convstudy.study.comparisons.results import ModelResult
from convstudy.study.models.opening import Model
from convstudy.study.runs.result import RunResult
from convstudy.study.trained.open_run import TrainedRun


@dataclass(frozen=True)
class Compared:
    """A finished comparison of a finding."""

    claimed: ClaimedComparison
    findings: Findings
    given: Mapping[str, Model]

    @property
    def names(self) -> tuple[str, ...]:
        """The networks, in the order of the plan."""
        return tuple(entrant.name for entrant in self.claimed.comparison.entrants)

    @cached_property
    def models(self) -> dict[str, ModelResult]:
        """Cost and test accuracy of each network."""
        return {model.name: model for model in self.findings.results.models}

    def runs(self, name: str) -> list[RunResult]:
        """Return the runs of a network, by seed."""
        return sorted((run for run in self.findings.runs if run.model == name), key=lambda run: run.seed)

    def training_errors(self, name: str) -> list[float]:
        """Return the error on the training images in the last epoch of each run: augmented, while the weights moved."""
        return [1 - run.epochs[-1].train_top1 for run in self.runs(name)]

    def folders(self, name: str) -> list[RunFolder]:
        """Return the folder of each run of a network, by seed."""
        [own] = [entrant.folder for entrant in self.claimed.comparison.entrants if entrant.name == name]
        return [self.claimed.folder.run(own, seed) for seed in self.claimed.comparison.seeds]

    def seconds(self, name: str) -> list[float]:
        """Return the training seconds of each run of a network."""
        return [float(folder.record()["train_seconds"]) for folder in self.folders(name)]

    @property
    def training_seconds(self) -> float:
        """Training seconds of all runs together."""
        return sum(sum(self.seconds(name)) for name in self.names)

    def trained(self, name: str, seed: int) -> TrainedRun:
        """Return a finished run, whose network can be used."""
        [own] = [entrant.folder for entrant in self.claimed.comparison.entrants if entrant.name == name]
        run = open_run(self.claimed.folder.run(own, seed).path, trusted=True)
        return TrainedRun(run.folder, run.record, given=self.given.get(name), trusted=True)

    def network(self, name: str, seed: int) -> nn.Module:
        """Return a trained network in evaluation mode, on the device of the comparison."""
        return self.trained(name, seed).network(self.claimed.comparison.device)

    def test_difference(self, a: str, b: str) -> Estimate:
        """Return the test accuracy of `a` minus that of `b`, by the statistics of the comparison."""
        of = f"test accuracy of {a} minus that of {b}"
        for pair in self.findings.results.comparisons:
            if {pair.a, pair.b} == {a, b}:
                sign = 1 if pair.a == a else -1
                low, high = sorted((sign * pair.low, sign * pair.high))
                return Estimate(
                    of=of,
                    value=sign * pair.difference,
                    low=low,
                    high=high,
                    p_value=pair.p_value,
                    comparable=pair.verdict is not Verdict.NOT_COMPARABLE,
                )
        raise StudyError(f"{self.claimed.folder.path} has no comparison of {a} with {b}")

    @property
    def conditions(self) -> dict[str, str | int]:
        """The conditions under which it ran, for readers."""
        comparison, results = self.claimed.comparison, self.findings.results
        about = results.protocol.data
        return {
            "images": f"{about.name}: {about.train:,} to train on, {about.validation:,} to validate, {about.test:,} "
            "to test",
            "runs per network": len(comparison.seeds),
            "epochs": comparison.recipe.epochs,
            **{name: results.environment[name] for name in ("device", "torch") if name in results.environment},
        }


def compare(
    setting: Setting, name: str, settings: Mapping[str, Any], given: Mapping[str, Model] | None = None
) -> Compared:
    """Perform the missing runs of a comparison in the folder `name` of the finding, and read it.

    `settings` are those of a study file; `given` are networks as objects, by their names among `models`.

    Raises: StudyError, if runs failed; and as `claim_comparison`.
    """
    fixed = {"device": setting.device, "jobs": setting.jobs, "data_dir": setting.data_dir}
    plan = Plan.from_dict({**settings, **{key: value for key, value in fixed.items() if value is not None}})
    claimed = claim_comparison(plan, setting.folder / name, models=given)
    with setting.display() as on_event:
        failed = claimed.perform(on_event)
    if failed:
        raise StudyError(
            f"{len(failed)} of {len(list(claimed.comparison.runs()))} runs in {claimed.folder.path} failed: "
            f"{failed[0].reason}; repeat the command to run them again"
        )
    found = claimed.conclude()
    setting.on_compared(claimed, found)
    return Compared(claimed, found, given or {})
