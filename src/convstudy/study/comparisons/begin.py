"""The beginning of a comparison: what is stored before any training."""

from __future__ import annotations

from dataclasses import asdict

from convstudy.files import write_json
from convstudy.study.comparisons.comparison import Comparison
from convstudy.study.comparisons.conclude import protocol_of
from convstudy.study.comparisons.folder import ComparisonFolder
from convstudy.study.comparisons.provenance import expected_records
from convstudy.study.comparisons.start import Start


def write_start(folder: ComparisonFolder, comparison: Comparison, *, allow_mixed: bool = False) -> None:
    """Store what is known before any training: protocol, costs of the networks, versions and hardware."""
    start = Start(
        protocol=protocol_of(comparison),
        environment=comparison.environment,
        entrants=comparison.entrants,
        expected=expected_records(comparison),
        allow_mixed=allow_mixed,
    )
    with folder.sealing(folder.start.name):
        write_json(folder.start, asdict(start))
