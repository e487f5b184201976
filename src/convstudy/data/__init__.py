"""Images: read once, kept as bytes, split so that the parts share no image."""

from convstudy.data.image_set import DataSet, ImageSet
from convstudy.data.pixels import pixel_statistics, resize
from convstudy.data.sources import Source, at_side, load, sources
from convstudy.data.split import split_validation

__all__ = [
    "DataSet",
    "ImageSet",
    "Source",
    "at_side",
    "load",
    "pixel_statistics",
    "resize",
    "sources",
    "split_validation",
]
