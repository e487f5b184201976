"""The accuracy of the network that comes out best."""

from __future__ import annotations

from convstudy.statistics.accuracy import CONFIDENCE, Interval, accuracy_interval
from convstudy.statistics.variation import Answers


def winner_interval(answers: Answers, networks: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of the network that has the highest of `networks` mean accuracies.

    The highest of several estimates is too high on average, so its lower limit is that of an interval after
    Bonferroni's adjustment. The upper limit needs none.

    Source: Dunn 1961.

    >>> import numpy as np
    >>> answers = (np.arange(100) < 90)[None]
    >>> winner_interval(answers, 8).low < winner_interval(answers, 1).low
    True
    """
    alone, low = accuracy_interval(answers, confidence), accuracy_interval(answers, 1 - (1 - confidence) / networks).low
    return Interval(alone.value, low, alone.high)
