"""What the terminal shows, within 80 columns: cost, results and layers as tables, the verdicts, training's progress."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # of __init__.pyi, when asked for
