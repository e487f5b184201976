from .analysis import bottleneck
from .api import bottlenecks, check, diff, explain, network, summary, training_memory, trends

__all__ = [
    "bottleneck",
    "bottlenecks",
    "check",
    "diff",
    "explain",
    "network",
    "summary",
    "training_memory",
    "trends",
]
