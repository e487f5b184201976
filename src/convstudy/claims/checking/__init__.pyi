from .checker import check
from .findings import CheckedCell, CheckReport
from .matching import ModelRow
from .mistakes import NamedMistake
from .network import module_source, table_input_shape, table_network, table_num_classes
from .placing import PlacedCell, wrong_cells

__all__ = [
    "CheckReport",
    "CheckedCell",
    "ModelRow",
    "NamedMistake",
    "PlacedCell",
    "check",
    "module_source",
    "table_input_shape",
    "table_network",
    "table_num_classes",
    "wrong_cells",
]
