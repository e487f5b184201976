"""The built-in networks, each written in the order of its paper."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(
    __name__, __file__
)  # imports the names of __init__.pyi on first use
