"""Colours by name, for light and dark paper.

Stages run from yellow over green and blue to violet, each darker than the one before, as viridis does: their order
survives greyscale and every kind of colour blindness. What changes a tensor's nature is warm: pooling and dense layers.
"""

from __future__ import annotations

from functools import cache

STAGES = ("#eef3c4", "#d2ecc2", "#b2dfc8", "#9bced6", "#9cb8e0", "#aea3de", "#b98acb")
KINDS = {
    "pool": "#dd7660",
    "fc": "#f6c67e",
    "concat": "#dcdee4",
    "input": "#ececec",
    "op": "#eef2f8",
    "other": "#ebe4d6",
}
LIGHT = {"paper": "#ffffff", "ink": "#1c2128", "muted": "#5f6773", "line": "#3b434f", "shortcut": "#b3261e",
         "mark": "#a3006b", "rule": "#d3d7dd", "bar": "#566170", "panel": "#f7f8fa", "frame": "#aab1bd"}  # fmt: skip
DARK = {"paper": "#14181d", "ink": "#edf0f3", "muted": "#a3acb8", "line": "#b6bec9", "shortcut": "#ff8a80",
        "mark": "#ff6ec7", "rule": "#363d46", "bar": "#8d98a7", "panel": "#1b2026", "frame": "#5b6470"}  # fmt: skip
HEAT = ("#fdf3e7", "#fbdcb8", "#f6b783", "#e98a55", "#d4693c")  # of a highlighted cost, least to most
SHADES = {"": (0.0, 0.0), "-edge": (-0.52, 0.25), "-side": (-0.14, -0.18), "-top": (0.34, 0.14)}


def _mixed(colour: str, other: str, part: float) -> str:
    pairs = zip(_rgb(colour), _rgb(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * part):02x}" for one, two in pairs)


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _shaded(colour: str, change: float) -> str:
    return _mixed(colour, "#ffffff" if change > 0 else "#000000", abs(change))


@cache
def palette() -> dict[str, tuple[str, str]]:
    """Return each colour on light and on dark paper."""
    found = {name: (LIGHT[name], DARK[name]) for name in LIGHT}
    bases = KINDS | {f"stage{number}": colour for number, colour in enumerate(STAGES)}
    bases |= {f"heat{number}": colour for number, colour in enumerate(HEAT)}
    for name, base in bases.items():
        dim = _mixed(base, "#10141a", 0.62)
        for shade, (light, dark) in SHADES.items():
            found[name + shade] = (_shaded(base, light), _shaded(dim, dark))
    return found


def colour(name: str, *, dark: bool = False) -> str:
    """Return a colour by name.

    >>> colour("paper"), colour("paper", dark=True)
    ('#ffffff', '#14181d')
    """
    return palette()[name][dark]
