"""The list of networks that is read without torch says what the networks themselves say."""

from __future__ import annotations

from convstudy.zoo import ARCHITECTURES
from convstudy.zoo.catalog import Listed, catalog


def test_the_catalog_lists_the_networks_of_the_registry() -> None:
    assert catalog() == tuple(
        Listed(each.name, each.input_shape, each.title, each.source) for each in ARCHITECTURES.values()
    )
