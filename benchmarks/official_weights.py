"""Logits of torchvision's official weights: in convstudy and in torchvision, for every set of every classifier.

The weights themselves are not needed: a stand-in, random weights of the same network, takes the place of each file in
a cache of torch's hub. Both programs then open the set by its name, and get the same photograph of noise through the
set's own preprocessing. One line per set: its parameters, the largest difference of the logits, and the seconds.

    python benchmarks/official_weights.py [NAME ...] [--default-only] [--most-parameters 1e8]
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model, get_model_weights, list_models

from convstudy.study.models.opening import open_model
from convstudy.study.models.weights_origin import weights_origin
from convstudy.zoo import ARCHITECTURES, open_architecture
from convstudy.zoo.weights import file_name

SIDE_BRANCHED = {"googlenet", "inception_v3"}


def entries(names: list[str]) -> Iterator[tuple[str, WeightsEnum]]:
    """Yield every set of weights with a classifier, small networks first."""
    found = [
        (name, entry)
        for name in names or list_models(module=torchvision.models)
        for entry in get_model_weights(name)
        if entry.meta["categories"]
    ]
    yield from sorted(found, key=lambda pair: pair[1].meta["num_params"])


def stand_in(name: str, entry: WeightsEnum) -> dict[str, Tensor]:
    """Return random weights of a network, with statistics and scales that are not those of a new network."""
    sizes = {"image_size": entry.transforms().crop_size[0]} if name.startswith("vit_") else {}
    quiet = {"init_weights": True} if name in SIDE_BRANCHED else {}
    state: dict[str, Tensor] = get_model(name, weights=None, **sizes, **quiet).state_dict()
    block = torch.randn(1_000_003, generator=torch.Generator().manual_seed(0))
    for key, value in state.items():
        if value.is_floating_point():
            drawn = block.repeat(-(-value.numel() // len(block)))[: value.numel()].reshape(value.shape)
            is_matrix = value.ndim > 1
            value.copy_(drawn * (1 / value[0].numel()) ** 0.5 if is_matrix else drawn.abs() / 10 + ("bias" not in key))
    return state


def without_initialization() -> None:
    """Let networks be built with whatever is in memory: every value is overwritten by the stand-in."""
    for name in dir(nn.init):
        if name.endswith("_") and not name.startswith("_"):
            setattr(nn.init, name, lambda tensor, *_, **__: tensor)


def logits(network: nn.Module, images: Tensor) -> Tensor:
    """Return the logits in evaluation mode."""
    with torch.inference_mode():
        answer: Tensor = network.eval()(images)
    return answer


def difference(name: str, entry: WeightsEnum, cache: Path) -> float:
    """Return the largest difference of the logits."""
    path = cache / file_name(entry)
    torch.save(stand_in(name, entry), path)
    noise = np.random.default_rng(0).integers(0, 256, (400, 500, 3), np.uint8)
    images = entry.transforms()(Image.fromarray(noise))[None]
    theirs = logits(get_model(name, weights=entry), images)
    if not theirs.isfinite().all() or float(theirs.std()) == 0:
        raise SystemExit(f"{name}: torchvision's logits say nothing: {theirs}")
    own = [known.name for known in ARCHITECTURES.values() if known.torchvision == name]
    found = 0.0
    for ours in (f"torchvision:{name}", *own):
        gc.collect()
        known = open_architecture(f"{ours}@{entry.name}")
        answer = logits(known.build(num_classes=1000, in_channels=3), images)
        found = max(found, float((answer - theirs).abs().max()) / max(1.0, float(theirs.abs().max())))
        origin = weights_origin(open_model(f"{ours}@{entry.name}"))
        transforms = entry.transforms()
        if origin is None or [*origin.mean, *origin.std] != [*transforms.mean, *transforms.std]:
            raise SystemExit(f"{ours}@{entry.name} is normalized otherwise than torchvision's weights: {origin}")
    path.unlink()
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--default-only", action="store_true", help="only the set that `imagenet` stands for")
    parser.add_argument("--most-parameters", type=float, default=float("inf"))
    wanted = parser.parse_args()
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, {torch.get_num_threads()} threads")
    print(f"{'network':24} {'set':28} {'parameters':>12} {'difference':>10} {'seconds':>8}")
    results = []
    without_initialization()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TORCH_HOME"] = folder
        cache = Path(folder) / "hub/checkpoints"
        cache.mkdir(parents=True)
        for name, entry in entries(wanted.names):
            parameters = entry.meta["num_params"]
            default = entry == get_model_weights(name).DEFAULT
            if parameters > wanted.most_parameters or (wanted.default_only and not default):
                continue
            started = time.perf_counter()
            results.append(difference(name, entry, cache))
            seconds = time.perf_counter() - started
            print(f"{name:24} {entry.name:28} {parameters:12,} {results[-1]:10.1e} {seconds:8.1f}", flush=True)
    equal = sum(result == 0 for result in results)
    print(f"{len(results)} sets of weights: {equal} with equal logits, {sum(r <= 1e-5 for r in results)} within 1e-5")


if __name__ == "__main__":
    main()
