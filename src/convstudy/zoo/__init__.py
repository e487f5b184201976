"""The networks, each reading like its paper."""

from convstudy.zoo.architecture import Architecture
from convstudy.zoo.registry import ARCHITECTURES, architecture, build

__all__ = ["ARCHITECTURES", "Architecture", "architecture", "build"]
