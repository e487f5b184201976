"""Accuracy metrics with confidence intervals and tests, computed from NumPy arrays."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # of __init__.pyi, when asked for
