from .comparison import Comparison, perform_missing, prepare
from .conclusion import conclude
from .contestant import Contestant, layer_table, unallocated_network
from .folder import ComparisonFolder
from .model import Model, open_model
from .plan import Plan
from .results import Findings, Results
from .run import Observer
from .stored import read_findings, write_findings

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
