"""The ledger of test sets: which comparisons have opened one, and how much its answers vary, in the cache folder.

Every comparison has a file of its own, so that comparisons at the same time do not disturb one another:

<cache>/ledger/<fingerprint of the test images and labels>/<digest of the comparison>.json

A comparison that is resumed, repeated or given more seeds is the same one. Another machine has another ledger, so the
number is a lower bound.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from convstudy.data import ImageSet
from convstudy.data.cache import cache_folder
from convstudy.files import write_json
from convstudy.statistics.power import PairVariance
from convstudy.statistics.variation import Answers
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.comparisons.results import OpenedTestSet
from convstudy.study.runs.record_file import as_record

SIZE = ("seeds", "until", "max_seeds", "margin")  # keys of an identity that say how large a comparison is


@dataclass(frozen=True, kw_only=True)
class PairSpread:
    """Variance components of the difference of two networks, as estimated with this many seeds of each."""

    a: str
    b: str
    seeds: int
    variance: PairVariance


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A comparison in the ledger."""

    number: int  # its place among the comparisons on these test images, from 1
    spreads: tuple[PairSpread, ...] = ()  # of its pairs with at least two seeds each


@dataclass(frozen=True)
class Ledger:
    """The page of one test set, and the place of one comparison on it."""

    fingerprint: str
    digest: str

    @classmethod
    def of(cls, comparison: Comparison) -> Ledger:
        """Return the page of a comparison's test set."""
        identity = {key: value for key, value in comparison.identity().items() if key not in SIZE}
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        return cls(fingerprint_of(comparison.data.test), digest[:32])

    @property
    def folder(self) -> Path:
        """Folder of the page."""
        return cache_folder() / "ledger" / self.fingerprint[:32]

    def opened(self) -> OpenedTestSet:
        """Return the place of this comparison; where nothing can be written, it is the one that it would get."""
        entries = self.entries()
        own = entries.get(self.digest) or Entry(number=1 + len(entries))
        self._write(own)
        return OpenedTestSet(fingerprint=self.fingerprint, comparison=own.number)

    def note_spreads(self, answers: Mapping[str, Answers]) -> None:
        """Note how much the answers of this comparison vary, seeds x images by network."""
        own = self.entries().get(self.digest)
        if own is not None:
            self._write(replace(own, spreads=spreads(answers)))

    def entries(self) -> dict[str, Entry]:
        """Return the entries of the page by digest; those that cannot be read are left out."""
        found = {}
        with suppress(OSError):
            for path in sorted(self.folder.glob("*.json")):
                with suppress(OSError, ValueError):
                    found[path.stem] = as_record(Entry, path.read_text(encoding="utf-8"))
        return found

    def _write(self, entry: Entry) -> None:
        with suppress(OSError):
            write_json(self.folder / f"{self.digest}.json", asdict(entry))


def spreads(answers: Mapping[str, Answers]) -> tuple[PairSpread, ...]:
    """Return the variance components of every two networks with at least two seeds each."""
    names = [name for name, of_one in answers.items() if len(of_one) > 1]
    found = []
    for place, a in enumerate(names):
        for b in names[place + 1 :]:
            seeds = min(len(answers[a]), len(answers[b]))
            variance = PairVariance.of(answers[a][:seeds], answers[b][:seeds])
            found.append(PairSpread(a=a, b=b, seeds=seeds, variance=variance))
    return tuple(found)


def fingerprint_of(test: ImageSet) -> str:
    """Return a hash of the test images and their labels."""
    whole = hashlib.sha256(repr(test.images.shape).encode())
    whole.update(b"".join(test.digests))
    whole.update(np.ascontiguousarray(test.labels).data)
    return whole.hexdigest()
