from .html import write_html
from .range_picture import write_range_picture

__all__ = ["write_html", "write_range_picture"]
