from .answers import answer_table
from .bottlenecks import bottleneck_example, bottleneck_list
from .check_report import check_report
from .costs import cost_table
from .difference import difference
from .evaluation import evaluation_report
from .explanation import explanation, trend_list
from .finding import finding_page
from .forecast import forecast_table
from .inspection import inspection_report
from .introduction import introduction
from .layers import layer_table
from .networks import result_table, verdicts
from .status import status_table
from .trained_run import trained_report
from .training_display import TrainingDisplay, failed_runs
from .watch import watched

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
    "finding_page",
    "forecast_table",
    "inspection_report",
    "introduction",
    "layer_table",
    "result_table",
    "status_table",
    "trained_report",
    "trend_list",
    "verdicts",
    "watched",
]
