from .grad_cam import GradCam, grad_cam
from .latency import Latency, latency_of
from .out_of_memory import fitting, is_out_of_memory
from .peak_memory import peak_bytes
from .prediction import predict, predict_together
from .resident import ResidentImages, images_at, is_channels_last
from .throughput import Throughput, throughput_of

__all__ = [
    "GradCam",
    "Latency",
    "ResidentImages",
    "Throughput",
    "fitting",
    "grad_cam",
    "images_at",
    "is_channels_last",
    "is_out_of_memory",
    "latency_of",
    "peak_bytes",
    "predict",
    "predict_together",
    "throughput_of",
]
