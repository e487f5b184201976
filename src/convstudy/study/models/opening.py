"""Networks by name: from the zoo, a collection, a layer table, or the user's own code as `file.py:Name`."""

from __future__ import annotations

import copy
import hashlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convstudy import claims
from convstudy.claims import checking
from convstudy.errors import ClaimError, ModelError
from convstudy.study.models.own_code import not_ended, own_module
from convstudy.wording import shared_name
from convstudy.zoo import open_architecture
from convstudy.zoo.architecture import CLASSIFICATION, ExampleInput
from convstudy.zoo.weight_files import names_file, read_weights, weight_files
from convstudy.zoo.weights import fit_weights, keys_of_last_layer, keys_that_differ

COLLECTIONS = {"torchvision", "timm", "hf"}
SIZES = ("num_classes", "in_channels")  # arguments that a user's class or function may take
OWN_FILE = re.compile(r".+?\.py:[^@:]*")  # path and network; a folder's name may contain "@"
SMALLEST_SIDE = 32  # smaller images are enlarged to this side; below it, most networks have nothing left to pool


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network that can be built, if it allows that for any number of classes and input channels."""

    name: str  # as the user wrote it, or as results call it
    build: Callable[[int, int], nn.Module]  # number of classes, input channels
    fixed_side: int | None = None  # the only input side that works
    smallest_side: int = 1
    input_shape: tuple[int, int, int] = (3, 224, 224)  # as in the paper
    num_classes: int = 1000  # as in the paper
    task: str = CLASSIFICATION
    examples: tuple[ExampleInput, ...] = ()  # at which it is counted, if that is not one image of `input_shape`
    code: str = ""  # sha256 of the user's source, or of the user's file of code or weights; of both, joined by "+"
    named: bool = True  # whether `open_model(words)` returns it; False if it was given as an object
    typed: str = ""  # as the user wrote it, if results call it by another name

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle a named model as its name: the other process imports its code and reads its weights."""
        return (_reopened, (self.words, self.name)) if self.named else super().__reduce_ex__(protocol)

    @property
    def words(self) -> str:
        """The name as the user wrote it, by which it is opened again."""
        return self.typed or self.name

    @property
    def folder(self) -> str:
        """Name of its folder: letters, digits, dots, dashes and underscores."""
        return re.sub(r"[^A-Za-z0-9._-]+", "-", self.name).strip(".-")

    def input_side(self, image_side: int, requested: int | None = None) -> int:
        """Return the side of the square input in pixels.

        It is the requested one; otherwise the only side that works, or the side of the images, but at least 32.

        Raises: ModelError, if the requested side does not fit the network.
        """
        if requested is None:
            return self.fixed_side or max(image_side, self.smallest_side, SMALLEST_SIDE)
        if self.fixed_side and requested != self.fixed_side:
            raise ModelError(
                f"{self.name} accepts only inputs of {self.fixed_side}x{self.fixed_side}; got `input_size` "
                f"{requested}; without it, each network gets its own input size",
                setting="input_size",
            )
        if requested < self.smallest_side:
            raise ModelError(
                f"{self.name} needs inputs of at least {self.smallest_side}x{self.smallest_side}; "
                f"got `input_size` {requested}",
                setting="input_size",
            )
        return requested


def partition_weights(name: str) -> tuple[str, str, str]:
    """Return a network's name before `@`, the `@`, and the weights; the last two are empty if it names no weights.

    >>> partition_weights("net@imagenet"), partition_weights("me@work/net.py:Net")
    (('net', '@', 'imagenet'), ('me@work/net.py:Net', '', ''))
    """
    if name.startswith("table:"):
        return name, "", ""
    own_file = OWN_FILE.match(name)
    start = own_file.end() if own_file else 0
    rest, at, weights = name[start:].partition("@")
    return name[:start] + rest, at, weights


def _reopened(words: str, name: str) -> Model:
    return replace(open_model(words), name=name, typed=words)


def with_shared_names(models: Sequence[Model]) -> list[Model]:
    """Return models of which those that were opened by a path have its last two parts as their name.

    Results are made to be passed on, and a path tells whose they are. Equal names get a number.

    >>> given = [replace(open_model("net"), name=f"/home/{me}/nets/mine.py:Net") for me in ("me", "you")]
    >>> [model.name for model in with_shared_names(given)]
    ['nets/mine.py:Net', 'nets/mine.py:Net (2)']
    """
    taken: list[str] = [model.name for model in models if not model.named]
    found = []
    for model in models:
        name = shared_name(model.name) if model.named else model.name
        alike = taken.count(name) if model.named else 0
        taken += [name] if model.named else []
        found.append(replace(model, name=f"{name} ({alike + 1})" if alike else name, typed=model.words))
    return found


def open_model(name: str, *, trained: bool = True, new_head: bool = False) -> Model:
    """Return the model of a name: of the zoo, a collection, a layer table or the user's code.

    Names are those of the zoo, torchvision:NAME, timm:NAME, hf:NAME, table:FILE, file.py:Name and module:Name; all but
    a table may be followed by `@` and a file of weights.

    Without `trained`, the weights after `@` are neither read nor needed. With `new_head`, their classifier is not used.

    Raises: UnknownNameError, with the closest name; ModelError, if a user's network cannot be opened; ClaimError, if a
    table cannot be read or does not describe a network.

    >>> open_model("net").fixed_side
    32
    >>> open_model("resnet3A")
    Traceback (most recent call last):
    convstudy.errors.UnknownNameError: no network is named 'resnet3A'; did you mean 'resnet34'?
    """
    collection = name.partition(":")[0]
    if collection == "table":
        return _table_model(name)
    network, at, weights = partition_weights(name)
    if is_own_file(network):
        network = f"{network}:{only_network(network)}"
        name = f"{network}{at}{weights}"
    if runs_code(network):
        own = _own_model(network)
        return _with_weights(own, name, weights, trained=trained, new_head=new_head) if at else own
    known = open_architecture(name, trained=trained, new_head=new_head)
    return Model(
        name=name,
        build=lambda num_classes, in_channels: known.build(num_classes=num_classes, in_channels=in_channels),
        fixed_side=known.fixed_side,
        smallest_side=known.smallest_side,
        input_shape=known.input_shape,
        num_classes=known.num_classes,
        task=known.task,
        examples=known.inputs,
        code=_digest_of_weights(Path(weights)),
    )


def is_own_file(name: str) -> bool:
    """Return whether a name is a Python file without the name of a network in it."""
    return name.endswith(".py") and name.partition(":")[0] not in {*COLLECTIONS, "table"}


def only_network(file: str) -> str:
    """Return the name of the one network that a Python file defines: of its classes, or else of its built networks.

    Classes that other classes of the file are made of do not count, if one is left.

    Raises: ModelError, if the file defines none or several.
    """
    module = own_module(file)
    classes = {
        name: found
        for name, found in vars(module).items()
        if isinstance(found, type) and issubclass(found, nn.Module) and found.__module__ == module.__name__
    }
    networks: dict[str, object] = {**classes} or {
        name: found for name, found in vars(module).items() if isinstance(found, nn.Module)
    }
    if len(networks) > 1:
        used = _names_in_code([*classes.values()])
        networks = {name: found for name, found in networks.items() if name not in used} or networks
    if len(networks) == 1:
        return next(iter(networks))
    if not networks:
        raise ModelError(f"{file} defines no class of torch.nn.Module; expected the name of a network, as {file}:Name")
    listed = ", ".join(f"{file}:{name}" for name in sorted(networks))
    raise ModelError(f"{file} defines {len(networks)} networks; expected one of {listed}")


def _names_in_code(classes: Sequence[type]) -> set[str]:
    """Return the names that the methods of each class use, apart from the class's own name."""
    names: set[str] = set()
    for each in classes:
        codes = [method.__code__ for method in vars(each).values() if inspect.isfunction(method)]
        for code in codes:
            codes.extend(constant for constant in code.co_consts if inspect.iscode(constant))
            names |= {*code.co_names} - {each.__name__}
    return names


def runs_code(name: str) -> bool:
    """Return whether opening a network imports a file or module that is not a part of an installed collection.

    >>> [runs_code(name) for name in ("mine.py:Net", "package.module:Net", "timm:resnet18", "table:a.tsv", "net@a:b")]
    [True, True, False, False, False]
    """
    network, where = name.partition("@")[0], name.partition(":")[0]
    return is_own_file(network) or (":" in network and where not in {*COLLECTIONS, "table"})


def _table_model(name: str) -> Model:
    """Return the network that a layer table describes, with the input of the table's first row."""
    path = Path(name.removeprefix("table:"))
    table = claims.read_table(path)
    shape = checking.table_input_shape(table)
    if len(shape) != 3 or shape[1] != shape[2]:
        raise ClaimError(
            f"{path} has an input of {'x'.join(map(str, shape))}; expected channels x height x width of a square image"
        )
    return Model(
        name=name,
        build=lambda classes, channels: checking.table_network(table, num_classes=classes, in_channels=channels),
        fixed_side=shape[1],
        input_shape=(shape[0], shape[1], shape[2]),
        num_classes=checking.table_num_classes(table),
        code=_digest(path),
    )


def _own_model(name: str) -> Model:
    """Return the network of a class, a function or a built network in the user's code; the latter is copied."""
    where, _, attribute = name.rpartition(":")
    module = own_module(where)
    found = getattr(module, attribute, None)
    code = _digest(Path(getattr(module, "__file__", None) or ""))
    if isinstance(found, nn.Module):
        return Model(name=name, build=lambda *_: copy.deepcopy(found), code=code)
    if not callable(found):
        known = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise ModelError(f"{where} has no network '{attribute}'; it has {', '.join(known) or 'none'}")
    classes, channels = (_default(found, size, paper) for size, paper in zip(SIZES, (1000, 3), strict=True))
    return Model(
        name=name,
        build=checked_builder(found, name),
        input_shape=(channels, 224, 224),
        num_classes=classes,
        code=code,
    )


def _with_weights(own: Model, name: str, weights: str, *, trained: bool, new_head: bool) -> Model:
    """Return a network of the user's code that starts from the weights of a file.

    Raises: ModelError, if `weights` is not the name of a file, or there is none.
    """
    if not weights:
        raise ModelError(f"{name} names no weights; expected a file, as in {own.name}@weights.pth")
    if not names_file(weights):
        raise ModelError(
            f"{name}: '{weights}' is not a file, and there are no official weights for your own network; expected a "
            f"file of weights, as in {own.name}@weights.pth"
        )
    path = Path(weights)
    if trained and not path.exists():
        raise ModelError(f"{path} does not exist; expected a file of weights")

    def build(num_classes: int, in_channels: int) -> nn.Module:
        network = own.build(num_classes, in_channels)
        if trained:
            head = _classifier_keys(own, network, num_classes, in_channels)
            if new_head and not head:
                raise ModelError(
                    f"{own.name}: the classifier of {path.name} cannot be replaced, because {own.name} does not accept "
                    "num_classes and its last layer does not have one row per class; let it accept num_classes"
                )
            fit_weights(network, read_weights(path), path.name, head=head, new_head=new_head)
        return network

    return replace(own, name=name, build=build, code="+".join((own.code, _digest_of_weights(path))))


def _classifier_keys(own: Model, network: nn.Module, num_classes: int, in_channels: int) -> frozenset[str]:
    """Return the keys of the classifier: those whose shape depends on the number of classes.

    If the network is of one size only, they are those of its last layer, if that has one row per class.
    """
    with torch.random.fork_rng(devices=[]):
        other = own.build(num_classes + 1, in_channels)
    return keys_that_differ(network, other) or keys_of_last_layer(network, num_classes)


def checked_builder(maker: Callable[..., Any], name: str) -> Callable[[int, int], nn.Module]:
    """Return a function from the numbers of classes and input channels to the network that a class or function makes.

    It is called with `num_classes` and `in_channels`, as far as it accepts them.

    Raises: ModelError, if it needs other arguments, or later, if it returns something else than a torch.nn.Module.
    """
    accepted = _accepted_sizes(maker, name)

    def build(num_classes: int, in_channels: int) -> nn.Module:
        sizes = {"num_classes": num_classes, "in_channels": in_channels}
        with not_ended(name):
            network = maker(**{size: sizes[size] for size in accepted})
        if not isinstance(network, nn.Module):
            raise ModelError(f"{name} returned a {type(network).__name__}; expected a torch.nn.Module")
        return network

    return build


def _digest(path: Path) -> str:
    """Return the sha256 of a file, or an empty text if there is no such file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _digest_of_weights(path: Path) -> str:
    """Return the sha256 of a file of weights, of an index together with its files; empty if there is no such file."""
    digests = [_digest(file) for file in weight_files(path)]
    return hashlib.sha256("".join(digests).encode()).hexdigest() if len(digests) > 1 else "".join(digests)


def _accepted_sizes(maker: Callable[..., Any], name: str) -> list[str]:
    """Return which of `num_classes` and `in_channels` a class or function accepts.

    Raises: ModelError, if it has other parameters without a default.
    """
    if isinstance(maker, type) and getattr(maker, "__init__", None) is nn.Module.__init__:
        return []  # it takes any keyword, and rejects it
    parameters = _parameters(maker)
    any_keyword = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    required = [key for key, parameter in parameters.items() if _is_required(parameter) and key not in SIZES]
    if required:
        raise ModelError(
            f"{name} takes ({', '.join(parameters)}); expected num_classes and in_channels, and a default for "
            f"{', '.join(required)}"
        )
    return [size for size in SIZES if size in parameters or any_keyword]


def _parameters(maker: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a class or function. Raises: ModelError, if it is built into Python and has no list."""
    try:
        return inspect.signature(maker).parameters
    except (ValueError, TypeError):
        name = getattr(maker, "__name__", type(maker).__name__)
        raise ModelError(
            f"{name} does not list its parameters; expected a class or function that returns a torch.nn.Module"
        ) from None


def _default(maker: Callable[..., Any], size: str, otherwise: int) -> int:
    """Return the default value of one of the sizes, if it has one."""
    parameter = _parameters(maker).get(size)
    default = None if parameter is None else parameter.default
    return default if isinstance(default, int) and default > 0 else otherwise


def _is_required(parameter: inspect.Parameter) -> bool:
    variadic = parameter.kind in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
    return parameter.default is parameter.empty and not variadic
