from .answers import answer_table
from .bottlenecks import bottleneck_example, bottleneck_list
from .checking import check_report
from .difference import difference
from .evaluation import evaluation_report
from .explaining import explanation, trend_list
from .inspecting import inspection_report
from .introduction import introduction
from .layers import layer_table
from .networks import cost_table, result_table, verdicts
from .trained import trained_report
from .training import TrainingDisplay, failed_runs
from .watching import watched

__all__ = [
    "TrainingDisplay",
    "answer_table",
    "bottleneck_example",
    "bottleneck_list",
    "check_report",
    "cost_table",
    "difference",
    "evaluation_report",
    "explanation",
    "failed_runs",
    "inspection_report",
    "introduction",
    "layer_table",
    "result_table",
    "trained_report",
    "trend_list",
    "verdicts",
    "watched",
]
