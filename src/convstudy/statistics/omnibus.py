"""Whether several runs differ at all."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats
from statsmodels.stats.contingency_tables import cochrans_q

from convstudy.statistics.variation import Answers


@dataclass(frozen=True)
class CochranQ:
    """Cochran's Q, its degrees of freedom, and the p-value of "all runs are equally often right"."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


def cochran_q(answers: Answers) -> CochranQ:
    """Cochran's Q of one run each of two or more networks: answers, runs x images.

    Runs of one network with several seeds are no networks of their own, and the runs of several networks must not be
    put after one another: their answers to one image are not independent.

    Raises: ValueError, for fewer than two runs.

    Source: Cochran 1950.

    >>> import numpy as np
    >>> cochran_q(np.array([[True, True, True, False], [True, True, False, True]])).p_value
    1.0
    """
    runs = len(answers)
    if runs < 2:
        raise ValueError(f"Cochran's Q compares two or more runs; got {runs}")
    if (answers == answers[0]).all():  # no image tells the runs apart
        return CochranQ(0.0, runs - 1, 1.0)
    statistic = float(cochrans_q(answers.T).statistic)
    return CochranQ(statistic, runs - 1, float(stats.chi2.sf(statistic, runs - 1)))
