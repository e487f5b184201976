from . import errors, statistics
from .analysis import Inputs, InputTensor, bottleneck
from .api.comparing import ComparisonResult, compare, open_comparison
from .api.counting import bottlenecks, check, diff, explain, network, summary, training_memory, trends
from .api.data import LoadedData, load_data
from .api.drawing import draw
from .api.training import Run, open_run, train
from .training import Recipe

__version__: str

__all__ = [
    "ComparisonResult",
    "InputTensor",
    "Inputs",
    "LoadedData",
    "Recipe",
    "Run",
    "__version__",
    "bottleneck",
    "bottlenecks",
    "check",
    "compare",
    "diff",
    "draw",
    "errors",
    "explain",
    "load_data",
    "network",
    "open_comparison",
    "open_run",
    "statistics",
    "summary",
    "train",
    "training_memory",
    "trends",
]
