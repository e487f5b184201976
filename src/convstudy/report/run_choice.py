"""The run of each network that the commands of a report name: the one with the best validation result."""

from __future__ import annotations

from pathlib import Path

from convstudy.study import ComparisonFolder
from convstudy.study.comparisons.results import Findings
from convstudy.study.runs.lr_trial import Trial


def runs_to_use(findings: Findings, folder: Path) -> dict[str, str]:
    """Return the folder of a run for each network trained in the folder of a comparison or run, relative to it.

    It is the one with the highest validation top-1, then the lowest validation loss; test images play no role. Empty
    for a folder without a comparison; imported runs have no weights.
    """
    if (folder / "run.json").exists():  # the folder of a single run
        return {model.name: "" for model in findings.results.models}
    comparison = ComparisonFolder(folder)
    if findings.results.protocol.folds is not None or not (folder / "comparison.json").exists():
        return {}
    identity = comparison.identity()
    folders = dict(zip(identity.get("models", ()), identity.get("folders", ()), strict=True))
    patience = int(findings.results.protocol.recipe.get("patience") or 0)
    found = {}
    for name, own in folders.items():
        runs = [run for run in findings.runs if run.model == name and run.epochs]
        if runs:
            best = min(runs, key=lambda run: Trial.of(0.0, 0.0, run.epochs, patience).rank)
            found[name] = comparison.run(own, best.seed).path.relative_to(folder).as_posix()
    return found
