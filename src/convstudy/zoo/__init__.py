"""The built-in networks, each written in the order of its paper."""

from convstudy.zoo.architecture import Architecture
from convstudy.zoo.opening import open_architecture
from convstudy.zoo.registry import ARCHITECTURES, architecture, build
from convstudy.zoo.twins import plain_to_residual, residual_to_plain
from convstudy.zoo.weights import load_weights, official_weights

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "architecture",
    "build",
    "load_weights",
    "official_weights",
    "open_architecture",
    "plain_to_residual",
    "residual_to_plain",
]
