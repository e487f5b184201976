from .figure_files import write_figures
from .html import write_html
from .model_card import card_in, write_model_card
from .networks import write_drawings
from .range_picture import write_range_picture
from .ranks import write_ranks

__all__ = [
    "card_in",
    "write_drawings",
    "write_figures",
    "write_html",
    "write_model_card",
    "write_range_picture",
    "write_ranks",
]
