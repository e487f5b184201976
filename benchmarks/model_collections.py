"""Whole collections of models: how many are counted, how many up to a lower bound, and how many are refused.

    uv run --extra timm --with transformers --with segmentation-models-pytorch \
        python benchmarks/model_collections.py torchvision timm transformers segmentation_models_pytorch

Each model is built without weights. Its parameters are compared with torch's, its MACs with torch's FlopCounterMode
and, for torchvision, with the published figures; each difference is printed. What is not installed is skipped.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import platform
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from convstudy.analysis import Inputs, InputTensor, LayerTable, count, unallocated

Built = tuple[nn.Module, Inputs, float | None]  # the published GMACs, if there are any


@dataclass(frozen=True)
class Outcome:
    """Outcome for one model: its fate, the step on which it was counted, its figures, and torch's."""

    name: str
    fate: str
    step: str = ""
    parameters: int = 0
    macs: int = 0
    expected_parameters: int = 0
    expected_macs: int | None = None
    published_gmacs: float | None = None
    seconds: float = 0.0
    reason: str = ""


def outcome(collection_and_name: tuple[str, str]) -> Outcome:
    """Build a model, count it, and let torch count it, too."""
    collection, name = collection_and_name
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    network, inputs, published = COLLECTIONS[collection][1](name)
    network = network.eval()
    started = time.perf_counter()
    try:
        table = count(network, inputs)
    except Exception as error:
        return Outcome(name, "refused", reason=f"{type(error).__name__}: {error}".splitlines()[0][:160])
    return Outcome(
        name,
        "lower bound" if table.is_lower_bound else "counted",
        table.step,
        table.totals.parameters,
        table.totals.macs,
        sum(parameter.numel() for parameter in network.parameters()),
        macs_of_torch(network, inputs) if published is None else None,
        published,
        time.perf_counter() - started,
        why(table),
    )


def why(table: LayerTable) -> str:
    """Return why the figures are a lower bound."""
    unknown = ", ".join(sorted({each.operation for each in table.uncounted}))
    return "; ".join(filter(None, [table.failure[:160], unknown]))


def macs_of_torch(network: nn.Module, inputs: Inputs) -> int | None:
    """Return the MACs that FlopCounterMode finds, on the meta device if the weights are there; None if it fails."""
    if any(each.is_meta for each in network.parameters()):
        network = network.to("meta")
    device = next((each.device for each in network.parameters()), torch.device("cpu"))

    def made(value: InputTensor | torch.Tensor) -> torch.Tensor:
        return torch.zeros(tuple(value.shape), dtype=value.dtype, device=device)

    try:
        given = inputs.arguments(network, made)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(*given.positional, **given.named)
    except Exception:
        return None
    return int(counter.get_total_flops() // 2)


def torchvision_names() -> list[str]:
    import torchvision  # noqa: PLC0415

    return list(torchvision.models.list_models())


def torchvision_model(name: str) -> Built:
    """Build a model of any task of torchvision; its published figures are those of its first weights."""
    from torchvision import models  # noqa: PLC0415

    weights = next(iter(models.get_model_weights(name)), None)
    options: dict[str, Any] = {"weights": None}
    kind = models.get_model_builder(name).__module__.removeprefix("torchvision.models.").split(".")[0]
    if kind in {"detection", "segmentation"}:
        options["weights_backbone"] = None
    if kind == "segmentation" and not name.startswith("lraspp"):
        options["aux_loss"] = True
    if kind == "quantization":
        options["quantize"] = False
    if "googlenet" in name or "inception" in name:
        options["init_weights"] = False
    with unallocated():
        network = models.get_model(name, **options)
    keywords = getattr(getattr(weights, "transforms", None), "keywords", {}) if weights else {}
    side = keywords.get("crop_size") or keywords.get("resize_size") or 224
    shape: tuple[int, ...] = (3, *(side if isinstance(side, tuple) else (side, side)))
    if kind == "video":
        shape = (3, 16, *shape[1:])
    if kind == "detection":
        side = next((side for mark, side in DETECTION_SIDES.items() if mark in name), 800)
        shape = (3, side, side)
    if kind == "optical_flow":
        return network, Inputs(((3, 520, 960), (3, 520, 960))), None
    return network, Inputs((shape,)), weights.meta["_ops"] if weights else None


DETECTION_SIDES = {"ssd300": 300, "320": 320}


def timm_names() -> list[str]:
    import timm  # noqa: PLC0415

    return list(timm.list_models())


def timm_model(name: str) -> Built:
    import timm  # noqa: PLC0415

    try:
        with unallocated():
            network: nn.Module = timm.create_model(name)
    except Exception:  # a few read the values of their weights when they are built
        network = timm.create_model(name)
    config = timm.models.get_pretrained_cfg(name)
    return network, Inputs((tuple(config.input_size if config else (3, 224, 224)),)), None


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
        *("UPerNet", "Segformer"),
    ]


def segmentation_model(name: str) -> Built:
    network = getattr(importlib.import_module("segmentation_models_pytorch"), name)("resnet34", encoder_weights=None)
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

COLLECTIONS: dict[str, tuple[Callable[[], list[str]], Callable[[str], Built]]] = {
    "torchvision": (torchvision_names, torchvision_model),
    "timm": (timm_names, timm_model),
    "transformers": (transformers_names, transformers_model),
    "segmentation_models_pytorch": (segmentation_names, segmentation_model),
}


def lines(collection: str, outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield the row of a collection, and a line for each model that is not counted or differs."""
    found = sorted(outcomes, key=lambda each: each.name)
    fates, steps = Counter(each.fate for each in found), Counter(each.step for each in found)
    same = sum(each.parameters == each.expected_parameters for each in found)
    known = [each for each in found if expected(each) is not None]
    equal = sum(agrees(each) for each in known)
    yield (
        f"| {collection} | {len(found)} | {fates['counted']} | {fates['lower bound']} | {fates['refused']} | "
        f"{steps['shapes']} | {steps['fake tensors']} | {steps['forward pass']} | {same} of {len(found)} | "
        f"{equal} of {len(known)} |"
    )
    for each in found:
        if each.fate != "counted":
            yield f"- `{each.name}`: {each.fate} ({each.step}): {each.reason}"
        elif each.parameters != each.expected_parameters:
            yield f"- `{each.name}`: {each.parameters:,} parameters, torch has {each.expected_parameters:,}"
        if expected(each) is not None and not agrees(each):
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("collections", nargs="+", choices=list(COLLECTIONS))
    parser.add_argument("--only", default="", help="only models with this text in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    print(f"torch {torch.__version__}, Python {platform.python_version()}\n")
    print("| collection | models | counted | lower bound | refused | shapes | fake tensors | forward pass | "
          "parameters as torch | MACs as published or as torch |\n|---|" + "---|" * 9)  # fmt: skip
    for collection in options.collections:
        if importlib.util.find_spec(collection) is None:
            print(f"{collection} is not installed")
            continue
        names = [name for name in COLLECTIONS[collection][0]() if options.only in name]
        with multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=50) as pool:
            done = pool.imap_unordered(outcome, [(collection, name) for name in names])
            print("\n".join(lines(collection, done)), flush=True)


if __name__ == "__main__":
    main()
