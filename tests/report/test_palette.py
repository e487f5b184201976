"""The report's colors: readable in both schemes, and told apart by those who see fewer colors."""

from __future__ import annotations

import re
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.drawing.colours import SERIES, SHARES
from convstudy.report.page_images import HEAT

CSS = files("convstudy.report").joinpath("templates/report.css").read_text(encoding="utf-8")
COLORS = {"series": SERIES, "heat": SHARES}
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", block))
    | {f"{kind}-{number}": pair[dark][1:] for kind, of_kind in COLORS.items() for number, pair in enumerate(of_kind)}
    for dark, block in enumerate(re.findall(r":root[^{]*\{([^}]*)\}", CSS)[:2])
)
SCHEMES = pytest.mark.parametrize("scheme", [LIGHT, LIGHT | DARK], ids=["light", "dark"])

# Machado, Oliveira & Fernandes 2009, severity 1.0, for linear RGB
PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def linear(color: str) -> npt.NDArray[np.float64]:
    """An sRGB color's linear light (IEC 61966-2-1)."""
    channels = np.array([int(color[place : place + 2], 16) for place in (0, 2, 4)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """WCAG 2.2's contrast ratio."""
    light, dark = sorted((float(linear(color) @ [0.2126, 0.7152, 0.0722]) for color in (a, b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """CIE L*a*b* of linear RGB, for the D65 white."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = (np.cbrt(value) for value in to_xyz @ np.clip(rgb, 1e-4, 1) / to_xyz.sum(1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@SCHEMES
def test_text_and_lines_stand_out_from_the_page(scheme: dict[str, str]) -> None:
    assert contrast("000000", "ffffff") == pytest.approx(21)
    for text in ("ink", "ink-soft", "link"):
        assert contrast(scheme[text], scheme["surface"]) >= 4.5  # WCAG 2.2, 1.4.3
    assert contrast(scheme["notice"], scheme["notice-surface"]) >= 4.5
    for series in range(len(SERIES)):
        assert contrast(scheme[f"series-{series}"], scheme["surface"]) >= 3  # WCAG 2.2, 1.4.11


@SCHEMES
@pytest.mark.parametrize("sight", [np.eye(3), PROTANOPIA, DEUTERANOPIA], ids=["trichromat", "protanope", "deuteranope"])
def test_the_first_networks_differ_for_every_eye(scheme: dict[str, str], sight: npt.NDArray[np.float64]) -> None:
    colors = [lab(sight @ linear(scheme[f"series-{series}"])) for series in range(4)]
    for place, color in enumerate(colors):
        for other in colors[place + 1 :]:
            assert np.linalg.norm(color - other) > 15


@SCHEMES
def test_twenty_networks_have_colors_of_their_own_and_maps_another(scheme: dict[str, str]) -> None:
    assert len(SERIES) == 20
    map_color = "".join(f"{level:02x}" for level in HEAT)
    colors = [lab(linear(color)) for color in (*(scheme[f"series-{n}"] for n in range(20)), map_color)]
    distances = [np.linalg.norm(a - b) for place, a in enumerate(colors) for b in colors[:place]]
    assert min(distances) > 25


@SCHEMES
def test_heat_grows_evenly_away_from_the_page(scheme: dict[str, str]) -> None:
    lightness = [lab(linear(scheme[f"heat-{step}"]))[0] for step in range(6)]
    assert abs(np.sign(np.diff(lightness)).sum()) == 5
