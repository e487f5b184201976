"""Training under a recipe. It knows no network and no data set, so that it cannot favour one."""

from convstudy.training.batches import TrainingBatches
from convstudy.training.epoch import Epoch
from convstudy.training.learning_rate_range import LearningRateRange, learning_rate_range
from convstudy.training.loop import Progress, train
from convstudy.training.recipe import Recipe
from convstudy.training.recipe_file import read_recipe, recipe_text, write_recipe
from convstudy.training.seeds import stream_seed

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
