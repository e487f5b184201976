"""What the papers print of each network, against what torch counts; what they misprint, too."""

from __future__ import annotations

import pytest
from tests.zoo.measured import Measured

from convstudy.claims.claim import Claim
from convstudy.zoo import ARCHITECTURES, Architecture


@pytest.mark.parametrize("known", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_every_claim_holds_and_every_misprint_does_not(known: Architecture) -> None:
    measured = Measured(known)
    assert known.claims or known.name == "inception-naive"
    assert [claim for claim in known.claims if not claim.holds(measured.value(claim.quantity))] == []
    assert [claim for claim in known.misprints if claim.holds(measured.value(claim.quantity))] == []


def test_a_wrong_claim_is_seen() -> None:
    """The measuring itself: each kind of quantity, one off."""
    measured = Measured(ARCHITECTURES["lenet5"])
    for quantity, right in {"parameters of c3": 1516, "neurons of c1": 4704, "connections of s2": 5880}.items():
        assert Claim(quantity, str(right), "").holds(measured.value(quantity))
        assert not Claim(quantity, str(right + 1), "").holds(measured.value(quantity))
