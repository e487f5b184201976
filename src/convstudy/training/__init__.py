"""Training under a recipe. It knows no network and no data set, so that it cannot favour one."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # of __init__.pyi, when asked for
