"""Trained weights: from a file, or torchvision's official ones; no pickled code is ever run."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from convstudy.errors import ModelError, UnknownNameError

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

SUFFIXES = (".safetensors", ".pth", ".pt")
NESTED = ("state_dict", "model_state_dict", "model", "network")  # where training scripts put the weights
PREFIXES = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before each key


def load_weights(network: nn.Module, path: Path) -> None:
    """Put the weights of a `.safetensors`, `.pth` or `.pt` file into `network`; every entry must fit.

    Raises: ModelError, when the file cannot be read, holds anything but tensors, or does not fit.

    >>> import tempfile
    >>> from convstudy.zoo import build
    >>> path = Path(tempfile.mkdtemp()) / "net.pth"
    >>> trained, new = (build("net", num_classes=10, in_channels=3) for _ in range(2))
    >>> torch.save(trained.state_dict(), path)
    >>> load_weights(new, path)
    >>> torch.equal(new.conv1.weight, trained.conv1.weight)
    True
    """
    fit_weights(network, read_weights(path), str(path))


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by their keys, on the CPU.

    Raises: ModelError, as `load_weights`.
    """
    if path.suffix not in SUFFIXES:
        raise ModelError(f"{path} is no file of weights; expected a name that ends in {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise ModelError(f"{path} is not there; expected a file of weights")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, of pickles that it then refuses
            state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ModelError(
            f"{path} holds more than tensors, or is damaged; pickled code is not run: expected what "
            "torch.save(network.state_dict(), path) writes"
        ) from None
    except Exception as error:  # a damaged file fails in any of a dozen ways
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path} cannot be read as weights: {reason[:120]}") from None
    return _tensors(state, path)


def _tensors(state: Any, path: Path) -> dict[str, Tensor]:
    """The tensors of what was read, which training scripts may have put one level down, or renamed alike."""
    for key in NESTED:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()) or not state:
        raise ModelError(
            f"{path} holds no tensors by name; expected what torch.save(network.state_dict(), path) writes"
        )
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return dict(state)


def fit_weights(
    network: nn.Module, weights: Mapping[str, Tensor], source: str, *, num_classes: int | None = None
) -> tuple[str, ...]:
    """Put weights into `network`, whose entries must all be there and fit.

    Where `num_classes` is given, a classifier of another number of classes is left as it is initialised; its
    entries are the answer. On the meta device nothing is copied.

    Raises: ModelError, with the first entry that is missing, left over or of another shape.
    """
    ours = network.state_dict()
    _refuse(source, "lacks", [key for key in ours if key not in weights])
    _refuse(source, "has", [key for key in weights if key not in ours])
    heads = [key for key in ours if _other_classes(ours[key], weights[key], num_classes)]
    for key, value in ours.items():
        if weights[key].shape != value.shape and key not in heads:
            raise ModelError(f"{source} does not fit: {key} is {_size(weights[key])}; expected {_size(value)}")
    if not any(value.is_meta for value in ours.values()):
        network.load_state_dict({key: ours[key] if key in heads else weights[key] for key in ours})
    return tuple(heads)


def official_entry(name: str, which: str = "imagenet") -> WeightsEnum:
    """Torchvision's entry for these weights: their address, preprocessing and published figures.

    Raises: UnknownNameError, when there are no such weights.

    >>> official_entry("resnet50", "imagenet1k_v1").meta["num_params"]
    25557032
    """
    from torchvision.models import get_model_weights  # noqa: PLC0415, torchvision takes seconds

    enum = get_model_weights(name)
    if which.lower() == "imagenet":
        return enum.DEFAULT
    known = [entry.name for entry in enum if entry.meta["categories"]]  # not those without a classifier
    if which.upper() not in known:
        raise UnknownNameError(f"set of weights for {name}", which, ["imagenet", *known])
    return enum[which.upper()]


def official_file(name: str, which: str = "imagenet") -> Path:
    """Torchvision's weights for its network `name`: their file in torch's hub cache, downloaded when absent.

    `which` is "imagenet" for the weights that torchvision takes by default, or a name such as "IMAGENET1K_V1".

    Raises: UnknownNameError, when there are no such weights; ModelError, when the file is absent and out of reach.
    """
    weights = official_entry(name, which)
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(weights.url).path).name
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        begin_of_hash = path.stem.rpartition("-")[2]
        torch.hub.download_url_to_file(weights.url, str(path), begin_of_hash)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(
            f"the weights {weights.name} of {name} cannot be downloaded ({reason}); "
            f"fetch {weights.url} elsewhere and put it at {path}"
        ) from None
    return path


def official_weights(name: str, which: str = "imagenet") -> dict[str, Tensor]:
    """Torchvision's weights for its network `name`, by their keys. Raises: as `official_file` and `read_weights`."""
    return read_weights(official_file(name, which))


def _other_classes(ours: Tensor, theirs: Tensor, num_classes: int | None) -> bool:
    """Whether two tensors differ in nothing but the number of classes, which comes first."""
    return ours.ndim > 0 and ours.shape != theirs.shape and ours.shape == (num_classes, *theirs.shape[1:])


def _refuse(source: str, verb: str, keys: list[str]) -> None:
    if keys:
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        raise ModelError(f"{source} does not fit: it {verb} {keys[0]}{more}; expected the network's own keys")


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"
