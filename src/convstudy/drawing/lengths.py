"""Widths with units, as LaTeX and CSS write them."""

from __future__ import annotations

import re

from convstudy.errors import DrawingError

PER_INCH = 96.0
UNITS = {"in": PER_INCH, "cm": PER_INCH / 2.54, "mm": PER_INCH / 25.4, "pt": PER_INCH / 72, "px": 1.0, "": 1.0}
LEAST = 200.0  # px, about 2.1 inches: one column of a narrow journal has 3.25
GREATEST = 20000.0


def pixels(text: str | float) -> float:
    """Return a width in px, 96 per inch.

    >>> pixels("3.25in"), pixels("345pt"), pixels(700)
    (312.0, 460.0, 700.0)
    >>> pixels("wide")
    Traceback (most recent call last):
    convstudy.errors.DrawingError: the width is 'wide'; expected a number with in, cm, mm, pt or px, as in 3.25in
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(in|cm|mm|pt|px|)\s*", str(text))
    if not found:
        raise DrawingError(f"the width is {text!r}; expected a number with in, cm, mm, pt or px, as in 3.25in")
    width = float(found[1]) * UNITS[found[2]]
    if not LEAST <= width <= GREATEST:
        raise DrawingError(f"the width is {text}, {width:.0f} px; expected {LEAST:.0f} to {GREATEST:.0f} px")
    return width
