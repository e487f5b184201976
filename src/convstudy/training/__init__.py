"""Training under a recipe, independent of networks and data sets so that it cannot favor one."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # of __init__.pyi, when asked for
