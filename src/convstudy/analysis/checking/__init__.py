"""Checks claimed layer tables, names the mistakes in them, and builds the networks that they describe."""

from convstudy.analysis.checking.check import check
from convstudy.analysis.checking.findings import CheckedCell, CheckReport
from convstudy.analysis.checking.matching import ModelRow
from convstudy.analysis.checking.mistakes import Explanation
from convstudy.analysis.checking.network import module_source, table_input_shape, table_network, table_num_classes

__all__ = [
    "CheckReport",
    "CheckedCell",
    "Explanation",
    "ModelRow",
    "check",
    "module_source",
    "table_input_shape",
    "table_network",
    "table_num_classes",
]
