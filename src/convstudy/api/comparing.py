"""Networks compared: what `convstudy compare` and `report` do, from Python."""

from __future__ import annotations

from dataclasses import dataclass
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
from convstudy.study.comparisons.progress import read_unfinished
from convstudy.study.comparisons.results import Conclusion, Findings, PairResult, Results
from convstudy.study.comparisons.results_file import read_findings
from convstudy.study.runs.events import OnEvent
from convstudy.training import Recipe

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ComparisonResult:
    """What a comparison found, and its folder. `print` shows it, a notebook draws it."""

    path: Path
    findings: Findings

    @property
    def results(self) -> Results:
        """All values, as `results.json` holds them."""
        return self.findings.results

    @property
    def finished(self) -> bool:
        """Whether all runs are done."""
        return not self.findings.unfinished

    @property
    def pairs(self) -> tuple[PairResult, ...]:
        """The comparison of every two networks: difference, interval, p-value, verdict."""
        return self.results.comparisons

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The verdict on each pair in a sentence; of many pairs, those of the leading network."""
        count = len(self.pairs)
        return tuple(sentences.verdict(pair, pairs=count) for pair in leading_pairs(self.results))

    @property
    def conclusion(self) -> Conclusion | None:
        """The best network, those it is shown to beat, and the cheapest that is as good; None for one network."""
        return self.results.conclusion

    def to_pandas(self) -> pd.DataFrame:
        """Return a row per network: its costs, its top-1 with interval and seeds, and its speed."""
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
        """Write the report, a page that works offline, and return where it is; by default in the folder.

        Raises: OSError, when it cannot be written.
        """
        from convstudy.report import write_html

        target = self.path / "report.html" if path is None else Path(path)
        write_html(self.findings, target)
        return target

    def run(self, network: str, seed: int) -> Run:
        """Open one run. Raises: StudyError, when there is none of this network and seed."""
        identity = ComparisonFolder(self.path).identity()
        if network not in identity["models"] or seed not in identity["seeds"]:
            raise StudyError(
                f"{self.path} has no run of {network} with seed {seed}; it has {', '.join(identity['models'])} with "
                f"seeds {', '.join(map(str, identity['seeds']))}"
            )
        folder = identity["folders"][identity["models"].index(network)]
        return open_run(ComparisonFolder(self.path).run(folder, seed).path)

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
    """Train networks under one recipe and say which is better, and how sure that is, as `convstudy compare` does.

    `networks` are names, classes or functions that take `num_classes` and `in_channels` where they can, or built
    networks, which are copied: one, a list, or a mapping from the name to show. `data` is anything that `load_data`
    takes. Settings are those of a study, such as `input_size`, `budget`, `lr_grid`, `device`, `threads`, `jobs`,
    `freeze` or `first_seed`. `on_event` takes the events of the runs instead of a display.

    The same call does only what is missing, and continues an interrupted run. Results equal the command line's, bit
    for bit on a CPU.

    Raises: a ConvstudyError, for anything that cannot be used; StudyError, when runs failed, once the others are done.
    """
    call = call_of(networks, data, recipe, {"seeds": seeds, **settings})
    claimed = claim_comparison(call.plan, None if output is None else Path(output), models=call.models, data=call.data)
    with shown(on_event) as display:
        failed = claimed.perform(display)
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        total = len(list(claimed.comparison.runs()))
        raise StudyError(
            f"{len(failed)} of {total} runs failed: {failed[0].reason}{more}; the same call repeats them, and "
            f"open_comparison('{claimed.folder.path}') shows those that are done"
        )
    result = ComparisonResult(claimed.folder.path, claimed.conclude())
    result.report()
    return result


def open_comparison(path: str | Path) -> ComparisonResult:
    """Open the folder of a comparison, finished or not. Raises: StudyError, when it holds none."""
    folder = ComparisonFolder(Path(path))
    done = (folder.path / "results.json").exists()
    return ComparisonResult(folder.path, read_findings(folder) if done else read_unfinished(folder))
