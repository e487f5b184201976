"""Where names become objects, and runs become a verdict."""

from convstudy.study.comparison import Comparison, perform_missing, prepare
from convstudy.study.conclusion import conclude
from convstudy.study.contestant import Contestant, layer_table, unallocated_network
from convstudy.study.folder import ComparisonFolder
from convstudy.study.model import Model, open_model
from convstudy.study.plan import Plan
from convstudy.study.results import Findings, Results
from convstudy.study.run import Observer
from convstudy.study.stored import read_findings, write_findings

__all__ = [
    "Comparison",
    "ComparisonFolder",
    "Contestant",
    "Findings",
    "Model",
    "Observer",
    "Plan",
    "Results",
    "conclude",
    "layer_table",
    "open_model",
    "perform_missing",
    "prepare",
    "read_findings",
    "unallocated_network",
    "write_findings",
]
