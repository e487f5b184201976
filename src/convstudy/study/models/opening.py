"""Networks by name: the zoo's, those of collections, a table's, and the user's own as `file.py:Name`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from torch import nn

from convstudy.claims import read_table
from convstudy.claims.checking import table_input_shape, table_network, table_num_classes
from convstudy.errors import ClaimError, ModelError
from convstudy.zoo import open_architecture

Loaded = TypeVar("Loaded")

SIZES = ("num_classes", "in_channels")  # what a user's own class or function is given
SMALLEST_SIDE = 32  # smaller images are enlarged to this: below it most networks have nothing left to pool


@dataclass(frozen=True)
class Model:
    """A network that can be built: by name, for any number of classes and channels where it can."""

    name: str  # as the user wrote it
    build: Callable[[int, int], nn.Module]  # number of classes, input channels
    fixed_side: int | None = None  # the only input side that works
    smallest_side: int = 1
    input_shape: tuple[int, int, int] = (3, 224, 224)  # the paper's
    num_classes: int = 1000  # the paper's
    code: str = ""  # sha256 of the user's own file or source, of code or of weights
    named: bool = True  # whether its name opens it again; not if it was given as an object

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Reach another process by name: its code is imported there, and its weights are read there."""
        return (open_model, (self.name,)) if self.named else super().__reduce_ex__(protocol)

    @property
    def folder(self) -> str:
        """A name for its folder: letters, digits, dots, dashes and underscores."""
        return re.sub(r"[^A-Za-z0-9._-]+", "-", self.name).strip(".-")

    def input_side(self, image_side: int, asked: int | None = None) -> int:
        """Side of the square input: `asked`, or the network's own, or the images', but never below 32 pixels.

        Raises: ModelError, when the asked side does not fit the network.
        """
        if asked is None:
            return self.fixed_side or max(image_side, self.smallest_side, SMALLEST_SIDE)
        if self.fixed_side and asked != self.fixed_side:
            raise ModelError(
                f"{self.name} works at {self.fixed_side}x{self.fixed_side} only; got --input-size {asked}; "
                "leave it out and each network gets its own input"
            )
        if asked < self.smallest_side:
            raise ModelError(
                f"{self.name} needs inputs of at least {self.smallest_side}x{self.smallest_side}; "
                f"got --input-size {asked}"
            )
        return asked


def open_model(name: str) -> Model:
    """Find a network by name: the zoo's, torchvision:NAME, timm:NAME, table:FILE, file.py:Name or module:Name.

    Raises: UnknownNameError, with the nearest name; ModelError, when a user's own network cannot be opened; ClaimError,
    when a table cannot be read or does not describe a network.

    >>> open_model("net").fixed_side
    32
    >>> open_model("resnet3A")
    Traceback (most recent call last):
    convstudy.errors.UnknownNameError: no network is named 'resnet3A'; did you mean 'resnet34'?
    """
    collection = name.partition(":")[0]
    if collection == "table":
        return _table_model(name)
    if ":" in name.partition("@")[0] and collection not in {"torchvision", "timm"}:
        return _own_model(name)
    known = open_architecture(name)
    weights = Path(name.partition("@")[2])
    return Model(
        name,
        lambda num_classes, in_channels: known.build(num_classes=num_classes, in_channels=in_channels),
        known.fixed_side,
        known.smallest_side,
        known.input_shape,
        known.num_classes,
        _digest(weights),
    )


def _table_model(name: str) -> Model:
    """The network that a layer table describes, at the input that the table begins with."""
    path = Path(name.removeprefix("table:"))
    table = read_table(path)
    shape = table_input_shape(table)
    if len(shape) != 3 or shape[1] != shape[2]:
        raise ClaimError(f"{path} has an input of {'x'.join(map(str, shape))}; expected channels and a square image")
    return Model(
        name,
        lambda num_classes, in_channels: table_network(table, num_classes=num_classes, in_channels=in_channels),
        fixed_side=shape[1],
        input_shape=(shape[0], shape[1], shape[2]),
        num_classes=table_num_classes(table),
        code=_digest(path),
    )


def _own_model(name: str) -> Model:
    where, _, attribute = name.rpartition(":")
    module = _module_from_file(Path(where)) if where.endswith(".py") else _module_by_name(where)
    maker = getattr(module, attribute, None)
    if not callable(maker):
        found = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise ModelError(f"{where} has no class or function '{attribute}'; it has {', '.join(found) or 'none at all'}")
    taken = arguments_taken(maker, name)

    def build(num_classes: int, in_channels: int) -> nn.Module:
        sizes = {"num_classes": num_classes, "in_channels": in_channels}
        network = maker(**{size: sizes[size] for size in taken})
        if not isinstance(network, nn.Module):
            raise ModelError(f"{name} gave a {type(network).__name__}; expected a torch.nn.Module")
        return network

    return Model(name, build, code=_digest(Path(module.__file__ or "")))


def _digest(path: Path) -> str:
    """sha256 of a file; nothing where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def arguments_taken(maker: Callable[..., Any], name: str) -> list[str]:
    """Return which of `num_classes` and `in_channels` a maker takes.

    Raises: ModelError, when it cannot be called with these alone.
    """
    parameters = inspect.signature(maker).parameters
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    needed = [key for key, parameter in parameters.items() if _has_to_be_given(parameter) and key not in SIZES]
    if needed:
        raise ModelError(
            f"{name} takes ({', '.join(parameters)}); expected num_classes and in_channels, and a default for "
            f"{', '.join(needed)}"
        )
    return [size for size in SIZES if size in parameters or anything]


def _has_to_be_given(parameter: inspect.Parameter) -> bool:
    several = parameter.kind in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
    return parameter.default is parameter.empty and not several


def _module_from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ModelError(f"{path} is not there; expected a Python file, as in path/to/file.py:Name")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # so that the file can import its neighbours
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{path} cannot be imported as a Python file")
    module = importlib.util.module_from_spec(spec)
    loader = spec.loader
    _run(lambda: loader.exec_module(module), str(path))
    return module


def _module_by_name(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")
    return _run(lambda: importlib.import_module(name), name)


def _run(load: Callable[[], Loaded], where: str) -> Loaded:
    """Run the user's code; a failure in it becomes one line."""
    try:
        return load()
    except Exception as error:
        raise ModelError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error
