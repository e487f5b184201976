"""What a trained network gives, and how sure that is."""

from convstudy.evaluation.inference import predict
from convstudy.evaluation.resident import ResidentImages

__all__ = ["ResidentImages", "predict"]
