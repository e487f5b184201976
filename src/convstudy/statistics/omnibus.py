"""Cochran's Q: whether several runs differ at all."""

from __future__ import annotations

from dataclasses import dataclass

import scipy

from convstudy.statistics.variation import Answers


@dataclass(frozen=True)
class CochranQ:
    """Cochran's Q, its degrees of freedom, and the p-value for "all runs are equally accurate"."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


def cochran_q(answers: Answers) -> CochranQ:
    """Return Cochran's Q of two or more networks, one run each: answers, runs x images.

    Several seeds of one network do not count as networks, and answers of several runs must not be concatenated, because
    answers to the same image are not independent.

    Raises: ValueError, for fewer than two runs.

    Source: Cochran 1950.

    >>> import numpy as np
    >>> cochran_q(np.array([[True, True, True, False], [True, True, False, True]])).p_value
    1.0
    """
    from statsmodels.stats.contingency_tables import cochrans_q  # noqa: PLC0415 - slow to import

    runs = len(answers)
    if runs < 2:
        raise ValueError(f"Cochran's Q compares two or more runs; got {runs}")
    if (answers == answers[0]).all():  # the runs are identical
        return CochranQ(0.0, runs - 1, 1.0)
    statistic = float(cochrans_q(answers.T).statistic)
    return CochranQ(statistic, runs - 1, float(scipy.stats.chi2.sf(statistic, runs - 1)))
