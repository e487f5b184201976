"""Networks given as Python objects: a class, a function, or a built network."""

from __future__ import annotations

import copy
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from torch import nn

from convstudy.errors import ModelError
from convstudy.study.models.opening import Model, checked_builder, open_model

Maker = Callable[..., nn.Module]
Network = str | Maker | nn.Module


def model_of(name: str, network: Network) -> Model:
    """Return a model from a name, a class or function that builds a network, or a built network, which is copied.

    A class or function is called with `num_classes` and `in_channels`, as far as it accepts them. Every run of a built
    network starts from its weights; the network itself is not changed. For objects, `Model.code` is a digest of their
    source and of their weights, so that a folder can be matched with its network.

    Raises: ModelError, if it cannot be called this way; as `open_model`, for a name.

    >>> model_of("mine", nn.Linear(4, 2)).named
    False
    """
    if isinstance(network, str):
        return open_model(network)
    if isinstance(network, nn.Module):
        return Model(name=name, build=lambda *_: copy.deepcopy(network), code=_digest_of_built(network), named=False)
    if not callable(network):
        raise ModelError(
            f"{name} is of type {type(network).__name__}; expected the name of a network, a class or function that "
            "builds one, or a torch.nn.Module"
        )
    return Model(name=name, build=checked_builder(network, name), code=source_digest(network), named=False)


def name_of(network: Network) -> str:
    """Return a default name for a network: the name itself, or that of its class or function.

    >>> name_of("resnet18"), name_of(nn.Linear), name_of(nn.ReLU())
    ('resnet18', 'Linear', 'ReLU')
    """
    if isinstance(network, str):
        return network
    return type(network).__name__ if isinstance(network, nn.Module) else getattr(network, "__name__", "network")


def source_digest(maker: Callable[..., Any]) -> str:
    """Return the sha256 of the source of a class or function and of everything it uses from its own module.

    If the source is not available, as in some consoles, the compiled code is hashed instead.
    """
    whole = hashlib.sha256()
    for name, text in sorted(_sources(maker, {})):
        whole.update(f"{name}\0{text}\0".encode())
    return whole.hexdigest()


def _digest_of_built(network: nn.Module) -> str:
    whole = hashlib.sha256(source_digest(type(network)).encode())
    whole.update(repr(network).encode())
    for name, value in network.state_dict().items():
        whole.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        whole.update(value.detach().cpu().contiguous().flatten().view(-1).numpy().tobytes())
    return whole.hexdigest()


def _sources(thing: Any, seen: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the name and source of a class or function and of everything in its module that it refers to."""
    name = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', repr(thing))}"
    if name in seen:
        return
    seen[name] = ""
    yield name, _source(thing)
    functions = [thing] if isinstance(thing, FunctionType) else [v for v in vars(thing).values() if _is_function(v)]
    for function in functions:
        for used in sorted(_names(function.__code__)):
            value = function.__globals__.get(used)
            if (isinstance(value, type) or _is_function(value)) and value.__module__ == thing.__module__:
                yield from _sources(value, seen)
            elif isinstance(value, int | float | str | bool | tuple):
                yield f"{thing.__module__}.{used}", repr(value)
    for base in getattr(thing, "__mro__", ())[1:]:
        if base.__module__ == thing.__module__:
            yield from _sources(base, seen)


def _is_function(value: object) -> bool:
    return isinstance(value, FunctionType)


def _source(thing: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(thing))
    except (OSError, TypeError):
        functions = [thing] if isinstance(thing, FunctionType) else [v for v in vars(thing).values() if _is_function(v)]
        return "".join(text for function in functions for text in _code(function.__code__)) or repr(thing)


def _code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex() + repr(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        else:
            yield repr(constant)


def _names(code: CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*(_names(constant) for constant in inner))
