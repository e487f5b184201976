"""The layer table of a network: counting, derivations of each number, comparison of two networks, memory and trends."""

from convstudy.analysis.bottleneck import Bottleneck, bottleneck, bottlenecks
from convstudy.analysis.count import count
from convstudy.analysis.depth import at_depth
from convstudy.analysis.difference import LayerDifference, TableDifference, diff
from convstudy.analysis.explanation import Derivation, Explanation, explain, explain_rows
from convstudy.analysis.folding import Block, fold
from convstudy.analysis.inputs import Input, Inputs, InputTensor
from convstudy.analysis.layout import channels_last
from convstudy.analysis.table import LayerRow, LayerTable, Totals, Uncounted
from convstudy.analysis.training_memory import TrainingMemory, training_memory
from convstudy.analysis.trends import Counterexample, Trend, trends
from convstudy.analysis.unallocated import unallocated
from convstudy.analysis.window import window_output_size

__all__ = [
    "Block",
    "Bottleneck",
    "Counterexample",
    "Derivation",
    "Explanation",
    "Input",
    "InputTensor",
    "Inputs",
    "LayerDifference",
    "LayerRow",
    "LayerTable",
    "TableDifference",
    "Totals",
    "TrainingMemory",
    "Trend",
    "Uncounted",
    "at_depth",
    "bottleneck",
    "bottlenecks",
    "channels_last",
    "count",
    "diff",
    "explain",
    "explain_rows",
    "fold",
    "training_memory",
    "trends",
    "unallocated",
    "window_output_size",
]
