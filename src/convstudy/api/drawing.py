"""Drawing from Python: a network, or its name, as a figure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from torch import nn

from convstudy.analysis import Inputs
from convstudy.drawing import Picture, draw_graph
from convstudy.study.models.network_at_inputs import network_at_inputs

if TYPE_CHECKING:
    from convstudy.analysis import Input
    from convstudy.drawing import Highlight, Level


def draw(
    model: nn.Module | str,
    /,
    *inputs: Input,
    level: Level = "blocks",
    highlight: Highlight | None = None,
    fold: bool = False,
    width: str | float | None = None,
    classes: int | None = None,
    training: bool | None = False,
    **named_inputs: Any,
) -> Picture:
    """Draw a network, as papers do; a notebook shows the picture, and `save` writes SVG, PDF or PNG.

    `level` is `overview` (a row of volumes), `blocks` (the same, and each distinct block opened) or `layers` (every
    layer). `highlight` colors the parts by their share of a cost; `fold` draws repeated blocks once at the level of
    layers; `width` is the width of the figure, as in `"3.25in"`. Inputs are given as for `summary`.

    Raises: as `summary`; DrawingError, if an option has a value that it does not accept.

    >>> draw("net").save("net.svg")  # doctest: +SKIP
    >>> draw("resnet34").svg.count("<svg")
    1
    """

    def noted(note: str) -> None:
        sys.stderr.write(f"{note}\n")

    at = network_at_inputs(model, Inputs.of(inputs, named_inputs), classes=classes, on_note=noted)
    graph = at.graph(training=training)
    return draw_graph(at.name, graph, level=level, highlight=highlight, fold=fold, width=width)
