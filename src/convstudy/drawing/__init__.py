"""Drawing: a network as a figure, from its graph to SVG, PDF and PNG. Nothing here imports torch."""

from convstudy.drawing.picture import Highlight, Level, Picture, draw_graph, draw_pair

__all__ = ["Highlight", "Level", "Picture", "draw_graph", "draw_pair"]
