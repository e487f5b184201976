from .clean_split import write_clean_split
from .findings import Finding, ImageFile
from .image_set import DataSet, ImageSet, at_side
from .inspection import Inspection, inspect_folder, inspected, levels, thumbnail
from .known import DataSource, data_sources
from .loaded import inspect_loaded
from .pixels import resize
from .sources import load
from .split import split_validation
from .statistics import pixel_statistics

__all__ = [
    "DataSet",
    "DataSource",
    "Finding",
    "ImageFile",
    "ImageSet",
    "Inspection",
    "at_side",
    "data_sources",
    "inspect_folder",
    "inspect_loaded",
    "inspected",
    "levels",
    "load",
    "pixel_statistics",
    "resize",
    "split_validation",
    "thumbnail",
    "write_clean_split",
]
