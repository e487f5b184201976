from . import errors, statistics
from .analysis import Inputs, InputTensor, bottleneck
from .api.comparing import ComparisonResult, compare, open_comparison
from .api.counting import bottlenecks, check, diff, explain, network, summary, training_memory, trends
from .api.data import LoadedData, load_data
from .api.drawing import draw
from .api.homework import Correction, corrected
from .api.training import Run, open_run, train
from .api.walking import NetworkExplanation, explain_all
from .claims.checking import Quiz, quiz
from .training import Recipe

__version__: str

__all__ = [
    "ComparisonResult",
    "Correction",
    "InputTensor",
    "Inputs",
    "LoadedData",
    "NetworkExplanation",
    "Quiz",
    "Recipe",
    "Run",
    "__version__",
    "bottleneck",
    "bottlenecks",
    "check",
    "compare",
    "corrected",
    "diff",
    "draw",
    "errors",
    "explain",
    "explain_all",
    "load_data",
    "network",
    "open_comparison",
    "open_run",
    "quiz",
    "statistics",
    "summary",
    "train",
    "training_memory",
    "trends",
]
