"""A deep copy of a network in which other tensors stand in for its own, so that a run cannot change the original.

Unlike `copy.deepcopy`, it allocates no weights, follows closures, bound methods and weak references, ignores the
`__deepcopy__` and the `__getstate__` of modules and plain objects, and shares what cannot be copied, such as locks.
"""

from __future__ import annotations

import enum
import functools
import types
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from copyreg import _slotnames  # type: ignore[attr-defined]
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from convstudy.errors import ModelError

StandIn = Callable[[Tensor], Tensor]

ATOMIC = frozenset(
    {
        *(bool, int, float, complex, str, bytes, type, object, range, slice, property),
        *(type(None), type(Ellipsis), type(NotImplemented)),
        *(types.ModuleType, types.CodeType, types.WrapperDescriptorType, types.MethodDescriptorType),
        *(torch.Size, torch.dtype, torch.device, torch.layout, torch.memory_format, torch.finfo, torch.iinfo),
    }
)
"""The types whose values cannot change, and those that are the same everywhere."""
EMPTIED = frozenset({dict, OrderedDict, list, set})


class Copier:
    """A function that copies values deeply, each once; `stand_in` makes the tensor for each tensor."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.handlers = dict(HANDLERS)
        self.without_slots: set[type] = set()
        self.memo: dict[int, Any] = {}
        self.modules: list[nn.Module] = []  # the copies of a network's modules
        self.kept: list[Any] = []  # the originals of the memo, so that their ids are not reused

    def network(self, network: nn.Module) -> nn.Module:
        """Return the copy of a network; the shells of its modules are made first, so that all references find them."""
        modules = list(network.modules())
        self.modules = [_shell(module) for module in modules]
        self.memo.update(zip(map(id, modules), self.modules, strict=True))
        for module, shell in zip(modules, self.modules, strict=True):
            self._fill(module, shell)
        return self.modules[0]

    def __call__(self, value: Any) -> Any:
        """Return the copy of a value, or the value itself if it cannot change or cannot be copied."""
        kind = type(value)
        if kind in ATOMIC:
            return value
        known = self.memo.get(id(value))
        if known is not None:
            return known
        handler = self.handlers.get(kind)
        if handler is None:
            handler = self.handlers[kind] = _handler(kind)
        return handler(self, value)

    def remember(self, value: Any, copy: Any) -> Any:
        self.memo[id(value)] = copy
        self.kept.append(value)
        return copy

    def _fill(self, module: nn.Module, shell: Any) -> None:
        attributes, memo = {}, self.memo
        for name, value in module.__dict__.items():
            kind = type(value)
            if kind in ATOMIC:
                attributes[name] = value
            elif kind in EMPTIED and not value:  # most attributes: no hooks, no buffers, no children
                key = id(value)
                known = memo.get(key)
                if known is None:
                    known = memo[key] = kind()
                attributes[name] = known
            else:
                attributes[name] = self(value)
        object.__setattr__(shell, "__dict__", attributes)
        if module.__class__ not in self.without_slots:
            _fill_slots(self, module, shell)


Handler = Callable[[Copier, Any], Any]


def _shell(value: Any) -> Any:
    return object.__new__(type(value))


def _module(copier: Copier, value: nn.Module) -> Any:
    shell = copier.remember(value, _shell(value))
    copier._fill(value, shell)
    return shell


def _tensor(copier: Copier, value: Tensor) -> Tensor:
    if is_lazy(value):
        raise ModelError("the network has lazy layers without a shape; run it once on an input before counting")
    copy: Tensor = copier.remember(value, copier.stand_in(value))
    attributes = getattr(value, "__dict__", None)
    if attributes:
        copy.__dict__.update({name: copier(item) for name, item in attributes.items()})
    return copy


def _dict(copier: Copier, value: dict[Any, Any]) -> Any:
    copy = copier.remember(value, type(value)())
    for key, item in value.items():
        copy[copier(key)] = copier(item)
    return copy


def _list(copier: Copier, value: list[Any]) -> Any:
    copy = copier.remember(value, [])
    copy.extend([copier(item) for item in value])
    return copy


def _set(copier: Copier, value: set[Any]) -> Any:
    return copier.remember(value, {copier(item) for item in value})


def _tuple(copier: Copier, value: Any) -> Any:
    """Copy a tuple or a frozen set; it is its own copy if all items are theirs."""
    for item in value:
        if type(item) not in ATOMIC:
            break
    else:
        return value
    items = list(value)
    copies = [copier(item) for item in items]
    known = copier.memo.get(id(value))  # a tuple inside its own list
    if known is not None:
        return known
    same = all(copy is item for copy, item in zip(copies, items, strict=True))
    return copier.remember(value, value if same else type(value)(copies))


def _function(copier: Copier, value: types.FunctionType) -> Any:
    """Copy a function that keeps values in its closure or its defaults; most do not."""
    cells = value.__closure__ or ()
    if not cells and not value.__defaults__ and not value.__kwdefaults__:
        return value
    own = tuple(types.CellType() for _ in cells)
    copy = types.FunctionType(value.__code__, value.__globals__, value.__name__, value.__defaults__, own or None)
    copier.remember(value, copy)
    same = True
    for cell, new in zip(cells, own, strict=True):
        try:
            content = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
        new.cell_contents = copier(content)
        same = same and new.cell_contents is content
    defaults = copier(value.__defaults__), copier(value.__kwdefaults__)
    if same and defaults[0] is value.__defaults__ and defaults[1] == value.__kwdefaults__:
        return copier.remember(value, value)
    copy.__defaults__, copy.__kwdefaults__ = defaults
    copy.__qualname__, copy.__module__, copy.__doc__ = value.__qualname__, value.__module__, value.__doc__
    copy.__dict__.update(value.__dict__)
    return copy


def _method(copier: Copier, value: types.MethodType) -> Any:
    return types.MethodType(copier(value.__func__), copier(value.__self__))


def _builtin_method(copier: Copier, value: types.BuiltinMethodType) -> Any:
    """Copy a method of a built-in object, such as `list.append`; functions belong to their module."""
    owner = value.__self__
    if owner is None or isinstance(owner, (types.ModuleType, type)):
        return value
    copy = copier(owner)
    return value if copy is owner else getattr(copy, value.__name__)


def _partial(copier: Copier, value: functools.partial[Any]) -> Any:
    function, args, keywords = copier(value.func), copier(value.args), {}
    same = function is value.func and args is value.args
    for name, item in value.keywords.items():
        keywords[name] = copier(item)
        same = same and keywords[name] is item
    return copier.remember(value, value if same else functools.partial(function, *args, **keywords))


def _weak_reference(copier: Copier, value: weakref.ReferenceType[Any]) -> Any:
    target = value()
    if target is None:
        return value
    copy = copier(target)
    copier.kept.append(copy)
    return copier.remember(value, weakref.ref(copy))


def _random_generator(copier: Copier, value: torch.Generator) -> torch.Generator:
    copy: torch.Generator = copier.remember(value, torch.Generator(device=value.device))
    copy.set_state(value.get_state())
    return copy


def _array(copier: Copier, value: np.ndarray[Any, Any]) -> Any:
    """Copy an array; one that cannot be written (a memory map) is shared."""
    if not value.flags.writeable:
        return value
    copy = copier.remember(value, value.copy())
    if value.dtype == object:
        for position in np.ndindex(value.shape):
            copy[position] = copier(value[position])
    return copy


class Uncopied:
    """A placeholder for a generator, which cannot be copied and would lose values to the count."""

    def __init__(self, value: Any) -> None:
        self.kind = type(value).__name__

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        raise ModelError(
            f"the network takes values from a {self.kind}, which cannot be copied, so counting would take them away; "
            "keep a list or an iterator of itertools instead"
        )

    send = throw = __next__


def _uncopied(copier: Copier, value: Any) -> Any:
    return copier.remember(value, Uncopied(value))


def _object(copier: Copier, value: Any) -> Any:
    """Copy any other object: by its own `__deepcopy__`, attribute by attribute, or as pickle would."""
    kind = type(value)
    try:
        if hasattr(kind, "__deepcopy__"):
            return copier.remember(value, value.__deepcopy__(copier.memo))
        if not _has_own_pickling(kind):
            try:
                shell = _shell(value)
            except TypeError:  # of a type written in C
                return _reduced(copier, value)
            copier.remember(value, shell)
            attributes = getattr(value, "__dict__", None)
            if attributes is not None:
                object.__setattr__(shell, "__dict__", {name: copier(item) for name, item in attributes.items()})
            _fill_slots(copier, value, shell)
            return shell
        return _reduced(copier, value)
    except (RecursionError, ModelError):
        raise
    except Exception:
        copier.memo.pop(id(value), None)
        return copier.remember(value, Uncopied(value) if _is_iterator(value) else value)


def _has_own_pickling(kind: Any) -> bool:
    return kind.__reduce_ex__ is not object.__reduce_ex__ or kind.__reduce__ is not object.__reduce__


def _is_iterator(value: Any) -> bool:
    return hasattr(value, "__next__") and not hasattr(value, "close")


def _fill_slots(copier: Copier, value: Any, shell: Any) -> None:
    names = _slotnames(type(value))
    if not names:
        copier.without_slots.add(type(value))
    for name in names:
        if hasattr(value, name):
            object.__setattr__(shell, name, copier(getattr(value, name)))


def _reduced(copier: Copier, value: Any) -> Any:
    """Copy an object as `copy.deepcopy` does: from the parts into which pickle takes it apart."""
    parts = value.__reduce_ex__(4)
    if isinstance(parts, str):  # a global
        return copier.remember(value, value)
    make, args, state, items, pairs = (*parts, None, None, None)[:5]
    copy = copier.remember(value, make(*(copier(arg) for arg in args)))
    if state is not None:
        state = copier(state)
        if hasattr(copy, "__setstate__"):
            copy.__setstate__(state)
        else:
            state, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
            copy.__dict__.update(state or {})
            for name, item in (slots or {}).items():
                setattr(copy, name, item)
    for item in items or ():
        copy.append(copier(item))
    for key, item in pairs or ():
        copy[copier(key)] = copier(item)
    return copy


def _shared(_: Copier, value: Any) -> Any:
    return value


HANDLERS: dict[type, Handler] = {
    dict: _dict,
    OrderedDict: _dict,
    list: _list,
    set: _set,
    tuple: _tuple,
    frozenset: _tuple,
    types.FunctionType: _function,
    types.MethodType: _method,
    types.BuiltinMethodType: _builtin_method,
    functools.partial: _partial,
    weakref.ReferenceType: _weak_reference,
    torch.Generator: _random_generator,
    np.ndarray: _array,
    types.GeneratorType: _uncopied,
    torch.fx.Graph: _shared,
}
"""How values of the commonest types are copied."""


def _handler(kind: type) -> Handler:
    if issubclass(kind, Tensor):
        return _tensor
    if issubclass(kind, nn.Module):
        return _module
    if issubclass(kind, (type, enum.Enum, torch.ScriptObject)):
        return _shared
    return _object
