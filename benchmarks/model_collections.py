"""Whole collections of models: how many are counted, how many up to a lower bound, and how many are refused.

    uv run --extra timm --with transformers --with segmentation-models-pytorch --with ultralytics \
        python benchmarks/model_collections.py torchvision timm transformers segmentation_models_pytorch ultralytics

Each model is built without weights. Its parameters are compared with torch's, its MACs with torch's FlopCounterMode
and, for torchvision, with the published figures; each difference is printed. What is not installed is skipped. With
`--log`, every outcome is kept in a file, and a repeated command continues where the last one stopped.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import platform
import resource
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from convstudy.analysis import Inputs, InputTensor, LayerTable, count
from convstudy.study.models.network_at_inputs import network_at_inputs

Built = tuple[nn.Module, Inputs, float | None]  # the published GMACs, if there are any


@dataclass(frozen=True)
class Outcome:
    """Outcome for one model: its fate, the step on which it was counted, its figures, and torch's."""

    collection: str
    name: str
    fate: str
    step: str = ""
    parameters: int = 0
    macs: int = 0
    expected_parameters: int = 0
    expected_macs: int | None = None
    published_gmacs: float | None = None
    seconds: float = 0.0  # of building and counting
    allocated: bool = False  # some of its weights, because it could not be built without
    compared: bool = True  # with torch's FlopCounterMode
    reason: str = ""


def outcome(collection: str, compared: bool, name: str) -> Outcome:
    """Build a model, count it, and let torch count it, too, if they are to be compared."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    try:
        network, inputs, published = COLLECTIONS[collection][1](name)
        network = network.eval()
        table = count(network, inputs)
        seconds = time.perf_counter() - started
        allocated = any(not parameter.is_meta for parameter in network.parameters())
    except Exception as error:
        return Outcome(collection, name, "refused", reason=f"{type(error).__name__}: {error}".splitlines()[0][:160])
    return Outcome(
        collection,
        name,
        "lower bound" if table.is_lower_bound else "counted",
        table.step,
        table.totals.parameters,
        table.totals.macs,
        sum(parameter.numel() for parameter in network.parameters()),
        macs_of_torch(network, inputs) if compared and not table.is_lower_bound else None,
        published,
        seconds,
        allocated,
        compared,
        why(table),
    )


def why(table: LayerTable) -> str:
    """Return why the figures are a lower bound."""
    unknown = ", ".join(sorted({each.operation for each in table.uncounted}))
    return "; ".join(filter(None, [table.failure[:160], unknown]))


def macs_of_torch(network: nn.Module, inputs: Inputs) -> int | None:
    """Return the MACs that FlopCounterMode finds: on the meta device or, if that fails, on the CPU; None if both do."""
    missing = any(each.is_meta for each in network.parameters())
    for device in ("meta", "cpu"):
        try:
            if device == "meta":
                moved = (network if missing else deepcopy(network)).to("meta")
            else:
                moved = network.to_empty(device="cpu").apply(zeroed) if missing else network
            return _macs_of_torch(moved, inputs, device)
        except Exception:
            continue
    return None


def _macs_of_torch(network: nn.Module, inputs: Inputs, device: str) -> int:
    def made(value: InputTensor | torch.Tensor) -> torch.Tensor:
        return torch.zeros(tuple(value.shape), dtype=value.dtype, device=device)

    given = inputs.arguments(network, made)
    network.requires_grad_(False)  # FlopCounterMode fails on views of parameters without gradients
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*given.positional, **given.named)
    return int(counter.get_total_flops() // 2)


def zeroed(module: nn.Module) -> None:
    for each in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
        each.data.zero_()


def torchvision_names() -> list[str]:
    import torchvision  # noqa: PLC0415

    return list(torchvision.models.list_models())


def torchvision_model(name: str) -> Built:
    """Build a model of any task as `torchvision:NAME`; its published figures are those of its first weights."""
    from torchvision import models  # noqa: PLC0415

    at = network_at_inputs(f"torchvision:{name}", Inputs())
    weights = next(iter(models.get_model_weights(name)), None)
    return at.network, at.inputs, weights.meta["_ops"] if weights else None


def timm_names() -> list[str]:
    import timm  # noqa: PLC0415

    return list(timm.list_models())


def timm_model(name: str) -> Built:
    at = network_at_inputs(f"timm:{name}", Inputs())
    return at.network, at.inputs, None


def transformers_names() -> list[str]:
    return list(ARCHITECTURES)


def transformers_model(name: str) -> Built:
    transformers = importlib.import_module("transformers")
    transformers.logging.set_verbosity_error()
    options, named = ARCHITECTURES[name]
    network = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(name, **options))
    return network, Inputs(named=named), None


def segmentation_names() -> list[str]:
    return [
        *("Unet", "UnetPlusPlus", "FPN", "PSPNet", "DeepLabV3", "DeepLabV3Plus", "Linknet", "MAnet", "PAN"),
        *("UPerNet", "Segformer", "DPT"),
    ]


def segmentation_model(name: str) -> Built:
    encoder = "tu-vit_base_patch16_224" if name == "DPT" else "resnet34"
    network = getattr(importlib.import_module("segmentation_models_pytorch"), name)(encoder, encoder_weights=None)
    return network, Inputs(((3, 224, 224),)), None


def tokens(length: int = 16) -> dict[str, InputTensor]:
    return {name: InputTensor((length,), torch.int64) for name in ("input_ids", "attention_mask")}


def image(side: int = 224) -> dict[str, tuple[int, ...]]:
    return {"pixel_values": (3, side, side)}


NARROW = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
GROUPED = NARROW | {"num_key_value_heads": 2}
HEADED = GROUPED | {"head_dim": 16}
SIDES = {f"{side}_{name}": size for side in ("encoder", "decoder") for name, size in
         {"layers": 2, "attention_heads": 4, "ffn_dim": 128}.items()} | {"d_model": 64}  # fmt: skip
DECODER = {"decoder_input_ids": InputTensor((8,), torch.int64)}
EXPERTS = HEADED | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
ARCHITECTURES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    **dict.fromkeys(["bert", "roberta", "albert", "deberta-v2", "mpnet", "gpt_neox"], (NARROW, tokens())),
    "distilbert": ({"dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 128}, tokens()),
    "electra": (NARROW | {"embedding_size": 32}, tokens()),
    "gpt2": ({"n_embd": 64, "n_layer": 2, "n_head": 4}, tokens()),
    **dict.fromkeys(["llama", "mistral", "qwen2"], (GROUPED, tokens())),
    **dict.fromkeys(["qwen3", "gemma2"], (HEADED, tokens())),
    "mixtral": (GROUPED | {"num_local_experts": 4}, tokens()),
    "qwen3_moe": (EXPERTS, tokens()),
    "phi3": (GROUPED | {"pad_token_id": 0}, tokens()),
    "falcon": ({"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}, tokens()),
    "bloom": ({"hidden_size": 64, "n_layer": 2, "n_head": 4}, tokens()),
    "t5": ({"d_model": 64, "num_layers": 2, "num_heads": 4, "d_ff": 128, "d_kv": 16}, tokens() | DECODER),
    "bart": (SIDES, tokens()),
    "whisper": (SIDES, {"input_features": (80, 3000)} | DECODER),
    **dict.fromkeys(["wav2vec2", "hubert"], (NARROW, {"input_values": (16_000,)})),
    "mamba": ({"hidden_size": 64, "num_hidden_layers": 2, "state_size": 8}, {"input_ids": tokens()["input_ids"]}),
    **dict.fromkeys(["vit", "deit", "beit", "vit_mae"], (NARROW, image())),
    "dinov2": ({"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}, image()),
    "yolos": (NARROW | {"image_size": [224, 224]}, image()),
    "swin": ({"embed_dim": 24, "depths": [2, 2], "num_heads": [3, 6]}, image()),
    "swinv2": ({"embed_dim": 24, "depths": [2, 2], "num_heads": [3, 6]}, image(256)),
    **dict.fromkeys(["convnext", "convnextv2", "resnet", "regnet", "mobilenet_v2", "segformer"], ({}, image())),
    "dpt": (NARROW, image(384)),
    "mask2former": ({}, image(128)),
    "detr": (
        {"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None, "backbone_config": None},
        image(256),
    ),
    "videomae": (NARROW, {"pixel_values": (16, 3, 224, 224)}),
    "clip": ({}, tokens() | image()),
    "siglip": ({}, tokens(64) | image()),
    "layoutlmv3": (
        NARROW | {"coordinate_size": 8, "shape_size": 16},
        tokens() | {"bbox": InputTensor((16, 4), torch.int64)} | image(),
    ),
}
"""Architectures of transformers with the sizes that make them small, and their inputs."""


def _folder_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed")
    return Path(spec.origin).parent


def ultralytics_names() -> list[str]:
    folder = _folder_of("ultralytics") / "cfg" / "models"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.yaml"))


def ultralytics_model(name: str) -> Built:
    """Build the network of a configuration file at its smallest scale; `YOLO` finds its task in the file."""
    ultralytics = importlib.import_module("ultralytics")
    folder = _folder_of("ultralytics") / "cfg" / "models"
    kind = ultralytics.RTDETR if "rtdetr" in name else ultralytics.YOLO
    network = kind(str(folder / name)).model
    side = 224 if "-cls" in name else 640
    return network, Inputs(((network.yaml.get("channels", 3), side, side),)), None


COLLECTIONS: dict[str, tuple[Callable[[], list[str]], Callable[[str], Built]]] = {
    "torchvision": (torchvision_names, torchvision_model),
    "timm": (timm_names, timm_model),
    "transformers": (transformers_names, transformers_model),
    "segmentation_models_pytorch": (segmentation_names, segmentation_model),
    "ultralytics": (ultralytics_names, ultralytics_model),
}


def lines(collection: str, outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield the row of a collection, and a line for each model that is not counted or differs."""
    found = sorted(outcomes, key=lambda each: each.name)
    fates, steps = Counter(each.fate for each in found), Counter(each.step for each in found)
    known_sums = [each for each in found if each.fate != "refused"]
    same = sum(each.parameters == each.expected_parameters for each in known_sums)
    known = [each for each in found if expected(each) is not None]
    equal = sum(agrees(each) for each in known)
    seconds = [each.seconds for each in found]
    yield (
        f"| {collection} | {len(found)} | {fates['counted']} | {fates['lower bound']} | {fates['refused']} | "
        f"{steps['shapes']} | {steps['fake tensors']} | {steps['forward pass']} | {same} of {len(known_sums)} | "
        f"{equal} of {len(known)} |"
    )
    yield (
        f"Seconds to build and count: median {median(seconds):.2f}, maximum {max(seconds):.1f}, total "
        f"{sum(seconds):.0f}; {sum(each.allocated for each in found)} were built with allocated weights."
    )
    for each in found:
        if each.fate != "counted":
            yield f"- `{each.name}`: {each.fate} ({each.step}): {each.reason}"
        elif each.parameters != each.expected_parameters:
            yield f"- `{each.name}`: {each.parameters:,} parameters, torch has {each.expected_parameters:,}"
        if expected(each) is None and each.compared and each.fate == "counted":
            yield f"- `{each.name}`: {each.macs / 1e9:.3f} GMACs ({each.step}); FlopCounterMode fails"
        elif expected(each) is not None and not agrees(each):
            yield f"- `{each.name}`: {each.macs / 1e9:.3f} GMACs, expected {expected(each):.3f} ({each.step})"


def expected(each: Outcome) -> float | None:
    """Return the GMACs that are published, or that torch counts."""
    if each.published_gmacs is not None or each.expected_macs is None:
        return each.published_gmacs
    return each.expected_macs / 1e9


def agrees(each: Outcome) -> bool:
    if each.published_gmacs is not None:
        return round(each.macs / 1e9, 3) == each.published_gmacs
    return each.macs == each.expected_macs


def outcomes(collection: str, names: list[str], options: argparse.Namespace) -> Iterator[Outcome]:
    """Yield the outcomes that are in the log, then those of the other models, which are added to the log."""
    log, compared = options.log, not options.count_only
    kept = [Outcome(**json.loads(line)) for line in log.read_text().splitlines()] if log and log.exists() else []
    done = {each.name: each for each in kept if each.collection == collection and each.name in names}
    yield from done.values()
    left = [name for name in names if name not in done]
    with multiprocessing.get_context("spawn").Pool(
        options.jobs, limit_memory, (options.gigabytes,), maxtasksperchild=50
    ) as pool:
        for each in pool.imap_unordered(partial(outcome, collection, compared), left):
            if log:
                with log.open("a") as file:
                    file.write(json.dumps(asdict(each)) + "\n")
            yield each


def limit_memory(gigabytes: float) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (int(gigabytes * 1e9),) * 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("collections", nargs="+", choices=list(COLLECTIONS))
    parser.add_argument("--only", default="", help="only models with this text in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--gigabytes", type=float, default=16, help="memory for one process")
    parser.add_argument("--log", type=Path, help="a file in which outcomes are kept")
    parser.add_argument("--count-only", action="store_true", help="without the comparison with FlopCounterMode")
    options = parser.parse_args()
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.gettempdir())
    print(f"torch {torch.__version__}, Python {platform.python_version()}\n")
    print("| collection | models | counted | lower bound | refused | shapes | fake tensors | forward pass | "
          "parameters as torch | MACs as published or as torch |\n|---|" + "---|" * 9)  # fmt: skip
    for collection in options.collections:
        if importlib.util.find_spec(collection) is None:
            print(f"{collection} is not installed")
            continue
        names = [name for name in COLLECTIONS[collection][0]() if options.only in name]
        found = outcomes(collection, names, options)
        print("\n".join(lines(collection, found)), flush=True)


if __name__ == "__main__":
    main()
