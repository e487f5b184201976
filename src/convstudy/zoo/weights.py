"""Pretrained weights, from a file or from torchvision; pickled code is never executed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

from convstudy.errors import ModelError, UnknownNameError
from convstudy.zoo.weight_files import read_weights
from convstudy.zoo.weight_keys import COUNTER, match_keys

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum


def load_weights(network: nn.Module, path: Path) -> None:
    """Load the weights of a file into `network`; all its entries must be present and fit.

    docs/training.md lists the formats, and the names under which programs wrap a network that are read.

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


def fit_weights(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    source: str,
    *,
    head: Collection[str] = (),
    new_head: bool = False,
) -> None:
    """Copy weights into `network`; all its entries must be present and fit.

    The entries in `head`, those of the classifier, keep their initial values if they are absent or of another shape,
    or if `new_head`. Counters of batches that old files lack begin at 0, as in torch. On the meta device nothing is
    copied.

    Raises:
        ModelError: names the first entry that is missing, superfluous or of another shape.
    """
    ours = network.state_dict()
    matched = match_keys(ours, weights, source, optional=head)
    missing = [key for key in matched.missing if key not in head and not key.endswith(COUNTER)]
    _refuse(source, "lacks", missing)
    _refuse(source, "has", matched.superfluous)
    given = {
        key: _counter(weights[whole]) if key.endswith(COUNTER) else weights[whole]
        for key, whole in matched.theirs.items()
    }
    new = {key for key in head if new_head or key not in given or given[key].shape != ours[key].shape}
    taken = {key: tensor for key, tensor in given.items() if key not in new}
    for key, tensor in taken.items():
        if tensor.shape != ours[key].shape:
            raise ModelError(f"{source} does not fit: {key} is {_size(tensor)}; expected {_size(ours[key])}")
        if not _is_plain(tensor) or tensor.is_floating_point() != ours[key].is_floating_point():
            kind, expected = (str(each).removeprefix("torch.") for each in (tensor.dtype, ours[key].dtype))
            way = "without values" if tensor.is_meta else str(tensor.layout).removeprefix("torch.")
            raise ModelError(f"{source} does not fit: {key} is {kind}, {way}; expected {expected}, strided")
        if not tensor.isfinite().all():
            raise ModelError(
                f"{source} has values in {key} that are not finite; its training diverged, or it is damaged"
            )
    if not any(value.is_meta for value in ours.values()):
        ours.update(taken)  # a state dict with its own versions of modules
        network.load_state_dict(ours)


def keys_that_differ(network: nn.Module, other: nn.Module) -> frozenset[str]:
    """Return the keys of `network` whose entries have another shape in `other`, or do not exist there.

    >>> sorted(keys_that_differ(nn.Linear(4, 2), nn.Linear(4, 3)))
    ['bias', 'weight']
    """
    shapes = {key: value.shape for key, value in other.state_dict().items()}
    return frozenset(key for key, value in network.state_dict().items() if shapes.get(key) != value.shape)


def keys_of_last_layer(network: nn.Module, num_outputs: int) -> frozenset[str]:
    """Return the keys of the layer that was added last, if it has a weight with one row per output, else none.

    >>> sorted(keys_of_last_layer(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)), 2))
    ['1.bias', '1.weight']
    """
    layers = {
        name: layer for name, layer in network.named_modules() if any(True for _ in layer.parameters(recurse=False))
    }
    name, layer = next(reversed(layers.items()), ("", None))
    weight = getattr(layer, "weight", None)
    if weight is None or weight.dim() < 2 or weight.shape[0] != num_outputs:
        return frozenset()
    return frozenset(key for key in network.state_dict() if key.rpartition(".")[0] == name)


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
    path = Path(torch.hub.get_dir()) / "checkpoints" / file_name(weights)
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        begin_of_hash = torch.hub.HASH_REGEX.search(path.name)
        torch.hub.download_url_to_file(weights.url, str(path), begin_of_hash and begin_of_hash[1])
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(
            f"the weights {weights.name} of {name} cannot be downloaded ({reason}); "
            f"download {weights.url} on another machine and put it at {path}"
        ) from None
    return path


def file_name(weights: WeightsEnum) -> str:
    """Return the name of the file of torchvision's weights, which ends in the first digits of its hash."""
    return PurePosixPath(urlparse(weights.url).path).name


def official_entry_of(name: str, path: Path) -> WeightsEnum | None:
    """Return torchvision's entry for a file that bears the name of one of its files for the network `name`.

    >>> official_entry_of("googlenet", Path("downloads/googlenet-1378be20.pth")).name
    'IMAGENET1K_V1'
    """
    from torchvision.models import get_model_weights  # noqa: PLC0415, importing torchvision takes seconds

    named = (entry for entry in get_model_weights(name) if file_name(entry) == path.name and entry.meta["categories"])
    return next(named, None)


def official_weights(name: str, which: str = "imagenet") -> dict[str, Tensor]:
    """Return torchvision's weights for its network `name` by their keys.

    Raises:
        As `official_file` and `read_weights`.
    """
    return read_weights(official_file(name, which))


def _counter(tensor: Tensor) -> Tensor:
    """Return a counter of batches as torch takes it: also from floats, or as the only value of an array."""
    return tensor.reshape(()).long() if tensor.numel() == 1 and _is_plain(tensor) else tensor


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_meta


def _refuse(source: str, verb: str, keys: Sequence[str]) -> None:
    if keys:
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        raise ModelError(f"{source} does not fit: it {verb} {keys[0]}{more}; expected the network's own keys")


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"
