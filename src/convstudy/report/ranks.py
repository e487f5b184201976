"""A ranking of networks over several data sets: as a page, and as tables for documents and programs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from convstudy.files import whole_file
from convstudy.report import numbers
from convstudy.report.charts.ranks import critical_difference_diagram
from convstudy.report.document import in_markdown, in_text, of_frame
from convstudy.report.html import colors, templates
from convstudy.report.latex import PACKAGES, latex_table
from convstudy.report.page_charts import Charts
from convstudy.report.sentences import p_value
from convstudy.wording import listed, spreadsheet_text

if TYPE_CHECKING:
    import pandas as pd

    from convstudy.study.comparisons.ranking import Ranking

FEW = 5  # data sets, below which the test has little power


def write_ranks(ranking: Ranking, path: Path, command: str) -> None:
    """Write the page to `path` atomically.

    Raises: OSError, if the folder cannot be written to.
    """
    page = html(ranking, command)
    with whole_file(path, keep_hard_links=True) as draft:
        draft.write_text(page, encoding="utf-8", newline="\n")


def html(ranking: Ranking, command: str) -> str:
    """Return a self-contained page: the verdict, the critical-difference diagram with a description, and tables."""
    charts: Charts = {"ranks": (critical_difference_diagram(ranking),)}
    return (
        templates()
        .get_template("ranks.html")
        .render(
            ranking=ranking,
            title=title(ranking),
            verdict=verdict(ranking),
            charts=charts,
            in_words=in_words(ranking),
            command=command,
            **colors(charts),
        )
    )


def verdict(ranking: Ranking) -> tuple[str, ...]:
    """Return the verdict in sentences."""
    return tuple(filter(None, (_differ(ranking), _best(ranking), _caution(ranking))))


def title(ranking: Ranking) -> str:
    """Return the title: the numbers of networks and data sets."""
    return f"{numbers.plural(len(ranking.networks), 'network')} on {numbers.plural(len(ranking.data), 'data set')}"


def in_words(ranking: Ranking) -> str:
    """Describe the diagram in words, for screen readers."""
    means = ", ".join(f"{name} {r:.2f}" for name, r in zip(ranking.networks, ranking.test.mean_ranks, strict=True))
    alike = "; ".join(", ".join(ranking.networks[place] for place in group) for group in ranking.groups)
    joined = f"No difference is shown among {alike}." if alike else "Every two networks differ."
    return f"Mean ranks (1 is best): {means}. {joined}"


def markdown(ranking: Ranking) -> str:
    """Return the verdict, the description of the diagram, and the tables."""
    parts = [f"# {title(ranking)}", "\n".join(f"- {in_text(line)}" for line in verdict(ranking))]
    parts.append(in_text(in_words(ranking)))
    parts += [f"**{in_text(each.name)}**: {in_text(line)}" for each in ranking.data for line in each.caveats]
    parts += ["## Top-1 and ranks", in_markdown(frame(ranking)), "## Nemenyi's p-values", in_markdown(pairs(ranking))]
    return "\n\n".join(parts) + "\n"


def latex(ranking: Ranking) -> str:
    """Return LaTeX tables (packages booktabs and siunitx)."""
    captions = (" ".join(verdict(ranking)), "p-values of Nemenyi's test on the same data sets")
    names = ("tab:ranks", "tab:nemenyi")
    return PACKAGES + "\n".join(
        latex_table(of_frame(table, caption, label))
        for table, caption, label in zip((frame(ranking), pairs(ranking)), captions, names, strict=True)
    )


def text_json(ranking: Ranking) -> str:
    return (
        json.dumps({"verdict": verdict(ranking), **ranking.to_json()}, indent=2, allow_nan=False, ensure_ascii=False)
        + "\n"
    )


def csv(ranking: Ranking) -> str:
    """Return a CSV table with one row per data set and network: top-1 (a fraction of 1) and rank."""
    import pandas as pd  # noqa: PLC0415

    rows = [
        {"data": spreadsheet_text(each.name), "network": spreadsheet_text(name), "top1": score, "rank": place}
        for each in ranking.data
        for name, score, place in zip(ranking.networks, each.top1, each.ranks, strict=True)
    ]
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")


def frame(ranking: Ranking) -> pd.DataFrame:
    """Return one formatted row per data set, top-1 in percent with its rank, and a last row of mean ranks."""
    import pandas as pd  # noqa: PLC0415

    rows = [
        (each.name, *(f"{100 * score:.1f} ({place:g})" for score, place in zip(each.top1, each.ranks, strict=True)))
        for each in ranking.data
    ]
    means = ("mean rank", *(f"{mean:.2f}" for mean in ranking.test.mean_ranks))
    return pd.DataFrame([*rows, means], columns=["data set", *ranking.networks])


def pairs(ranking: Ranking) -> pd.DataFrame:
    """Return the p-values of Nemenyi's test, networks x networks, formatted."""
    import pandas as pd  # noqa: PLC0415

    rows = [
        (name, *("" if a == b else numbers.p_value(value) for b, value in enumerate(ranking.test.nemenyi[a])))
        for a, name in enumerate(ranking.networks)
    ]
    return pd.DataFrame(rows, columns=["network", *ranking.networks])


def _differ(ranking: Ranking) -> str:
    test, sets, networks = ranking.test, len(ranking.data), len(ranking.networks)
    found = f"F = {test.f_statistic:.2f}" if math.isfinite(test.f_statistic) else "same order on every data set"
    how = f"Friedman's test, {found}, {p_value(test.p_value)} by permutation"
    if ranking.shown:
        return f"The ranks of the {networks} networks differ over {sets} data sets ({how})."
    return f"No difference shown between the ranks of the {networks} networks over {sets} data sets ({how})."


def _best(ranking: Ranking) -> str:
    ranks = ranking.test.mean_ranks
    best = f"{ranking.networks[0]} has the best mean rank, {ranks[0]:.2f}"
    if not ranking.shown:
        return f"{best}, but this can be due to chance."
    beaten = [n for n, mean in zip(ranking.networks, ranks, strict=True) if _apart(ranking, mean - ranks[0])]
    level = [n for n in ranking.networks[1:] if n not in beaten]
    parts = [f"shown to rank better than {listed(beaten)}"] if beaten else []
    parts += [f"not shown to rank better than {listed(level)}"] if level else []
    critical = f"Nemenyi's test, critical difference {ranking.test.critical_difference:.2f} ranks"
    return f"{best}: {', but '.join(parts)} ({critical})."


def _apart(ranking: Ranking, difference: float) -> bool:
    return difference >= ranking.test.critical_difference


def _caution(ranking: Ranking) -> str:
    sets = len(ranking.data)
    return f"With {sets} data sets this test detects only large differences; use {FEW} or more." if sets < FEW else ""
