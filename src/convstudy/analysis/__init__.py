"""Every number of a network: counted from a run on the meta device, explained, compared and checked."""

from convstudy.analysis.count import count
from convstudy.analysis.table import LayerRow, LayerTable, Totals, Uncounted
from convstudy.analysis.window import window_output_size

__all__ = ["LayerRow", "LayerTable", "Totals", "Uncounted", "count", "window_output_size"]
