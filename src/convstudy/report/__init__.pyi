from .figure_files import write_figures
from .html import write_html
from .networks import write_drawings
from .range_picture import write_range_picture
from .ranks import write_ranks

__all__ = ["write_drawings", "write_figures", "write_html", "write_range_picture", "write_ranks"]
