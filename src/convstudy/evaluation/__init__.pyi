from .accuracy import CONFIDENCE, Interval, accuracy_interval
from .calibration import ReliabilityBin, expected_calibration_error, reliability
from .difference import Difference, accuracy_difference, holm
from .inference import predict
from .latency import latency_ms
from .metrics import TOP5_CLASSES, balanced_accuracy, log_loss, macro_f1, probabilities_of, top1, top5
from .resident import ResidentImages

__all__ = [
    "CONFIDENCE",
    "TOP5_CLASSES",
    "Difference",
    "Interval",
    "ReliabilityBin",
    "ResidentImages",
    "accuracy_difference",
    "accuracy_interval",
    "balanced_accuracy",
    "expected_calibration_error",
    "holm",
    "latency_ms",
    "log_loss",
    "macro_f1",
    "predict",
    "probabilities_of",
    "reliability",
    "top1",
    "top5",
]
