"""Comparison of networks from Python, as with `convstudy compare` and `convstudy report`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.api.plans import Networks, call_of
from convstudy.api.progress import shown
from convstudy.api.training import Run, open_run
from convstudy.errors import StudyError
from convstudy.report import sentences
from convstudy.report.leading_pairs import leading_pairs
from convstudy.study.comparisons.compare import claim_comparison
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.results import Conclusion, Findings, PairResult, Results
from convstudy.study.comparisons.results_file import read_findings
from convstudy.study.comparisons.unfinished import read_unfinished
from convstudy.study.runs.events import OnEvent
from convstudy.training import Recipe
from convstudy.wording import shared_name

if TYPE_CHECKING:
    import pandas as pd

    from convstudy.data import DataSet
    from convstudy.study.models.opening import Model


@dataclass(frozen=True)
class ComparisonResult:
    """Findings of a comparison, and its folder; `print` and notebooks show them as tables.

    `models` and `data` are the networks and the data that `compare` was given as objects, which the folder does not
    store.
    """

    path: Path
    findings: Findings
    models: Mapping[str, Model] = field(default_factory=dict, repr=False)
    data: DataSet | None = field(default=None, repr=False)

    @property
    def results(self) -> Results:
        """All values stored in `results.json`."""
        return self.findings.results

    @property
    def finished(self) -> bool:
        """Whether all runs are finished."""
        return not self.findings.unfinished

    @property
    def pairs(self) -> tuple[PairResult, ...]:
        """Difference, interval, p-value and verdict for every pair of networks."""
        return self.results.comparisons

    @property
    def verdicts(self) -> tuple[str, ...]:
        """One sentence per pair with the verdict; if there are many pairs, only those of the leading network."""
        return tuple(sentences.verdict_in(self.results, pair) for pair in leading_pairs(self.results))

    @property
    def conclusion(self) -> Conclusion | None:
        """The best network, those it is shown to beat, and the cheapest similar one; None for a single network."""
        return self.results.conclusion

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per network: cost, top-1 with interval and per seed, and speed."""
        import pandas as pd

        rows = []
        for model in self.results.models:
            rows.append(
                {
                    "network": model.name,
                    "parameters": model.parameters,
                    "macs": model.macs,
                    "top1": model.top1.mean,
                    "top1_low": model.top1.low,
                    "top1_high": model.top1.high,
                    **{f"top1_seed_{seed}": value for seed, value in enumerate(model.top1.per_seed)},
                    "train_seconds": model.train_seconds,
                    "images_per_second": model.images_per_second,
                    "latency_ms": model.latency_ms,
                }
            )
        return pd.DataFrame(rows)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report as a self-contained HTML page, by default in the folder, and return its path.

        Raises: OSError, if it cannot be written.
        """
        from convstudy.report import write_html

        target = self.path / "report.html" if path is None else Path(path)
        write_html(self.findings, target, folder=self.path)
        return target

    def run(self, network: str, seed: int) -> Run:
        """Return one run, with its network and data if `compare` was given them as objects.

        Raises: StudyError, if there is no run of this network and seed.
        """
        identity = ComparisonFolder(self.path).identity()
        network = network if network in identity["models"] else shared_name(network)
        if network not in identity["models"] or seed not in identity["seeds"]:
            raise StudyError(
                f"{self.path} has no run of {network} with seed {seed}; expected {', '.join(identity['models'])} and "
                f"seeds {', '.join(map(str, identity['seeds']))}"
            )
        folder = identity["folders"][identity["models"].index(network)]
        trained = open_run(ComparisonFolder(self.path).run(folder, seed).path).trained
        return Run(replace(trained, given=self.models.get(network), given_data=self.data))

    def __repr__(self) -> str:
        return f"<ComparisonResult of {', '.join(model.name for model in self.results.models)} in {self.path}>"

    def __str__(self) -> str:
        """Return the table of results and the verdicts, as the command line prints them."""
        from rich.console import Console

        from convstudy.report.terminal import result_table, verdicts

        console = Console(width=80, force_jupyter=False)
        with console.capture() as captured:
            console.print(result_table(self.results), "", verdicts(self.results), sep="\n")
        return captured.get()

    def _repr_html_(self) -> str:
        from convstudy.report.document import result_frame

        listed = "".join(f"<p>{escape(verdict)}</p>" for verdict in self.verdicts)
        return result_frame(self.results).to_html(index=False) + listed


def compare(
    networks: Networks,
    *,
    data: Any = "digits",
    seeds: int = 3,
    recipe: Recipe | None = None,
    output: str | Path | None = None,
    on_event: OnEvent | None = None,
    **settings: Any,
) -> ComparisonResult:
    """Train networks under one recipe and test which is better, as `convstudy compare` does.

    `networks` is one network, a list, or a mapping from names to networks. A network is a name, a class or function,
    which is called with `num_classes` and `in_channels` as far as it accepts them, or a built network, which is copied.
    `data` is anything that `load_data` accepts. `settings` are those of a study, such as `input_size`, `budget`,
    `lr_grid`, `device`, `threads`, `jobs`, `freeze` or `first_seed`, or a `preset` of the recipe. `on_event`
    receives the events of the runs in place of the progress display.

    Repeating the call performs only missing runs and continues interrupted ones. On a CPU, results are bit-identical to
    those of the command line.

    Raises: a ConvstudyError, if an argument cannot be used; StudyError, if runs failed, after the others have finished.
    """
    from convstudy.report import write_drawings

    call = call_of(networks, data, recipe, {"seeds": seeds, **settings})
    claimed = claim_comparison(call.plan, None if output is None else Path(output), models=call.models, data=call.data)
    with shown(on_event) as display:
        failed = claimed.perform(display)
    write_drawings(claimed)
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        total = len(list(claimed.comparison.runs()))
        raise StudyError(
            f"{len(failed)} of {total} runs failed: {failed[0].reason}{more}; repeat the call to run them again, or "
            f"open the finished ones with open_comparison('{claimed.folder.path}')"
        )
    result = ComparisonResult(claimed.folder.path, claimed.conclude(), call.models, call.data)
    result.report()
    return result


def open_comparison(path: str | Path) -> ComparisonResult:
    """Open the folder of a comparison, finished or not. Raises: StudyError, if it holds no comparison."""
    folder = ComparisonFolder(Path(path))
    done = (folder.path / "results.json").exists()
    return ComparisonResult(folder.path, read_findings(folder) if done else read_unfinished(folder))
