"""Checks of claimed layer tables, names of their mistakes, and the networks that they describe."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(
    __name__, __file__
)  # imports the names of __init__.pyi on first use
