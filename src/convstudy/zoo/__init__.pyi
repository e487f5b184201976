from .architecture import Architecture
from .opening import open_architecture
from .registry import ARCHITECTURES, build
from .twins import plain_to_residual, residual_to_plain
from .weights import load_weights, official_weights

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "build",
    "load_weights",
    "official_weights",
    "open_architecture",
    "plain_to_residual",
    "residual_to_plain",
]
