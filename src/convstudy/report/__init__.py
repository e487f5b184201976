"""Output for people: the HTML report, tables for documents, and the terminal's tables and progress displays.

Only this package draws.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(
    __name__, __file__
)  # imports the names of __init__.pyi on first use
