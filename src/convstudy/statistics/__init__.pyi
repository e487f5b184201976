from .accuracy import CONFIDENCE, Interval, accuracy_interval
from .calibration import ReliabilityBin, expected_calibration_error, reliability
from .comparing import ComparedPredictions, PairDifference, compare_predictions, pairwise
from .difference import Difference, accuracy_difference, equivalent_within, mcnemar_p
from .disagreement import answer_counts, disagreement
from .effect_size import cohens_g, standardized_difference
from .group_intervals import top1_interval
from .groups import numbered_groups
from .metric_difference import (
    ConfidentAnswers,
    MetricDifference,
    balanced_accuracy_difference,
    calibration_difference,
    confidences_difference,
    log_loss_difference,
    losses_difference,
    macro_f1_difference,
)
from .metric_interval import balanced_accuracy_interval, log_loss_interval, macro_f1_interval, top5_interval
from .metrics import TOP5_CLASSES, balanced_accuracy, log_loss, macro_f1, probabilities_of, top1, top5
from .multiplicity import holm
from .new_seed import chance_of_beating
from .noninferiority import MARGIN, Noninferiority, cheapest_noninferior, noninferiority
from .omnibus import CochranQ, cochran_q
from .pareto import pareto_front
from .power import SizeNeeded, size_needed
from .ranks import Friedman, friedman
from .sequential import Ending, SequentialPlan, Standing, standing
from .uncertainty import Uncertainty, uncertainty
from .verdict import Verdict
from .winner import winner_interval

__all__ = [
    "CONFIDENCE",
    "MARGIN",
    "TOP5_CLASSES",
    "CochranQ",
    "ComparedPredictions",
    "ConfidentAnswers",
    "Difference",
    "Ending",
    "Friedman",
    "Interval",
    "MetricDifference",
    "Noninferiority",
    "PairDifference",
    "ReliabilityBin",
    "SequentialPlan",
    "SizeNeeded",
    "Standing",
    "Uncertainty",
    "Verdict",
    "accuracy_difference",
    "accuracy_interval",
    "answer_counts",
    "balanced_accuracy",
    "balanced_accuracy_difference",
    "balanced_accuracy_interval",
    "calibration_difference",
    "chance_of_beating",
    "cheapest_noninferior",
    "cochran_q",
    "cohens_g",
    "compare_predictions",
    "confidences_difference",
    "disagreement",
    "equivalent_within",
    "expected_calibration_error",
    "friedman",
    "holm",
    "log_loss",
    "log_loss_difference",
    "log_loss_interval",
    "losses_difference",
    "macro_f1",
    "macro_f1_difference",
    "macro_f1_interval",
    "mcnemar_p",
    "noninferiority",
    "numbered_groups",
    "pairwise",
    "pareto_front",
    "probabilities_of",
    "reliability",
    "size_needed",
    "standardized_difference",
    "standing",
    "top1",
    "top1_interval",
    "top5",
    "top5_interval",
    "uncertainty",
    "winner_interval",
]
