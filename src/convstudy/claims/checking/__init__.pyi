from .checker import check
from .corrected import CorrectedTable, corrected_tables, written
from .findings import CheckedCell, CheckReport
from .matching import ModelRow
from .mistakes import NamedMistake
from .network import module_source, table_input_shape, table_network, table_num_classes
from .placing import PlacedCell, wrong_cells
from .practice import Quiz, quiz

__all__ = [
    "CheckReport",
    "CheckedCell",
    "CorrectedTable",
    "ModelRow",
    "NamedMistake",
    "PlacedCell",
    "Quiz",
    "check",
    "corrected_tables",
    "module_source",
    "quiz",
    "table_input_shape",
    "table_network",
    "table_num_classes",
    "written",
    "wrong_cells",
]
