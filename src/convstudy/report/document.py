"""A comparison for documents: a Markdown page, and LaTeX tables for a paper."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from convstudy.errors import printable
from convstudy.report import numbers, sentences
from convstudy.report.health import health_sentence
from convstudy.report.latex import PACKAGES, LatexTable, latex_table
from convstudy.report.measures import columns_of, metric_text
from convstudy.report.shareable import shareable
from convstudy.statistics.verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd

    from convstudy.study.comparisons.results import Findings, ModelResult, Results

MIXED = "Mixed protocols: these runs were made under a protocol that differs from that of the others."
UNFINISHED = "Unfinished: {} still missing."
VERDICTS = {
    Verdict.EQUIVALENT: "equivalent",
    Verdict.RUNS_ONLY: "these runs only",
    Verdict.NOT_COMPARABLE: "not comparable yet",
}
SPEED_WORDS = (
    "Latency is for one image, inference for batches of the fastest size. Memory is the measured peak of torch's "
    "allocations in a training step, without the data set."
)


def markdown(findings: Findings) -> str:
    """Return verdicts, tables of results, pairs and metrics, the protocol, and the command to reproduce."""
    findings = shareable(findings)
    results = findings.results
    data = results.protocol.data
    parts = [f"# {in_text(numbers.title([model.name for model in results.models], data.name))}"]
    if findings.unfinished:
        parts.append(UNFINISHED.format(numbers.plural(findings.unfinished, "run")))
    if results.protocol.mixed:
        parts.append("\n".join([f"**{MIXED}**", "", *(f"- {in_text(line)}" for line in results.protocol.mixed)]))
    wrong = [f"- {in_text(health_sentence(finding, len(results.protocol.seeds)))}" for finding in results.health]
    parts.append("\n".join(["**What is wrong with the runs**", "", *wrong]) if wrong else "")
    parts.append("\n".join(f"- {in_text(sentences.verdict_in(results, pair))}" for pair in results.comparisons))
    parts += [in_text(line(results)) for line in (sentences.withheld, sentences.level, sentences.far_apart)]
    parts += [
        "\n\n".join(f"**{in_text(reply.question)}** {in_text(reply.answer)}" for reply in sentences.replies(results)),
        in_text(sentences.basis(results) + (f"; {known}." if (known := sentences.opened(results)) else ".")),
        "## Results",
        in_markdown(result_frame(results)),
        "## Speed and memory",
        in_markdown(speed_frame(results)),
        SPEED_WORDS,
    ]
    if results.comparisons:
        parts += ["## Pairwise comparisons", in_markdown(pair_frame(results))]
    if results.models:
        parts += ["## Other metrics", f"{_shown_values(results)} (95% CI).", in_markdown(measure_frame(results))]
    if data.findings is not None:
        found = [
            f"- {'**' * each.contaminates}{in_text(each.sentence)}{'**' * each.contaminates}" for each in data.findings
        ]
        parts += ["## Problems found in the data", "\n".join(found) or "None."]
    protocol = results.protocol
    sentences_of_protocol = (
        sentences.selection(protocol),
        sentences.budget_of(protocol),
        sentences.assumption(data),
        sentences.intervals(results),
        sentences.p_values(results),
    )
    parts += ["## Protocol", "\n".join(f"- {in_text(line)}" for line in sentences_of_protocol if line)]
    fence = "`" * max([3, *(len(ticks) + 1 for ticks in re.findall("`{3,}", protocol.command))])
    parts += ["## Reproduce", f"{fence}console\n{protocol.command}\n{fence}"]
    return "\n\n".join(part for part in parts if part) + "\n"


def latex(findings: Findings) -> str:
    """Return LaTeX tables (packages booktabs and siunitx) of results, speed, pairs and metrics, each with its caption.

    They fit a text of 345 pt; their labels begin with the name of the data.
    """
    findings = shareable(findings)
    results = findings.results
    unfinished = f" {UNFINISHED.format(numbers.plural(findings.unfinished, 'run'))}" if findings.unfinished else ""
    basis = f"{results.protocol.data.name}, {sentences.basis(results)}.{unfinished}"
    names = f"tab:{results.protocol.data.name}"
    ranked = sorted(results.models, key=lambda model: -model.top1.mean)
    of_results = [_latex_result(model) for model in ranked]
    tables = [_known(LATEX_RESULTS, of_results, f"Cost and top-1 with 95% CI: {basis}", f"{names}-results")]
    of_speed = [_latex_speed(model) for model in ranked]
    tables.append(_known(LATEX_SPEED, of_speed, f"Speed and memory: {basis} {SPEED_WORDS}", f"{names}-speed"))
    if results.comparisons:
        adjusted = " p-values adjusted by Holm's method." if len(results.comparisons) > 1 else ""
        if adjusted and not results.sequential:
            adjusted += " The intervals of all pairs hold together."
        elif adjusted:
            adjusted += " Each interval is of its pair alone."
        caption = f"Difference in top-1, first minus second, with 95% CI: {basis}{adjusted} {sentences.level(results)}"
        tables.append(of_frame(pair_frame(results), caption.rstrip(), f"{names}-pairs", texts=2))
    if results.models:
        measured = measure_frame(results, interval=False)
        tables.append(of_frame(measured, f"{_shown_values(results)}: {basis}", f"{names}-measures"))
    return PACKAGES + "\n".join(latex_table(table) for table in tables if len(table.heads) > 1)


LATEX_RESULTS = ("network", "top-1, %", "95% CI", "parameters, M", "MACs, M", "training, s", "latency, ms")
LATEX_SPEED = ("network", "activations, K", "training, img/s", "p95, ms", "inference, img/s", "batch", "memory, MB")


def _latex_result(model: ModelResult) -> tuple[str, ...]:
    top1 = model.top1
    return (
        model.name,
        f"{100 * top1.mean:.1f}",
        numbers.percent_interval(top1.low, top1.high),
        _in_unit(model.parameters, 1e6),
        ("≥ " if model.uncounted else "") + _in_unit(model.macs, 1e6),
        numbers.rate(model.train_seconds),
        numbers.rate(model.latency_ms),
    )


def _latex_speed(model: ModelResult) -> tuple[str, ...]:
    return (
        model.name,
        ("≥ " if model.uncounted else "") + _in_unit(model.activation_size, 1e3),
        numbers.rate(model.images_per_second),
        numbers.rate(model.latency_p95_ms),
        numbers.rate(model.inference_images_per_second),
        numbers.count(model.inference_batch_size),
        _in_unit(model.training_step_bytes, 1e6),
    )


def _in_unit(value: float | None, unit: float) -> str:
    return numbers.rate(None if value is None else value / unit)


def _known(heads: tuple[str, ...], rows: list[tuple[str, ...]], caption: str, label: str) -> LatexTable:
    """Return a table without the columns that no network has."""
    kept = [place for place in range(len(heads)) if any(row[place] != numbers.ABSENT for row in rows) or not rows]
    return LatexTable(
        [heads[place] for place in kept], [[row[place] for place in kept] for row in rows], caption, label
    )


def of_frame(frame: pd.DataFrame, caption: str, label: str, *, texts: int = 1) -> LatexTable:
    """Return a table of formatted columns, the first of which are names."""
    return LatexTable(list(frame.columns), frame.to_numpy().tolist(), caption, label, texts)


def result_frame(results: Results) -> pd.DataFrame:
    """Return one row per network, best first, formatted."""
    import pandas as pd  # noqa: PLC0415

    heads = ["network", "top-1, %", "95% CI", "parameters", "MACs", "training, s", "latency, ms"]
    ranked = sorted(results.models, key=lambda model: -model.top1.mean)
    return pd.DataFrame([_result(model) for model in ranked], columns=heads)


def _result(model: ModelResult) -> tuple[str, ...]:
    top1, bound = model.top1, "≥ " if model.uncounted else ""
    return (
        model.name,
        f"{100 * top1.mean:.1f}",
        numbers.percent_interval(top1.low, top1.high),
        numbers.count(model.parameters),
        bound + numbers.scaled(model.macs),
        numbers.rate(model.train_seconds),
        numbers.rate(model.latency_ms),
    )


def speed_frame(results: Results) -> pd.DataFrame:
    """Return one row per network, best first, formatted: measurements other than accuracy."""
    import pandas as pd  # noqa: PLC0415

    heads = [
        "network",
        "activation size",
        "training, images/s",
        "latency, median, ms",
        "95th percentile, ms",
        "inference, images/s",
        "batch size",
        "training memory",
    ]
    ranked = sorted(results.models, key=lambda model: -model.top1.mean)
    return pd.DataFrame([_speed(model) for model in ranked], columns=heads)


def _speed(model: ModelResult) -> tuple[str, ...]:
    return (
        model.name,
        numbers.scaled(model.activation_size),
        numbers.rate(model.images_per_second),
        numbers.rate(model.latency_ms),
        numbers.rate(model.latency_p95_ms),
        numbers.rate(model.inference_images_per_second),
        numbers.count(model.inference_batch_size),
        numbers.num_bytes(model.training_step_bytes),
    )


def pair_frame(results: Results) -> pd.DataFrame:
    """Return one row per pair, formatted."""
    import pandas as pd  # noqa: PLC0415

    heads = ["first", "second", "difference, pp", "95% CI", "p-value", "better"]
    rows = [
        (
            pair.a,
            pair.b,
            numbers.points(pair.difference),
            f"{numbers.points(pair.low)} to {numbers.points(pair.high)}",
            numbers.p_value(pair.p_value),
            VERDICTS.get(pair.verdict) or pair.better or "not shown",
        )
        for pair in results.comparisons
    ]
    return pd.DataFrame(rows, columns=heads)


def measure_frame(results: Results, *, interval: bool = True) -> pd.DataFrame:
    """Return one row per network, formatted: metrics in percent, log loss in nats."""
    import pandas as pd  # noqa: PLC0415

    rows = [
        {"network": model.name}
        | {
            column.head[0].lower() + column.head[1:]: metric_text(model, column, interval=interval)
            for column in columns_of(results.models)
        }
        for model in results.models
    ]
    return pd.DataFrame(rows)


def _shown_values(results: Results) -> str:
    return "Mean ± standard deviation over seeds" if len(results.protocol.seeds) > 1 else "One seed"


def in_text(text: str) -> str:
    r"""Return a line of text for Markdown, in which names make no tags, links, code or emphasis.

    >>> in_text("<b>net</b> beats [a](http://b) and `c`, *d*\n# e")
    '&lt;b>net&lt;/b> beats [a]\\(http://b) and \\`c\\`, \\*d\\* # e'
    """
    line = re.sub(r"[`*]|\\(?=[^\w\s])", r"\\\g<0>", printable(" ".join(text.split())))
    return line.replace("<", "&lt;").replace("](", "]\\(")


def in_markdown(frame: pd.DataFrame) -> str:
    """Return a table in GitHub Markdown, with special characters in names escaped."""

    def cell(text: str) -> str:
        return in_text(text).replace("|", "\\|")

    safe = frame.rename(columns=cell).map(cell)
    return safe.to_markdown(
        index=False, disable_numparse=True, colalign=("left", *["right"] * (len(frame.columns) - 1))
    )
