"""Checks of claimed layer tables, names of their mistakes, and the networks that they describe."""

from convstudy.claims.checking.check import check
from convstudy.claims.checking.findings import CheckedCell, CheckReport
from convstudy.claims.checking.matching import ModelRow
from convstudy.claims.checking.mistakes import NamedMistake
from convstudy.claims.checking.network import module_source, table_input_shape, table_network, table_num_classes

__all__ = [
    "CheckReport",
    "CheckedCell",
    "ModelRow",
    "NamedMistake",
    "check",
    "module_source",
    "table_input_shape",
    "table_network",
    "table_num_classes",
]
