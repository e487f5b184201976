"""The colours of figures, in greyscale: stages in their order, kinds apart, and text readable on all of them."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from convstudy.drawing.colours import HEAT, KINDS, STAGES, colour

SCHEMES = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


def luminance(name: str, *, dark: bool) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    text = colour(name, dark=dark)
    channels = [int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def lightness(name: str, *, dark: bool) -> float:
    """Return CIE L*, the grey that a colour is printed as: 0 to 100."""
    return float(116 * luminance(name, dark=dark) ** (1 / 3) - 16)


@SCHEMES
def test_each_stage_is_darker_than_the_one_before(dark: bool) -> None:
    found = [lightness(f"stage{number}", dark=dark) for number in range(len(STAGES))]
    assert min(one - two for one, two in pairwise(found)) >= (1.3 if dark else 3.5)


@SCHEMES
def test_more_of_a_cost_is_darker(dark: bool) -> None:
    found = [lightness(f"heat{number}", dark=dark) for number in range(len(HEAT))]
    assert min(one - two for one, two in pairwise(found)) >= 3


@SCHEMES
def test_kinds_in_one_block_are_different_greys_and_pooling_is_darker_than_any_stage(dark: bool) -> None:
    kinds = [lightness(kind, dark=dark) for kind in ("pool", "fc", "concat", "op")]
    assert min(abs(one - two) for one, two in combinations(kinds, 2)) >= (2.5 if dark else 5)
    stages = [lightness(f"stage{number}", dark=dark) for number in range(len(STAGES))]
    assert lightness("pool", dark=dark) <= min(stages) - (1 if dark else 2)


@SCHEMES
def test_text_is_readable_on_every_fill(dark: bool) -> None:
    fills = [*KINDS, *(f"stage{n}" for n in range(len(STAGES))), *(f"heat{n}" for n in range(len(HEAT))), "panel"]
    for name in [*fills, "paper"]:
        one, two = luminance("ink", dark=dark) + 0.05, luminance(name, dark=dark) + 0.05
        assert max(one, two) / min(one, two) >= 4.5, name
    for name in ("muted", "mark"):
        one, two = luminance(name, dark=dark) + 0.05, luminance("paper", dark=dark) + 0.05
        assert max(one, two) / min(one, two) >= 4.5, name
