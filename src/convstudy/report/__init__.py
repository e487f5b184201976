"""What a person reads: the HTML report, and the terminal's tables and progress in `terminal` and `listing`.

Only this package draws.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # of __init__.pyi, when asked for
