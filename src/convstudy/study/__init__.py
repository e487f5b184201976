"""Plans, models, runs, comparisons and trained networks: everything between the training loop and the report."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # of __init__.pyi, when asked for
