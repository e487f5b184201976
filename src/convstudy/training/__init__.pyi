from .batches import TrainingBatches
from .epoch import Epoch
from .loop import Progress, train
from .range_test import LearningRateRange, learning_rate_range
from .recipe import Recipe
from .recipe_file import read_recipe, recipe_text, write_recipe
from .seeds import stream_seed

__all__ = [
    "Epoch",
    "LearningRateRange",
    "Progress",
    "Recipe",
    "TrainingBatches",
    "learning_rate_range",
    "read_recipe",
    "recipe_text",
    "stream_seed",
    "train",
    "write_recipe",
]
