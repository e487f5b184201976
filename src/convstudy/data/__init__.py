"""Image data: read once, kept as bytes, and split so that the parts share no image."""

from convstudy.data.clean_split import write_clean_split
from convstudy.data.findings import Finding, ImageFile
from convstudy.data.image_set import DataSet, ImageSet, at_side
from convstudy.data.inspection import Inspection, inspect_folder, inspected, levels, thumbnail
from convstudy.data.loaded import inspect_loaded
from convstudy.data.pixels import resize
from convstudy.data.sources import DataSource, load, sources
from convstudy.data.split import split_validation
from convstudy.data.statistics import pixel_statistics

__all__ = [
    "DataSet",
    "DataSource",
    "Finding",
    "ImageFile",
    "ImageSet",
    "Inspection",
    "at_side",
    "inspect_folder",
    "inspect_loaded",
    "inspected",
    "levels",
    "load",
    "pixel_statistics",
    "resize",
    "sources",
    "split_validation",
    "thumbnail",
    "write_clean_split",
]
