"""Drawing: a network as a figure, from its graph to SVG, PDF and PNG. Nothing here imports torch."""

from convstudy.drawing.picture import Highlight, Level, Picture, draw_graph, draw_pair
from convstudy.drawing.remarks import Remark, Remarks, table_remarks

__all__ = ["Highlight", "Level", "Picture", "Remark", "Remarks", "draw_graph", "draw_pair", "table_remarks"]
