"""Colours by name, for light and dark paper.

Stages run from yellow over green and blue to violet, each darker than the one before, as viridis does: their order
survives greyscale and every kind of colour blindness. What changes a tensor's nature is warm: pooling and dense layers.

Charts have a colour for each of 20 networks, the first eight after Okabe & Ito 2008; the first four of them can be told
apart with any colour vision.
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
SERIES = (  # light and dark; each has a contrast of 3 with the paper, and any two of them are far apart
    ("#0072b2", "#56b4e9"), ("#d55e00", "#f08a3c"), ("#00855f", "#2fc79a"), ("#b0508c", "#d774ae"),
    ("#8a6d00", "#f0e442"), ("#4b5563", "#b4bcc6"), ("#6a4fb3", "#b5a2f2"), ("#9c2f1f", "#ff8272"),
    ("#009900", "#00bb00"), ("#aa00cc", "#9955ff"), ("#0055ff", "#0077ff"), ("#dd0066", "#ff1188"),
    ("#334411", "#668811"), ("#998866", "#bbaa77"), ("#1199aa", "#00eeff"), ("#ee0000", "#ff5500"),
    ("#662233", "#aa7777"), ("#668833", "#99dd66"), ("#880088", "#bb55cc"), ("#aa7788", "#ffbbcc"),
)  # fmt: skip
SHARES = (  # of a row, none to all
    ("#f5f6f8", "#1d2126"), ("#dce9f5", "#1e3346"), ("#b5d2ea", "#1f4869"), ("#7db1d9", "#2a6da1"),
    ("#3c85be", "#529fd6"), ("#0b4f86", "#abdafd"),
)  # fmt: skip
DIVERGING = (  # from below zero to above it
    ("#b3470a", "#ff9a5c"), ("#e08a52", "#b8602b"), ("#f3c9a8", "#5e3a22"), ("#f5f6f8", "#1d2126"),
    ("#b5d2ea", "#1f4869"), ("#5f9fd0", "#2a6da2"), ("#0b4f87", "#7cc4f5"),
)  # fmt: skip
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
    for kind, pairs in (("series", SERIES), ("share", SHARES), ("diverging", DIVERGING)):
        found |= {f"{kind}{number}": pair for number, pair in enumerate(pairs)}
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
