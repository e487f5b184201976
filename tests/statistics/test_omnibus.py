"""Cochran's Q against SAS's documented example and its relation to McNemar's test."""

from __future__ import annotations

import numpy as np
import pytest

from convstudy.statistics.omnibus import cochran_q

SAS_DRUGS = {"FFF": 6, "FFU": 16, "FUF": 2, "FUU": 4, "UFF": 2, "UFU": 4, "UUF": 6, "UUU": 6}


def test_the_example_of_sas_s_documentation() -> None:
    """PROC FREQ, example "Cochran's Q Test": 46 patients, three drugs; prints 8.4706, 2 and 0.0145."""
    patients = [[response == "F" for response in key] for key, count in SAS_DRUGS.items() for _ in range(count)]
    result = cochran_q(np.array(patients).T)
    assert result.statistic == pytest.approx(8.4706, abs=5e-5)
    assert result.degrees_of_freedom == 2
    assert result.p_value == pytest.approx(0.0145, abs=5e-5)


def test_of_two_runs_it_is_mcnemar_s_statistic() -> None:
    """(b - c)^2 / (b + c), Agresti 2013, Table 11.1: 17.36."""
    a = np.repeat([True, True, False, False], [794, 150, 86, 570])
    b = np.repeat([True, False, True, False], [794, 150, 86, 570])
    assert cochran_q(np.stack([a, b])).statistic == pytest.approx(17.36, abs=0.005)


def test_images_that_all_runs_answer_alike_tell_nothing() -> None:
    assert cochran_q(np.ones((3, 5), bool)).p_value == 1
    some = np.random.default_rng(0).random((3, 40)) < 0.5
    more = np.concatenate([some, np.ones((3, 100), bool)], axis=1)
    assert cochran_q(more).statistic == pytest.approx(cochran_q(some).statistic)


def test_one_run_is_refused() -> None:
    with pytest.raises(ValueError, match="got 1"):
        cochran_q(np.ones((1, 5), bool))
