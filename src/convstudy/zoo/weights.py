"""Pretrained weights, from a file or from torchvision; pickled code is never executed."""

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
NESTED = ("state_dict", "model_state_dict", "model", "network")  # keys under which training scripts store the weights
PREFIXES = ("module.", "_orig_mod.")  # prefixes that DataParallel and torch.compile add to each key


def load_weights(network: nn.Module, path: Path) -> None:
    """Load the weights of a `.safetensors`, `.pth` or `.pt` file into `network`; every entry must fit.

    Raises:
        ModelError: if the file cannot be read, contains anything other than tensors, or does not fit.

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
    """Return the tensors of a file by their keys, on the CPU.

    Raises:
        ModelError: as `load_weights`.
    """
    if path.suffix not in SUFFIXES:
        raise ModelError(f"{path} is not a weight file; expected a name ending in {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise ModelError(f"{path} does not exist; expected a file of weights")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about pickles that it then rejects
            state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ModelError(
            f"{path} contains more than tensors or is damaged; pickled code is not run. Expected a file "
            "written by torch.save(network.state_dict(), path)"
        ) from None
    except Exception as error:  # a damaged file raises any of a dozen errors
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path} cannot be read as weights: {reason[:120]}") from None
    return _tensors(state, path)


def _tensors(state: Any, path: Path) -> dict[str, Tensor]:
    """Return the tensors of the loaded object, in which training scripts may have nested or renamed them."""
    for key in NESTED:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()) or not state:
        raise ModelError(
            f"{path} contains no named tensors; expected a file written by torch.save(network.state_dict(), path)"
        )
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return dict(state)


def fit_weights(
    network: nn.Module, weights: Mapping[str, Tensor], source: str, *, num_classes: int | None = None
) -> tuple[str, ...]:
    """Copy weights into `network`; all its entries must be present and fit.

    If `num_classes` is given, a classifier with another number of classes keeps its initial weights, and its entries
    are returned. On the meta device nothing is copied.

    Raises:
        ModelError: names the first entry that is missing, superfluous or of another shape.
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
    """Return torchvision's entry for these weights: their address, preprocessing and published figures.

    Raises:
        UnknownNameError: if there are no such weights.

    >>> official_entry("resnet50", "imagenet1k_v1").meta["num_params"]
    25557032
    """
    from torchvision.models import get_model_weights  # noqa: PLC0415, importing torchvision takes seconds

    enum = get_model_weights(name)
    if which.lower() == "imagenet":
        return enum.DEFAULT
    known = [entry.name for entry in enum if entry.meta["categories"]]  # those without categories have no classifier
    if which.upper() not in known:
        raise UnknownNameError(f"set of weights for {name}", which, ["imagenet", *known])
    return enum[which.upper()]


def official_file(name: str, which: str = "imagenet") -> Path:
    """Return the file of torchvision's weights for its network `name` in torch's hub cache; download it if absent.

    `which` is "imagenet" for torchvision's default weights, or a name such as "IMAGENET1K_V1".

    Raises:
        UnknownNameError: if there are no such weights.
        ModelError: if the file is absent and cannot be downloaded.
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
            f"download {weights.url} on another machine and put it at {path}"
        ) from None
    return path


def official_weights(name: str, which: str = "imagenet") -> dict[str, Tensor]:
    """Return torchvision's weights for its network `name` by their keys.

    Raises:
        As `official_file` and `read_weights`.
    """
    return read_weights(official_file(name, which))


def _other_classes(ours: Tensor, theirs: Tensor, num_classes: int | None) -> bool:
    """Return whether two tensors differ only in the number of classes, their first axis."""
    return ours.ndim > 0 and ours.shape != theirs.shape and ours.shape == (num_classes, *theirs.shape[1:])


def _refuse(source: str, verb: str, keys: list[str]) -> None:
    if keys:
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        raise ModelError(f"{source} does not fit: it {verb} {keys[0]}{more}; expected the network's own keys")


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"
