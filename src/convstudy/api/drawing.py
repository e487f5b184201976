"""Drawing from Python: a network, or its name, as a figure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from torch import nn

from convstudy.analysis import Inputs
from convstudy.drawing import Picture, draw_graph, draw_pair, table_remarks
from convstudy.study.models.network_at_inputs import network_at_inputs

if TYPE_CHECKING:
    from convstudy.analysis import Input
    from convstudy.drawing import Highlight, Level


def draw(
    model: nn.Module | str,
    /,
    *inputs: Input,
    beside: nn.Module | str | None = None,
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
    layers; `width` is the width of the figure, as in `"3.25in"`. Inputs are given as for `summary`. With a network
    `beside` it, all layers of both are drawn side by side, and those that only one of them has are outlined. Of
    `table:FILE`, the layers with wrong cells are marked, with the right values.

    Raises: as `summary`; DrawingError, if an option has a value that it does not accept.

    >>> draw("net").save("net.svg")  # doctest: +SKIP
    >>> draw("resnet34").svg.count("<svg")
    1
    """

    def noted(note: str) -> None:
        sys.stderr.write(f"{note}\n")

    given = Inputs.of(inputs, named_inputs)
    networks = [model] if beside is None else [model, beside]
    found = [network_at_inputs(network, given, classes=classes, on_note=noted) for network in networks]
    graphs = [at.graph(training=training) for at in found]
    if len(found) == 2:
        names = (found[0].name, found[1].name)
        return draw_pair(names, (graphs[0], graphs[1]), highlight=highlight, fold=fold, width=width)
    remarks = table_remarks(model) if isinstance(model, str) else None
    return draw_graph(
        found[0].name, graphs[0], level=level, highlight=highlight, fold=fold, width=width, remarks=remarks
    )
