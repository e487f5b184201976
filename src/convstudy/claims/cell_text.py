"""The plain text of a cell: without HTML and LaTeX markup, typographic digits and notes on the number."""

from __future__ import annotations

import html
import re

SPACES = re.compile(r"[\u00a0\u2009\u202f\u3000]")
FULL_WIDTH = str.maketrans("０１２３４５６７８９（），．：＝×", "0123456789(),.:=×")
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
SUPERSCRIPT_NAME = re.compile(r"(?<=\d)\s*(?:\b[aAzZ])?\s*<sup>\s*[a-zA-Z]+\s*</sup>")  # of an activation
MARK_BEFORE = re.compile(r"^[—←→⟵⟶]\s+(?=\d)")
MARK_BEHIND = re.compile(r"(?<=\d)\s+[^\w\s.,:;%()\[\]*/=+\-−–~≈^°'\"#&|\\{}]+$")  # an arrow, a tick, an emoji


def without_tags(text: str) -> str:
    """Return a text without HTML tags and entities, as copied from a notebook.

    >>> without_tags('<span style="color: #00af00">32</span> &lt;')
    '32 <'
    """
    return html.unescape(TAG.sub("", text))


def plain_text(cell: str) -> str:
    r"""Return a cell without tags, LaTeX markup and bold or code marks.

    >>> plain_text(r"$32 \times 32 \times 3$"), plain_text(r"3072 $a^{[0]}$"), plain_text("**6{,}272**")
    ('32 x 32 x 3', '3072 a^[0]', '6,272')
    """
    text = SPACES.sub(" ", without_tags(cell) if "<" in cell or "&" in cell else cell).translate(FULL_WIDTH)
    if "\\" in text or "$" in text or "{" in text:
        text = re.sub(r"\\times|\\cdot", "x", text)
        text = text.replace(r"{,}", ",").replace(r"\,", ",").replace("$", "")
        text = re.sub(r"\\[a-zA-Z]+\*?", "", text)
        text = re.sub(r"[{}\\]", "", text)
    return " ".join(re.sub(r"\*\*|`|__", "", text).split())


def without_notes(text: str) -> str:
    """Return the number of a cell without what is noted beside it: an activation's symbol, a percentage, bytes.

    A mark that points at the number, such as an arrow, is no part of it either.

    >>> without_notes("3072 a^[0]"), without_notes("3072(a[0])"), without_notes("1,792 (0.01%)"), without_notes("208 ←")
    ('3072', '3072', '1,792', '208')
    """
    text = MARK_BEHIND.sub("", MARK_BEFORE.sub("", text))
    text = re.sub(r"\s*\(?\s*[aAzZ]\s*\^?\s*\(?\[?\(?[\dlL]+\)?\]?\)?\s*\)?$", "", text)
    text = re.sub(r"\s*[(\[,;/]?\s*[<~≈]?\d+(?:[.,]\d+)?\s*%\s*[)\]]?\s*$", "", text)
    text = re.sub(r"\s*\(\s*[\d.,]+\s*[kKMGT]?i?B\s*\)\s*$", "", text)
    return text.strip()
