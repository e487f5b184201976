"""Know what a convolutional network costs before you train it, and prove which one is better after.

>>> import convstudy
>>> convstudy.summary("lecture").totals.parameters
62958
"""

from typing import Any

import lazy_loader

_lazy, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # of __init__.pyi, when asked for


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("convstudy")
    return _lazy(name)
