"""Property: whatever a network keeps and changes in its forward, a count, an error and Ctrl-C leave it as it was."""

from __future__ import annotations

import copy
import functools
import itertools
import random
import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from convstudy.analysis import count, training_memory
from convstudy.errors import ConvstudyError


class Own:
    """An object of the user."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.last: Any = None

    def change(self, x: Tensor) -> None:
        self.seen.append(x)
        self.last = x


class Slotted:
    __slots__ = ("last", "steps")

    def __init__(self) -> None:
        self.steps = 0


@dataclass
class Record:
    values: dict[str, Any] = field(default_factory=dict)


class Named(NamedTuple):
    values: list[Any]
    number: int


class Subclassed(dict[str, Any]):
    pass


class Pickled:
    """Takes its own state out of a pickle, as classes with caches do."""

    def __init__(self) -> None:
        self.cache: list[Any] = [0]

    def __getstate__(self) -> dict[str, Any]:
        return {}


State = Any
KINDS: dict[str, tuple[Callable[[], State], Callable[[State, Tensor], Any]]] = {
    "dict": (dict, lambda s, x: s.update(x=x)),
    "list": (list, lambda s, x: s.append(x)),
    "set": (set, lambda s, x: s.add(len(s))),
    "bytearray": (lambda: bytearray(b"ab"), lambda s, x: s.append(1)),
    "OrderedDict": (OrderedDict, lambda s, x: s.update(x=x)),
    "deque": (lambda: deque([0], maxlen=3), lambda s, x: s.append(x)),
    "defaultdict": (lambda: defaultdict(list), lambda s, x: s["x"].append(x)),
    "Counter": (Counter, lambda s, x: s.update("calls")),
    "namespace": (lambda: SimpleNamespace(x=0), lambda s, x: setattr(s, "x", x)),
    "object": (Own, lambda s, x: s.change(x)),
    "slots": (Slotted, lambda s, x: setattr(s, "steps", x)),
    "dataclass": (Record, lambda s, x: s.values.update(x=x)),
    "named tuple": (lambda: Named([], 3), lambda s, x: s.values.append(x)),
    "list in a tuple": (lambda: (1, [2]), lambda s, x: s[1].append(x)),
    "subclass of dict": (Subclassed, lambda s, x: s.update(x=x)),
    "__getstate__": (Pickled, lambda s, x: s.cache.append(x)),
    "array": (lambda: np.zeros(3), lambda s, x: s.__setitem__(0, 1.0)),
    "array of objects": (lambda: np.array([[0], None], dtype=object), lambda s, x: s[0].append(x)),
    "tensor": (lambda: torch.zeros(2), lambda s, x: s.add_(1)),
    "torch's generator": (torch.Generator, lambda s, x: torch.rand(1, generator=s)),
    "NumPy's generator": (lambda: np.random.default_rng(0), lambda s, x: s.random()),
    "Python's generator": (lambda: random.Random(0), lambda s, x: s.random()),
    "iterator": (lambda: iter([1, 2, 3]), lambda s, x: next(s)),
    "itertools": (itertools.count, lambda s, x: next(s)),
    "generator": (lambda: (number for number in range(9)), lambda s, x: next(s)),
    "module": (lambda: nn.BatchNorm1d(4), lambda s, x: s.train()(x.reshape(-1, 4))),
    "parameter": (lambda: nn.Parameter(torch.ones(2)), lambda s, x: s.data.mul_(2)),
    "tensor's attribute": (lambda: nn.Parameter(torch.ones(2)), lambda s, x: setattr(s, "seen", x)),
}


class HeldByChild(nn.Module):
    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state


def closure(state: State) -> Callable[[], State]:
    return lambda: state


HOLDERS: dict[str, tuple[Callable[[State], Any], Callable[[Any], State]]] = {
    "attribute": (lambda state: state, lambda held: held),
    "list": (lambda state: [state], lambda held: held[0]),
    "deque": (lambda state: deque([state]), lambda held: held[0]),
    "tuple": (lambda state: (0, (state,)), lambda held: held[1][0]),
    "namespace": (lambda state: SimpleNamespace(state=state), lambda held: held.state),
    "object's dict": (lambda state: Record({"state": state}), lambda held: held.values["state"]),
    "closure": (closure, lambda held: held()),
    "partial": (lambda state: functools.partial(closure, state), lambda held: held()()),
    "default": (lambda state: eval("lambda state=state: state", {"state": state}), lambda held: held()),
    "module": (HeldByChild, lambda held: held.state),
}


class Keeps(nn.Module):
    """Keeps state in some holder and changes it in its forward, in a hook, or in a forward of a layer below."""

    error: BaseException | None = None

    def __init__(self, held: Any, state_of: Callable[[Any], State], change: Callable[[State, Tensor], Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.held = held
        self.state_of, self.change = state_of, change

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        self.change(self.state_of(self.held), x)
        self.added = x
        if self.error:
            raise self.error
        return x


def picture(value: Any, seen: dict[int, Any] | None = None) -> Any:  # noqa: PLR0911, PLR0912
    """All of a value that can be told apart from outside: kinds, contents, and tensors with identity and values."""
    seen = {} if seen is None else seen
    if id(value) in seen:
        return "again", seen[id(value)][0]
    seen[id(value)] = (len(seen), value)
    inside = functools.partial(picture, seen=seen)
    kind = type(value).__name__
    if isinstance(value, Tensor):
        return kind, id(value), str(value.device), value.tolist(), value._version, inside(vars(value))
    if isinstance(value, np.ndarray):
        return kind, id(value), [inside(item) for item in value.tolist()]
    if isinstance(value, torch.Generator):
        return kind, id(value), value.get_state().tolist()
    if isinstance(value, np.random.Generator):
        return kind, id(value), repr(value.bit_generator.state)
    if isinstance(value, random.Random):
        return kind, id(value), value.getstate()
    if isinstance(value, dict):
        return kind, id(value), [(inside(key), inside(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple, deque)):
        return kind, isinstance(value, tuple) or id(value), [inside(item) for item in value]
    if isinstance(value, functools.partial):
        return kind, id(value), [inside(item) for item in (*value.args, value.func)]
    if callable(value) and getattr(value, "__closure__", None):
        return kind, id(value), [inside(cell.cell_contents) for cell in value.__closure__]
    if callable(value) and getattr(value, "__defaults__", None):
        return kind, id(value), inside(value.__defaults__)
    if isinstance(value, (nn.Module, Own, Record, Pickled, SimpleNamespace)):
        return kind, id(value), inside(vars(value))
    if isinstance(value, Slotted):
        return kind, id(value), inside(value.steps), hasattr(value, "last")
    return kind, repr(value)


ENDINGS: list[BaseException | None] = [
    None,
    TypeError("in the middle"),
    ValueError("in the middle"),
    KeyboardInterrupt(),
]


@given(st.sampled_from(list(KINDS)), st.sampled_from(list(HOLDERS)), st.sampled_from(ENDINGS), st.booleans())
@settings(max_examples=120, deadline=None)
def test_nothing_differs(kind: str, holder: str, ending: BaseException | None, training: bool) -> None:
    make, change = KINDS[kind]
    hold, state_of = HOLDERS[holder]
    network = Keeps(hold(make()), state_of, change)
    network.error = ending
    before = picture(network)
    following = [random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()]  # noqa: NPY002
    try:
        count(network, (4, 4), training=training)
        if training:
            training_memory(network, (4, 4))
    except (ConvstudyError, KeyboardInterrupt):
        if ending is None and kind != "generator":
            raise
    assert picture(network) == before
    assert following == [random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()]  # noqa: NPY002
    network.error = None
    assert network(torch.ones(2, 4, 4)).shape == (2, 4, 4)  # nothing of the count is left over to stumble on


def test_a_generator_is_not_advanced_and_named() -> None:
    network = Keeps((number for number in range(3)), lambda held: held, lambda state, x: next(state))
    with pytest.raises(ConvstudyError, match="generator"):
        count(network, (4, 4))
    assert list(network.held) == [0, 1, 2]


@pytest.mark.parametrize(
    "register", ["register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook"]
)
@pytest.mark.parametrize("ending", ENDINGS)
def test_hooks_registered_in_the_forward_are_not_left(register: str, ending: BaseException | None) -> None:
    class Hooking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            getattr(self.layer, register)(lambda *_: None)
            torch.nn.modules.module.register_module_forward_hook(lambda *_: None)
            x = self.layer(x)
            if ending:
                raise ending
            return x

    network = Hooking()
    before = picture(network), dict(torch.nn.modules.module._global_forward_hooks)
    try:
        count(network, (4,))
    except (ConvstudyError, KeyboardInterrupt):
        if ending is None:
            raise
    assert (picture(network), dict(torch.nn.modules.module._global_forward_hooks)) == before


def test_hooks_that_are_there_work_in_the_count_and_stay() -> None:
    seen: list[Any] = []
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[0].register_forward_hook(lambda module, args, output: output[:, :2].repeat(1, 2))
    network[1].register_forward_hook(lambda module, args, output: seen.append(output))
    hooks = picture(network)
    assert count(network, (4,)).totals.macs == 32
    assert picture(network) == hooks
    assert seen == []


class OfClass(nn.Module):
    """Keeps its state in its class."""

    calls = 0
    last: Any = None
    seen: ClassVar[list[Any]] = []
    by_name: ClassVar[dict[str, Any]] = {"first": 1}
    queue: ClassVar[deque[Any]] = deque([1], maxlen=2)

    def forward(self, x: Tensor) -> Tensor:
        kind = type(self)
        kind.calls += 1
        kind.last = kind.added = x  # type: ignore[attr-defined]
        kind.seen.append(x)
        kind.by_name["x"] = x
        kind.queue.append(x)
        return x * 2


def test_what_a_class_holds_is_as_before() -> None:
    count(OfClass(), (4,))
    assert (OfClass.calls, OfClass.last, OfClass.seen, hasattr(OfClass, "added")) == (0, None, [], False)
    assert (OfClass.by_name, list(OfClass.queue)) == ({"first": 1}, [1])


class Referring(nn.Module):
    """Calls its layers through bound methods, closures, partial functions and weak references."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(6))
        first, second, third, fourth, fifth, sixth = self.layers
        self.bound = first.forward
        self.closed = lambda x: second(x)  # noqa: PLW0108
        self.partial = functools.partial(nn.Module.__call__, third)
        self.weak = weakref.ref(fourth)
        self.named = {fifth: "fifth"}
        self.outside = SimpleNamespace(layers=deque([sixth]))

    def forward(self, x: Tensor) -> Tensor:
        x = self.partial(self.closed(self.bound(x)))  # type: ignore[no-untyped-call]
        fourth: nn.Module | None = self.weak()
        assert fourth is not None
        assert self.named[self.layers[4]] == "fifth"
        output: Tensor = self.outside.layers[0](self.layers[4](fourth(x)))
        return output


def test_every_way_to_a_layer_leads_to_its_copy() -> None:
    table = count(Referring(), (4,))
    assert [(row.path, row.macs, row.parameters) for row in table][1:] == [
        (f"layers.{number}", 16, 20) for number in range(6)
    ]


def test_a_copy_by_deepcopy_and_by_us_hold_the_same() -> None:
    """Shared objects stay shared, and tensors of one network are those of the copy."""
    from convstudy.analysis.copying import Copier  # noqa: PLC0415

    shared = [1]
    network = nn.Sequential(nn.Linear(2, 2))
    network.state = (shared, shared, {"weight": network[0].weight})  # type: ignore[assignment]
    other, ours = copy.deepcopy(network), Copier(torch.clone).network(network)
    for each in (other, ours):
        assert isinstance(each.state, tuple)
        assert each.state[0] is each.state[1] is not shared
        assert each.state[2]["weight"] is each[0].weight is not network[0].weight  # type: ignore[index]
