"""Tables in LaTeX, for the text width of a paper: packages booktabs and siunitx, and graphicx for very wide ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from convstudy.drawing.fonts import text_width
from convstudy.errors import printable

TEXT_WIDTH = 345.0  # pt, of LaTeX's article class at 10 pt
SIZES = (  # command, width of text to that at 10 pt (small fonts of Computer Modern are wider), space beside columns
    ("", 1.0, 6.0), ("\\small", 0.93, 4.0), ("\\footnotesize", 0.87, 3.0), ("\\scriptsize", 0.83, 2.5),
)  # fmt: skip
PACKAGES = "% needs \\usepackage{booktabs}, \\usepackage{siunitx} and \\usepackage{graphicx}\n"
CAPTION_ABOVE = "\\setlength{\\abovecaptionskip}{0pt}\\setlength{\\belowcaptionskip}{6pt}"
ABSENT = "–"
NUMBER = re.compile(r"(≥ )?([−+-]?)([\d,]+)(?:\.(\d+))?")


@dataclass(frozen=True)
class LatexTable:
    """A table of text: its heads, rows, caption and label; the first `texts` columns hold names."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    label: str
    texts: int = 1


def latex_table(table: LatexTable) -> str:
    """Return a floating table, centered, as wide as the text at most; columns of numbers are aligned at the point.

    >>> rows = [("net", "97.8", "0.062"), ("resnet34", "98.96", "21.3")]
    >>> print(latex_table(LatexTable(("network", "top-1, %", "parameters, M"), rows, "Results", "tab:results")))
    \\begin{table}[tbp]
    \\centering
    \\setlength{\\abovecaptionskip}{0pt}\\setlength{\\belowcaptionskip}{6pt}
    \\caption{Results}
    \\label{tab:results}
    \\begin{tabular}{@{}lS[table-format=2.2]S[table-format=2.3]@{}}
    \\toprule
    {network} & {top-1, \\%} & {parameters, M} \\\\
    \\midrule
    net & 97.8 & 0.062 \\\\
    resnet34 & 98.96 & 21.3 \\\\
    \\bottomrule
    \\end{tabular}
    \\end{table}
    <BLANKLINE>
    """
    columns = list(zip(*table.rows, strict=True)) or [() for _ in table.heads]
    formats = ["" if place < table.texts else _format(cells) for place, cells in enumerate(columns)]
    size, gap, squeezed = _size(table, columns, formats)
    alignment = "".join("l" if place < table.texts else form or "r" for place, form in enumerate(formats))
    body = [_line([f"{{{escaped(head)}}}" for head in table.heads])]
    body += [_line([_cell(cell, form) for cell, form in zip(row, formats, strict=True)]) for row in table.rows]
    tabular = [f"\\begin{{tabular}}{{@{{}}{alignment}@{{}}}}", "\\toprule", body[0], "\\midrule", *body[1:]]
    tabular += ["\\bottomrule", "\\end{tabular}"]
    if squeezed:
        tabular = [f"\\resizebox{{\\linewidth}}{{!}}{{{tabular[0]}", *tabular[1:-1], f"{tabular[-1]}}}"]
    setting = [size] if size else []
    setting += [f"\\setlength{{\\tabcolsep}}{{{gap:g}pt}}"] if size else []
    caption, label = escaped(table.caption), re.sub(r"[^A-Za-z0-9:.-]+", "-", table.label)
    head = ["\\begin{table}[tbp]", "\\centering", CAPTION_ABOVE, f"\\caption{{{caption}}}", f"\\label{{{label}}}"]
    return "\n".join([*head, *setting, *tabular, "\\end{table}", ""])


def escaped(text: str) -> str:
    r"""Escape text for LaTeX: its special characters, and symbols that need math mode.

    A row ends in two backslashes, which would take a bracket or a star that follows for its argument.

    >>> print(escaped("[50%] a_b*"))
    {[}50\%] a\_b{*}
    """
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {letter: f"\\{letter}" for letter in "&%$#_{}"} | {letter: f"{{{letter}}}" for letter in "[*"}
    special |= {"−": "$-$", "±": r"$\pm$", "≥": r"$\geq$", "<": "$<$", ">": "$>$", "–": "--", "…": r"\dots{}"}
    special |= {"²": "$^2$", "×": r"$\times$"}
    return "".join(special.get(letter, letter) for letter in printable(text))


def _line(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _format(cells: Sequence[str]) -> str:
    """Return the column of numbers that fits all cells; empty if one of them is no number."""
    found = [NUMBER.fullmatch(cell) for cell in cells if cell != ABSENT]
    if not cells or not all(found):
        return ""
    parts = [match for match in found if match]
    digits = max((len(match[3].replace(",", "")) for match in parts), default=1)
    decimals = max((len(match[4] or "") for match in parts), default=0)
    sign = "+" if any(match[2] for match in parts) else ""
    bound = "\\ge" if any(match[1] for match in parts) else ""
    return f"S[table-format={bound}{sign}{digits}.{decimals}]"


def _cell(cell: str, form: str) -> str:
    if not form:
        return escaped(cell)
    match = NUMBER.fullmatch(cell)
    if match is None:
        return f"{{{escaped(cell)}}}"
    whole = f"{match[2].replace('−', '-')}{match[3].replace(',', '')}" + (f".{match[4]}" if match[4] else "")
    return f"\\ge {whole}" if match[1] else whole


def _size(table: LatexTable, columns: Sequence[Sequence[str]], formats: Sequence[str]) -> tuple[str, float, bool]:
    """Return the font size and the space beside columns at which a table fits the text, and whether none does.

    Widths are those of Helvetica, which is wider than LaTeX's own font.
    """
    every = zip(table.heads, columns, formats, strict=True)
    width = sum(
        max(text_width(printable(text), 10) for text in (head, *([_widest(form)] if form else cells)))
        for head, cells, form in every
    )
    for size, scale, gap in SIZES:
        if width * scale + 2 * gap * (len(table.heads) - 1) <= TEXT_WIDTH:
            return size, gap, False
    size, _, gap = SIZES[-1]
    return size, gap, True


def _widest(form: str) -> str:
    """Return a number as wide as a column of numbers."""
    sign, digits, decimals = re.findall(r"=(.*?)(\d+)\.(\d+)", form)[0]
    return ("≥≥" if "ge" in sign else "") + "+" * ("+" in sign) + "0" * (int(digits) + int(decimals)) + "."
