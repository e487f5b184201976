"""The decomposition of a graph into series and parallels, and knots, which are neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Parallel:
    """Branches between the item before and the item after it, in the order of the run; an empty one is a shortcut.

    An `open` one is left by its first branch only; the others lead elsewhere, as auxiliary classifiers do.
    """

    branches: tuple[Series, ...]
    open: bool = False


@dataclass(frozen=True)
class Knot:
    """A part with one way in and one way out that is neither series nor parallel.

    Its edges carry series; `START` and `END` are the items before and after it.
    """

    nodes: tuple[int, ...]
    edges: tuple[tuple[int, int, Series], ...]


Item = int | Parallel | Knot
Series = tuple[Item, ...]
START, END = -1, -2


def leaves(series: Series) -> Iterator[int]:
    """Yield the nodes of a series, branch by branch.

    >>> list(leaves((1, Parallel(((2,), (), (3, 4))), 5)))
    [1, 2, 3, 4, 5]
    """
    for item in series:
        if isinstance(item, int):
            yield item
        elif isinstance(item, Parallel):
            for branch in item.branches:
                yield from leaves(branch)
        else:
            found = [*item.nodes, *(leaf for _, _, inner in item.edges for leaf in leaves(inner))]
            yield from sorted(found)


def length(series: Series) -> int:
    """Return the number of nodes on the longest way through a series."""
    total = 0
    for item in series:
        if isinstance(item, int):
            total += 1
        elif isinstance(item, Parallel):
            total += max(map(length, item.branches[:1] if item.open else item.branches))
        else:
            total += len(item.nodes) + sum(length(inner) for _, _, inner in item.edges)
    return total


def decompose(sources: Mapping[int, Sequence[int]], output: int) -> Series:
    """Return the nodes of a graph, given by the sources of each node, as one series.

    Nodes are numbered in an order of the run. Those from which no way leads to the output are side branches.

    >>> decompose({0: (), 1: (0,), 2: (1,), 3: (0, 2), 4: (3,)}, 4)
    (0, Parallel(branches=((1, 2), ()), open=False), 3, 4)
    >>> decompose({0: (), 1: (0,), 2: (0,), 3: (1, 2), 4: (2,), 5: (3, 4)}, 5)
    (0, Knot(nodes=(2, 3), edges=((-1, 2, ()), (-1, 3, (1,)), (2, 3, ()), (2, -2, (4,)), (3, -2, ()))), 5)
    """
    main = _reaching(sources, output)
    parts = _parts({number: tuple(sources[number]) for number in sources if number not in main})
    ends = [output]
    for part in parts:  # those that begin or end at several places are drawn with the main way
        own = [number for number in part if not any(number in sources[other] for other in part)]
        if len(own) > 1 or len({source for number in part for source in sources[number]} - part) > 1:
            main |= part
            ends += own
    inputs = [number for number in sources if number in main and not sources[number]]
    edges = [(source, number, ()) for number in sorted(main) for source in sources[number]]
    edges += [(START, number, ()) for number in inputs]
    last = output
    if len(ends) > 1:
        last = max(sources) + 1
        edges += [(number, last, ()) for number in ends]
    series = _between([*sorted(main), *([last] if last != output else [])], _reduced(edges, last))
    series = series if last == output else series[:-1]
    hung: dict[int, list[Series]] = {}
    for part in parts:
        if not part <= main:
            [start] = {source for number in part for source in sources[number]} - part
            inside = {start: (), **{number: sources[number] for number in sorted(part)}}
            hung.setdefault(start, []).append(decompose(inside, max(part))[1:])
    return _hang(series, hung) if hung else series


Edge = tuple[int, int, Series]


def _reduced(given: Sequence[tuple[int, int, tuple[()]]], output: int) -> list[Edge]:
    """Return the edges that remain after all series and parallels have become one edge each."""
    outgoing: dict[int, dict[int, list[Series]]] = {}
    incoming: dict[int, set[int]] = {}

    def add(source: int, target: int, series: Series) -> None:
        outgoing.setdefault(source, {}).setdefault(target, []).append(series)
        incoming.setdefault(target, set()).add(source)

    for source, target, series in given:
        add(source, target, series)
    pending = sorted(incoming)
    while pending:
        node = pending.pop(0)
        if node == output or len(incoming.get(node, ())) != 1 or len(outgoing.get(node, {})) != 1:
            continue
        [before], [after] = incoming[node], outgoing[node]
        first, second = _merged(outgoing[before].pop(node)), _merged(outgoing.pop(node)[after])
        incoming[after].discard(node)
        del incoming[node]
        add(before, after, (*first, node, *second))
        pending += [each for each in (before, after) if each != START]
    return [(source, target, _merged(found)) for source, ends in outgoing.items() for target, found in ends.items()]


def _merged(found: Sequence[Series]) -> Series:
    """Return parallel edges as one."""
    if len(found) == 1:
        return found[0]
    branches: list[Series] = []
    for series in found:
        if len(series) == 1 and isinstance(series[0], Parallel):
            branches += series[0].branches
        else:
            branches.append(series)
    return (Parallel(tuple(sorted(dict.fromkeys(branches), key=_first))),)


def _first(series: Series) -> float:
    """Return the first node of a branch in the order of the run; shortcuts are last."""
    return min(leaves(series), default=float("inf"))


def _between(nodes: Sequence[int], edges: Sequence[Edge]) -> Series:
    """Return what is between the nodes that all ways pass, as one series with them."""
    held = {number for source, target, _ in edges for number in (source, target)}
    order = [START, *(number for number in nodes if number in held)]
    place = {number: position for position, number in enumerate(order)}
    reach, cuts = 0, []
    for position, number in enumerate(order):
        if reach <= position:
            cuts.append(number)
        reach = max([reach, *(place[target] for source, target, _ in edges if source == number)])
    series: list[Item] = []
    for before, after in pairwise(cuts):
        inside = [edge for edge in edges if place[before] <= place[edge[0]] and place[edge[1]] <= place[after]]
        if len(inside) == 1:
            series += inside[0][2]
        else:
            series.append(_knot(before, after, inside))
        series.append(after)
    return tuple(series)


def _knot(before: int, after: int, edges: Sequence[Edge]) -> Knot:
    names = {before: START, after: END}
    renamed = [(names.get(source, source), names.get(target, target), series) for source, target, series in edges]
    nodes = {number for source, target, _ in renamed for number in (source, target)} - {START, END}
    return Knot(tuple(sorted(nodes)), tuple(sorted(renamed, key=lambda edge: (edge[0], edge[1] % 10**9))))


def _reaching(sources: Mapping[int, Sequence[int]], output: int) -> set[int]:
    found, open_ = {output}, [output]
    while open_:
        for source in sources[open_.pop()]:
            if source not in found:
                found.add(source)
                open_.append(source)
    return found


def _parts(side: Mapping[int, tuple[int, ...]]) -> list[set[int]]:
    parts: list[set[int]] = []
    for number in sorted(side):
        near = [part for part in parts if part & set(side[number])]
        parts = [part for part in parts if part not in near]
        parts.append({number}.union(*near))
    return parts


def _hang(series: Series, hung: Mapping[int, list[Series]]) -> Series:
    """Hang the parts that lead elsewhere on the nodes that they begin at."""
    found: list[Item] = []
    for item in series:
        if isinstance(item, Parallel):
            found.append(Parallel(tuple(_hang(branch, hung) for branch in item.branches), item.open))
        elif isinstance(item, Knot):
            found.append(_hang_in_knot(item, hung))
        else:
            found.append(item)
        if isinstance(item, int) and item in hung:
            found.append(Parallel(((), *hung[item]), open=True))
    return tuple(found)


def _hang_in_knot(knot: Knot, hung: Mapping[int, list[Series]]) -> Knot:
    """Hang parts on the first edge that leaves the node that they begin at."""
    waiting = {number: hung[number] for number in knot.nodes if number in hung}
    edges = []
    for source, target, inner in knot.edges:
        way = _hang(inner, hung)
        if source in waiting:
            way = (Parallel(((), *waiting.pop(source)), open=True), *way)
        edges.append((source, target, way))
    return Knot(knot.nodes, tuple(edges))
