"""Networks that the tests draw, each traced once."""

from __future__ import annotations

from functools import cache

from torch import Tensor, nn

from convstudy.analysis import Inputs
from convstudy.analysis.graph import Graph, graph
from convstudy.drawing import Picture, draw_graph
from convstudy.study import network_at_inputs


class Tangle(nn.Module):
    """A network that is neither series nor parallel: two branches are each used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.convs = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(6))
        self.fc = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        one, two = self.convs[0](x).relu(), self.convs[1](x).relu()
        three, four, five = self.convs[2](one + two), self.convs[3](two), self.convs[4](one)
        x = self.convs[5](three + four) + five
        answer: Tensor = self.fc(x.mean((2, 3)))
        return answer


@cache
def graph_of(name: str, *, training: bool = False) -> Graph:
    """Return the graph of a network of this name, or of a tangle."""
    if name == "tangle":
        return graph(Tangle(), Inputs(((3, 32, 32),)))
    return network_at_inputs(name, Inputs()).graph(training=training)


def picture(
    name: str,
    level: str = "blocks",
    *,
    fold: bool = False,
    width: str | None = None,
    highlight: str | None = None,
    training: bool = False,
) -> Picture:
    """Return the picture of a network, which no test may change."""
    return _picture(name, level, fold, width, highlight, training)


@cache
def _picture(name: str, level: str, fold: bool, width: str | None, highlight: str | None, training: bool) -> Picture:
    found = graph_of(name, training=training)
    return draw_graph(name, found, level=level, fold=fold, width=width, highlight=highlight)
