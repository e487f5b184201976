"""What the terminal shows, within 80 columns: cost, results and layers as tables, the verdicts, training's progress."""

from convstudy.report.terminal.answers import answer_table
from convstudy.report.terminal.bottlenecks import bottleneck_example, bottleneck_list
from convstudy.report.terminal.checking import check_report
from convstudy.report.terminal.difference import difference
from convstudy.report.terminal.evaluation import evaluation_report
from convstudy.report.terminal.explaining import explanation, trend_list
from convstudy.report.terminal.layers import layer_table
from convstudy.report.terminal.networks import cost_table, result_table, verdicts
from convstudy.report.terminal.trained import trained_report
from convstudy.report.terminal.training import TrainingDisplay

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
    "layer_table",
    "result_table",
    "trained_report",
    "trend_list",
    "verdicts",
]
