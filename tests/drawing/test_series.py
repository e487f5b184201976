"""The decomposition into series and parallels, on random graphs and on those that are neither."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.drawing.series import END, START, Item, Knot, Parallel, Series, decompose, leaves, length


def edges_of(series: Series, entry: list[int]) -> tuple[set[tuple[int, int]], list[int]]:
    """Return the edges that a series draws below some nodes, and the nodes at its foot."""
    edges: set[tuple[int, int]] = set()
    for item in series:
        edges, entry = _joined(item, edges, entry)
    return edges, entry


def _joined(item: Item, edges: set[tuple[int, int]], entry: list[int]) -> tuple[set[tuple[int, int]], list[int]]:
    if isinstance(item, int):
        return edges | {(source, item) for source in entry}, [item]
    if isinstance(item, Parallel):
        ends: list[int] = []
        for branch in item.branches:
            inner, last = edges_of(branch, entry)
            edges, ends = edges | inner, ends + last
        return edges, entry if item.open else ends
    ends = []
    for source, target, series in item.edges:
        inner, last = edges_of(series, entry if source == START else [source])
        edges |= inner
        if target == END:
            ends += last
        else:
            edges |= {(each, target) for each in last}
    return edges, ends


@st.composite
def graphs(draw: st.DrawFn) -> dict[int, tuple[int, ...]]:
    """Return the sources of each node of a graph in which every node has some, except the first."""
    size = draw(st.integers(2, 14))
    sources: dict[int, tuple[int, ...]] = {0: ()}
    for number in range(1, size):
        found = draw(st.sets(st.integers(0, number - 1), min_size=1, max_size=3))
        sources[number] = tuple(sorted(found))
    return sources


@settings(max_examples=60)
@given(graphs())
def test_the_series_of_any_graph_has_its_edges_and_each_node_once(sources: dict[int, tuple[int, ...]]) -> None:
    output = max(sources)
    series = decompose(sources, output)
    assert sorted(leaves(series)) == sorted(sources)
    edges, _ = edges_of(series, [])
    wanted = {(source, number) for number, found in sources.items() for source in found}
    assert edges == wanted


def test_a_shortcut_is_an_empty_branch_and_comes_last() -> None:
    assert decompose({0: (), 1: (0,), 2: (0, 1), 3: (2,)}, 3) == (0, Parallel(((1,), ())), 2, 3)


def test_a_side_branch_hangs_on_the_node_that_it_begins_at() -> None:
    assert decompose({0: (), 1: (0,), 2: (1,), 3: (1,), 4: (3,)}, 2) == (0, 1, Parallel(((), (3, 4)), open=True), 2)


def test_what_is_neither_series_nor_parallel_is_a_knot_between_the_nodes_that_all_ways_pass() -> None:
    series = decompose({0: (), 1: (0,), 2: (1,), 3: (1,), 4: (2, 3), 5: (3,), 6: (4, 5), 7: (6,)}, 7)
    assert [item for item in series if isinstance(item, int)] == [0, 1, 6, 7]
    [knot] = [item for item in series if isinstance(item, Knot)]
    assert sorted(leaves((knot,))) == [2, 3, 4, 5]
    assert length(series) == 8
