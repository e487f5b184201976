"""Labels in every form say the same; what is not a label is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from convstudy.data.labels import check_range, decode_labels
from convstudy.errors import DataError

LABELS = st.lists(st.integers(0, 9), min_size=2, max_size=30).map(np.array)
TYPES = st.sampled_from([np.uint8, np.int32, np.int64, np.uint64, np.float32, np.float64])


@given(LABELS, TYPES)
def test_every_form_of_the_labels_says_the_same(labels: npt.NDArray[np.int64], dtype: type[np.generic]) -> None:
    forms = [labels, labels[None], labels[:, None], np.eye(10)[labels], np.eye(10, dtype=bool)[labels]]
    for form in forms:
        decoded = decode_labels(form if form.dtype == bool else form.astype(dtype), "y", len(labels))
        assert decoded.tolist() == labels.tolist()
        assert decoded.dtype == np.int64


@given(
    hnp.arrays(
        st.sampled_from([np.dtype(kind) for kind in ("u1", "i8", "u8", "f2", "f8", "U3", "c8", "?")]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
def test_anything_else_is_labels_or_one_line(labels: npt.NDArray[Any]) -> None:
    try:
        decoded = decode_labels(labels, "y", 3)
    except DataError as error:
        assert str(error).startswith("y has ")  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert decoded.shape == (3,)
        assert decoded.min() >= 0
        assert labels.size in {3, 3 * labels.shape[-1]}


def test_the_range_is_that_of_the_classes() -> None:
    check_range(np.array([0, 2]), 3, "y")
    with pytest.raises(DataError, match="y has the label 3; expected 0 to 2, for 3 classes"):
        check_range(np.array([0, 3]), 3, "y")
