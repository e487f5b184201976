"""A stratified random choice, the same as that of scikit-learn, whose import takes longer than the whole split."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


def stratified(strata: Numbers, count: int, seed: int) -> Numbers:
    """Return the places of `count` items, of each stratum about the same fraction; two items per stratum are needed.

    They are those that scikit-learn's `train_test_split(test_size=count, stratify=strata, random_state=seed)` puts into
    the test set, and in its order, so that a split by seed can be repeated with it.

    Source: scikit-learn, `StratifiedShuffleSplit`.

    >>> stratified(np.array([0, 1, 0, 1, 0, 1, 0, 1]), 2, seed=0).tolist()
    [7, 0]
    """
    _, stratum, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(stratum, kind="stable"), np.cumsum(sizes)[:-1])
    random = np.random.RandomState(seed)
    kept = _shares(sizes, len(strata) - count, random)
    chosen = _shares(sizes - kept, count, random)
    parts = []
    for places, stay, leave in zip(members, kept.tolist(), chosen.tolist(), strict=True):
        parts.append(places[random.permutation(len(places))][stay : stay + leave])
    random.permutation(int(kept.sum()))  # the order of the rest, which scikit-learn draws first
    return np.asarray(random.permutation(np.concatenate(parts)), np.int64)


def _shares(sizes: Numbers, count: int, random: np.random.RandomState) -> Numbers:
    """Divide `count` among strata of these sizes; where fractions tie, the draw decides who gets one more."""
    exact = sizes / sizes.sum() * count
    shares = np.floor(exact)
    missing, rest = int(count - shares.sum()), exact - shares
    for value in np.unique(rest)[::-1]:
        if missing <= 0:
            break
        tied = np.flatnonzero(rest == value)
        more = random.choice(tied, size=min(len(tied), missing), replace=False)
        shares[more] += 1
        missing -= len(more)
    return np.asarray(shares, np.int64)
