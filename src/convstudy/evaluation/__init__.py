"""What a trained network gives, and how sure that is."""

from convstudy.evaluation.accuracy import CONFIDENCE, Interval, accuracy_interval
from convstudy.evaluation.difference import Difference, accuracy_difference, holm
from convstudy.evaluation.inference import predict
from convstudy.evaluation.latency import latency_ms
from convstudy.evaluation.resident import ResidentImages

__all__ = [
    "CONFIDENCE",
    "Difference",
    "Interval",
    "ResidentImages",
    "accuracy_difference",
    "accuracy_interval",
    "holm",
    "latency_ms",
    "predict",
]
