"""Keys of weights: how those of a file belong to those of a network."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from convstudy.errors import ModelError

# Parts that DataParallel, torch.compile and FSDP put anywhere into a key.
WRAPPERS = frozenset({"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
# Names under which a training program's own class usually holds the network.
OUTER = frozenset({"model", "backbone", "net", "network", "encoder"})
COUNTER = "num_batches_tracked"  # of batch normalization; torch before version 0.4.1 did not have it
AVERAGED = "n_averaged"  # number of averaged weights, which torch's AveragedModel stores beside them
# Keys of older versions of torchvision's networks, renamed as torchvision renames them when it loads its weights.
RENAMED = (
    (re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)"), r"\1\2"),  # densenets
    (re.compile(r"(encoder_layer_\d+\.mlp)\.linear_1\."), r"\1.0."),  # vision transformers
    (re.compile(r"(encoder_layer_\d+\.mlp)\.linear_2\."), r"\1.3."),
)


@dataclass(frozen=True)
class Matched:
    """Keys of a network with the keys of a file that belong to them."""

    theirs: dict[str, str]  # key of the file, by key of the network
    missing: tuple[str, ...]  # keys of the network that the file lacks
    superfluous: tuple[str, ...]  # keys of the file that the network lacks
    outside: tuple[str, ...] = ()  # keys of the file beside the network, such as those of a loss


def match_keys(ours: Collection[str], theirs: Collection[str], source: str, *, optional: Collection[str]) -> Matched:
    """Match the keys of a network with those of a file, whatever wrapped the network when it was stored.

    The keys in `optional`, those of a classifier, need not be there.

    Raises:
        ModelError: if several keys of the file belong to one of the network.

    >>> match_keys(["fc.weight"], ["model.module.fc.weight", "loss.weight"], "net.ckpt", optional=())
    Matched(theirs={'fc.weight': 'model.module.fc.weight'}, missing=(), superfluous=(), outside=('loss.weight',))
    """
    wanted = _unwrapped(ours, source)
    given = _renamed(_unwrapped(theirs, source), wanted)
    counters = {key: whole for key, whole in given.items() if key.endswith(AVERAGED) and key not in wanted}
    given = {key: whole for key, whole in given.items() if key not in counters}
    body = {key for key, own in wanted.items() if own not in optional and not key.endswith(COUNTER)}
    prefix = _prefix(body, given, source)
    if prefix is None:
        placed, outside = _one_by_one(given, wanted, source), {}
    else:
        inside = {key.removeprefix(prefix): whole for key, whole in given.items() if key.startswith(prefix)}
        beside = {key: whole for key, whole in given.items() if not key.startswith(prefix)}
        beside = _one_by_one(beside, [key for key in wanted if key not in inside], source)
        placed = inside | {key: whole for key, whole in beside.items() if key in wanted}
        outside = {key: whole for key, whole in beside.items() if key not in wanted}
    return Matched(
        theirs={own: placed[key] for key, own in wanted.items() if key in placed},
        missing=tuple(own for key, own in wanted.items() if key not in placed),
        superfluous=tuple(whole for key, whole in placed.items() if key not in wanted),
        outside=(*outside.values(), *counters.values()),
    )


def _unwrapped(keys: Iterable[str], source: str) -> dict[str, str]:
    """Return keys by what remains of them without the names of wrappers."""
    found: dict[str, str] = {}
    for key in keys:
        bare = ".".join(part for part in key.split(".") if part not in WRAPPERS)
        if bare in found:
            raise ModelError(f"{source} has both {found[bare]} and {key}; expected one of them")
        found[bare] = key
    return found


def _renamed(given: dict[str, str], wanted: Collection[str]) -> dict[str, str]:
    """Return the keys of a file with old names replaced, unless the network itself has such names."""
    for old, new in RENAMED:
        if not any(old.search(key) for key in wanted):
            given = {old.sub(new, key): whole for key, whole in given.items()}
    return given


def _prefix(body: Collection[str], given: Collection[str], source: str) -> str | None:
    """Return the prefix under which a file holds all of `body`, or None if there is none.

    Raises:
        ModelError: if there are several, and not exactly one of them consists of usual names.
    """
    anchor = max(body, key=lambda key: (key.count("."), key), default="")
    ends = f".{anchor}"
    possible = sorted(
        {key.removesuffix(anchor) for key in given if f".{key}".endswith(ends)}, key=lambda p: (len(p), p)
    )
    fitting = [prefix for prefix in possible if all(prefix + key in given for key in body)]
    if len(fitting) > 1 and fitting[0]:
        usual = [prefix for prefix in fitting if OUTER.issuperset(prefix[:-1].split("."))]
        if len(usual) != 1:
            raise ModelError(f"{source} contains the network {len(fitting)} times, under {', '.join(fitting)}")
        fitting = usual
    return fitting[0] if fitting else None


def _one_by_one(given: dict[str, str], wanted: Collection[str], source: str) -> dict[str, str]:
    """Return the keys of a file without the outer names that the network itself does not have."""
    placed: dict[str, str] = {}
    for key, whole in given.items():
        bare = key
        while bare not in wanted and bare.partition(".")[0] in OUTER and "." in bare:
            bare = bare.partition(".")[2]
        bare = bare if bare in wanted else key
        if bare in placed:
            raise ModelError(f"{source} has both {placed[bare]} and {whole}; expected one of them")
        placed[bare] = whole
    return placed
