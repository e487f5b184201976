"""Know what a convolutional network costs before you train it, and prove which one is better after.

>>> import convstudy
>>> convstudy.summary("lecture").totals.parameters
62958
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # of __init__.pyi, when asked for
