"""Files of weights as training programs write them; pickled code is never executed."""

from __future__ import annotations

import json
import pickle
import re
import shlex
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from convstudy.errors import ModelError
from convstudy.wording import shortened

INDEX = ".index.json"  # of weights in several files, as `model.safetensors.index.json`
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar", ".th", f".safetensors{INDEX}", f".bin{INDEX}")
SHARD = re.compile(r"-\d+-of-\d+(\.\w+)$")
# Keys under which training programs store the weights; moving averages are used only if there are no others.
PICKLED = (b"\x80", b"PK\x03\x04")  # how pickles, and torch's archives of them, begin
NESTED = (
    *("state_dict", "model_state_dict", "model", "network", "net", "weights", "params"),
    *("state_dict_ema", "model_ema", "ema_state_dict", "ema"),
)
DEEPEST = 8  # levels of nested dictionaries; a hostile file may have a dictionary that contains itself
OWN = "convstudy"  # key in the `_metadata` of a state dict under which an export stores classes and preprocessing
# Keeps the weights of any pickled object as plain dictionaries of tensors. It runs the pickled code.
CONVERSION = (
    "import sys, torch; f = lambda x: f(x.state_dict()) if hasattr(x, 'state_dict') else "
    "{k: f(v) for k, v in x.items() if isinstance(k, str)} if isinstance(x, dict) else x if torch.is_tensor(x) "
    "else torch.from_numpy(x) if type(x).__name__ == 'ndarray' else None; "
    "torch.save(f(torch.load(sys.argv[1], 'cpu', weights_only=False)), sys.argv[2])"
)


def names_file(weights: str) -> bool:
    """Return whether the part of a network's name after `@` is a file, and not a set of torchvision's weights.

    >>> names_file("imagenet"), names_file("model_best.pth.tar"), names_file("runs/mine")
    (False, True, True)
    """
    return any(mark in weights for mark in "./\\")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by their keys, on the CPU; of an index, those of all files that it lists.

    Raises:
        ModelError: if the file cannot be read, or contains anything that only pickled code could rebuild.
    """
    _require_weights(path)
    return _sharded(path) if path.name.endswith(INDEX) else _tensors(_loaded(path), path)


def weight_files(path: Path) -> list[Path]:
    """Return the files that decide the weights: the file itself and, of an index, those that it lists."""
    if not path.is_file():
        return []
    return [path, *(path.with_name(name) for name in _listed(path))] if path.name.endswith(INDEX) else [path]


@dataclass(frozen=True)
class Stated:
    """What convstudy wrote about weights: into their file, or into the `run.json` beside it."""

    classes: tuple[str, ...] = ()  # in the order of the logits; empty if they are not known
    preprocessing: Mapping[str, Any] | None = None
    transform_input: bool = False  # whether the network normalizes its input once more, as torchvision's GoogLeNet


def stated(path: Path) -> Stated:
    """Return what a file of weights states about itself; nothing if it was not written by convstudy or is damaged."""
    if not path.is_file():
        return Stated()
    beside = path.with_name("run.json")
    return _stated(path, *(file.stat().st_mtime_ns for file in (path, beside) if file.is_file()))


@lru_cache(maxsize=64)
def _stated(path: Path, *_: int) -> Stated:
    """Read what a file states; the times at which files were changed make the cache forget them."""
    try:
        found = _of_own_file(path) or _of_run(path.with_name("run.json"))
        classes = found.get("classes") or ()
        if not all(isinstance(name, str) for name in classes):
            return Stated()
        return Stated(tuple(classes), found.get("preprocessing"), found.get("transform_input") is True)
    except Exception:  # a file of someone else, or a damaged one, which reading its weights reports
        return Stated()


def _of_own_file(path: Path) -> dict[str, Any]:
    if path.name.endswith(INDEX):
        return {}
    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as file:
            texts = file.metadata() or {}
    else:
        texts = getattr(_loaded(path), "_metadata", {}).get(OWN, {})
    return {key: json.loads(texts[key]) for key in ("classes", "preprocessing", "transform_input") if key in texts}


def _of_run(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    record = json.loads(path.read_text(encoding="utf-8"))
    return {**record, "classes": record["data"]["class_names"]}


def _require_weights(path: Path) -> None:
    if path.is_dir():
        found = sorted(file.name for file in path.iterdir() if file.name.endswith(SUFFIXES))
        raise ModelError(f"{path} is a folder; expected a file of weights, such as {', '.join(found[:3]) or 'net.pth'}")
    if not path.name.lower().endswith(SUFFIXES):
        raise ModelError(f"{path} is not a weight file; expected a name ending in {', '.join(SUFFIXES)}")
    if not path.is_file():
        what = "is not a regular file" if path.exists() else "does not exist"
        raise ModelError(f"{path} {what}; expected a file of weights")
    index = path.with_name(SHARD.sub(rf"\1{INDEX}", path.name))
    if SHARD.search(path.name) and index.is_file():
        raise ModelError(f"{path} contains a part of the weights only; expected {index}, which lists all parts")


def _sharded(path: Path) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for name in _listed(path):
        shard = path.with_name(name)
        if not shard.is_file():
            raise ModelError(
                f"{path} lists {shortened(name, 80)}, which does not exist in the same folder; download it, too"
            )
        weights |= _tensors(_loaded(shard), shard)
    return weights


def _listed(path: Path) -> list[str]:
    """Return the names of an index's files. Raises: ModelError, if it is no index, or lists files of other folders."""
    try:
        names = sorted(set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        names = [None]
    if not all(isinstance(name, str) for name in names):
        raise ModelError(f"{path} is not an index of weights; expected JSON with a `weight_map`")
    wrong = [name for name in names if Path(name).name != name or "\\" in name or not name.endswith(SUFFIXES[:-2])]
    if wrong or not names:
        raise ModelError(
            f"{path} lists {shortened(wrong[0]) if wrong else 'no file'}; expected names of weight files beside it"
        )
    return names


def _other_content(head: bytes) -> str:
    """Say what a file is that bears the name of weights but is something else, and what to do; empty if unknown.

    >>> _other_content(b"<!DOCTYPE html>")
    'is an HTML page; download the file itself'
    """
    if not head:
        return "is empty; download it again"
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer; `git lfs pull` fetches the weights"
    if head.lstrip().startswith(b"<"):
        return "is an HTML page; download the file itself"
    if head[257:262] == b"ustar":
        return "is a tar archive; extract it, and give the file of weights in it"
    return ""


def _loaded(path: Path) -> Any:
    with path.open("rb") as file:
        head = file.read(512)
    if other := _other_content(head):
        raise ModelError(f"{path} {other}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about pickles that it then rejects
            if head[8:9] == b"{":  # safetensors: the length of a header in JSON comes first
                return load_file(path)
            with path.open("rb") as file:  # as a file without a name, of which torch does not look at the suffix
                return torch.load(file, "cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not head.startswith(PICKLED) and "GLOBAL" not in str(error):
            raise ModelError(f"{path} is not a file of weights, or is damaged; download or copy it again") from None
        raise _only_pickle(path, str(error)) from None
    except Exception as error:  # a damaged file raises any of a dozen errors
        if "weights_only=True" in str(error):  # TorchScript, and torch's format before version 0.1.10
            raise _only_pickle(path, str(error)) from None
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path} cannot be read as weights: {reason[:120]}; download or copy it again") from None


def _only_pickle(path: Path, reason: str) -> ModelError:
    """Return the error for a file that only pickled code could read, with the command that converts it."""
    classes = sorted(set(re.findall(r"GLOBAL ([\w.]+)", reason)))
    what = f"Python objects ({shortened(', '.join(classes), 120)})" if classes else "more than tensors, or is damaged"
    converted = path.with_name(f"{path.name.partition('.')[0]}-weights.pth")
    command = f'python -c "{CONVERSION}" {shlex.quote(str(path))} {shlex.quote(str(converted))}'
    return ModelError(
        f"{path} contains {what}; pickled code is not run. If you trust its source, convert it, which runs the code in "
        f"it, and use {converted.name}: {command}"
    )


def _tensors(state: Any, path: Path) -> dict[str, Tensor]:
    """Return the tensors of the loaded object, in which training programs may have nested them."""
    for _ in range(DEEPEST):
        if not isinstance(state, Mapping):
            break
        inner = {key: value for key, value in state.items() if isinstance(value, Mapping) and _holds_tensors(value)}
        known = next((key for key in NESTED if key in inner), None)
        tensors = {key: value for key, value in state.items() if isinstance(key, str) and isinstance(value, Tensor)}
        if known is None and tensors:
            return tensors
        if known is None and len(inner) > 1:
            names = shortened(", ".join(inner), 80)
            raise ModelError(
                f"{path} contains several sets of tensors ({names}); expected one, or its weights under {NESTED[0]}"
            )
        state = inner[known] if known is not None else next(iter(inner.values()), None)
    raise ModelError(
        f"{path} contains no named tensors; expected a file written by torch.save(network.state_dict(), path)"
    )


def _holds_tensors(state: Mapping[Any, Any], depth: int = 0) -> bool:
    """Return whether there are tensors with names; those of an optimizer have numbers."""
    return depth < DEEPEST and any(
        isinstance(value, Tensor) or (isinstance(value, Mapping) and _holds_tensors(value, depth + 1))
        for key, value in _named(state)
    )


def _named(state: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in state.items() if isinstance(key, str))
