"""Networks of Hugging Face's transformers, built from their configuration; their weights are never fetched."""

from __future__ import annotations

import importlib
import inspect
import socket
from collections.abc import Callable, Collection, Iterator
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from torch import nn

from convstudy.errors import ModelError, UnknownNameError, optional_module
from convstudy.zoo.architecture import Architecture, ExampleInput

FAMILIAR = ["bert", "clip", "vit"]  # types named if no other is close
TOKENS = 128  # of a text
SIDE = 224  # of an image, if the configuration has no size
SAMPLES = 16_000  # of sound: one second at 16 kHz
SECONDS_TO_REACH = 5  # the hub
FRAMES = 3_000  # of a spectrogram: 30 seconds at 100 Hz


def transformers_architecture(name: str) -> Architecture:
    """Return a network of transformers with the inputs of its configuration.

    `name` is a model type (`vit`), a class (`ViTForImageClassification`), both with their default configuration, or a
    folder, a JSON file or a repository of the hub with a configuration (`google/vit-base-patch16-224`), of which
    nothing else is fetched.

    Raises:
        ToolError: if transformers is not installed.
        UnknownNameError: if there is no such network; the message names the closest one.
        ModelError: if the configuration cannot be read.
    """
    transformers = optional_module("transformers", extra="transformers", purpose=f"hf:{name}")
    configuration, kind = _found(transformers, name)
    return Architecture(
        name=f"hf:{name}",
        layers=partial(_network, transformers, configuration, kind),
        title=f"{kind.__name__} of transformers",
        source=f"transformers {transformers.__version__}",
        input_shape=(3, SIDE, SIDE),
        num_classes=max(configuration.num_labels, 1),
        task="transformers",
        inputs=tuple(_inputs(configuration, kind)),
    )


def _found(transformers: Any, name: str) -> tuple[Any, type[nn.Module]]:
    """Return a configuration and the class of its network."""
    kind: Any = getattr(transformers, name, None) if name.isidentifier() else None
    own = getattr(kind, "config_class", None)
    if own is not None and isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel):
        return own(), kind
    types = list(transformers.CONFIG_MAPPING.keys())
    if name in types:
        configuration = transformers.AutoConfig.for_model(name)
        return configuration, _class_of(transformers, configuration, name)
    if "/" not in name and not Path(name).exists():
        raise _unknown(transformers, name, types)
    unreachable = None if Path(name).exists() else _unreachable_hub()
    try:
        configuration = transformers.AutoConfig.from_pretrained(name, local_files_only=unreachable is not None)
    except Exception as error:  # transformers, its hub and its parser raise any of a dozen errors
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if unreachable is not None:
            reason = f"{unreachable} cannot be reached, and the configuration is not in the local cache"
        raise ModelError(f"hf:{name}: its configuration cannot be read: {reason[:200]}") from None
    named = [getattr(transformers, each, None) for each in getattr(configuration, "architectures", None) or ()]
    stated = next((each for each in named if isinstance(each, type)), None)
    return configuration, stated or _class_of(transformers, configuration, name)


def _unreachable_hub() -> str | None:
    """Return the host of the hub if it cannot be reached, which its own client takes half a minute to find out.

    Behind a proxy, only the client can tell.
    """
    try:
        constants: Any = importlib.import_module("huggingface_hub.constants")
    except ImportError:
        return None
    address = urlsplit(constants.ENDPOINT)
    host = address.hostname or ""
    if getproxies().keys() & {address.scheme, "all"}:
        return None
    try:
        socket.create_connection((host, address.port or 443), timeout=SECONDS_TO_REACH).close()
    except OSError:
        return host
    return None


def _unknown(transformers: Any, name: str, types: list[str]) -> UnknownNameError:
    classes = [key for key in dir(transformers) if key.endswith("Model") or "ModelFor" in key or "For" in key]
    near = get_close_matches(name, types, n=1) or get_close_matches(name, set(classes) - {name}, n=1)
    hint = f"{len(types) - len(FAMILIAR)} more types, the names of classes, and repositories of the hub"
    return UnknownNameError("network of transformers", name, near or FAMILIAR, hint=hint)


def _class_of(transformers: Any, configuration: Any, name: str) -> type[nn.Module]:
    """Return the class of the network without a head for a configuration, or of any other if there is none."""
    others = sorted(key for key in dir(transformers) if key.startswith("MODEL_FOR_") and key.endswith("_MAPPING"))
    for mapping in ("MODEL_MAPPING", *others):
        try:
            kind: Any = getattr(transformers, mapping)[type(configuration)]
        except (AttributeError, KeyError, TypeError):
            continue
        first = kind[0] if isinstance(kind, (tuple, list)) else kind
        if isinstance(first, type) and issubclass(first, nn.Module):
            return first
    raise ModelError(f"hf:{name} is a configuration without a network; expected the name of a class of transformers")


def _network(transformers: Any, configuration: Any, kind: Any, num_classes: int, _: int) -> nn.Module:
    """Build a network; the channels are those of the configuration."""
    own = configuration.__class__.from_dict(configuration.to_dict())
    if num_classes != own.num_labels:
        own.num_labels = num_classes
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        network: nn.Module = kind(own)
    finally:
        transformers.logging.set_verbosity(level)
    return network


def _inputs(configuration: Any, kind: Any) -> Iterator[ExampleInput]:
    """Yield the inputs that a network needs, by their names."""
    parameters = inspect.signature(kind.forward).parameters
    modalities = getattr(kind, "input_modalities", ())
    modalities = {modalities} if isinstance(modalities, str) else set(modalities)
    main = getattr(kind, "main_input_name", "input_ids")
    if kind.__name__ in OF_FEATURES:
        features = (TOKENS, configuration.hidden_size)
        yield from (ExampleInput(features, None, name) for name in OF_FEATURES[kind.__name__])
        return
    if main == "input_ids" and "input_ids" in parameters and _replaces_tokens(configuration, parameters):
        yield ExampleInput(_tokens(configuration), "int64", "input_ids")
        return
    for name, (modality, shape, dtype) in INPUTS.items():
        if name in parameters and (name == main or (modality in modalities and name not in OF_MAIN_ONLY)):
            yield ExampleInput(shape(configuration), dtype, name)
    if configuration.is_encoder_decoder and "decoder_input_ids" in parameters:
        yield ExampleInput(_tokens(configuration), "int64", "decoder_input_ids")


def _replaces_tokens(configuration: Any, parameters: Collection[str]) -> bool:
    """Return whether images are put in the place of tokens of the text, which an input without values does not have."""
    named = any(getattr(configuration, name, None) is not None for name in ("image_token_id", "image_token_index"))
    return named or "image_grid_thw" in parameters


def _setting(configuration: Any, part: str, name: str) -> Any:
    """Return a setting of a configuration or, if it has none, of its part for one kind of input."""
    for each in (configuration, getattr(configuration, part, None), getattr(configuration, "backbone_config", None)):
        found = each.get(name) if isinstance(each, dict) else getattr(each, name, None)
        if found:
            return found
    return None


def _tokens(configuration: Any) -> tuple[int, ...]:
    longest = _setting(configuration, "text_config", "max_position_embeddings")
    return (min(TOKENS, longest) if isinstance(longest, int) and longest > 0 else TOKENS,)


def _image(configuration: Any) -> tuple[int, ...]:
    channels = _setting(configuration, "vision_config", "num_channels")
    side = _setting(configuration, "vision_config", "image_size") or SIDE
    frames = _setting(configuration, "vision_config", "num_frames")
    size = tuple(side) if isinstance(side, (list, tuple)) else (side, side)
    return (*((frames,) if isinstance(frames, int) else ()), channels if isinstance(channels, int) else 3, *size)


def _sound(configuration: Any) -> tuple[int, ...]:
    """Return the shape of a waveform or, where `input_values` is a spectrogram, of that."""
    spectrogram = [_setting(configuration, "audio_config", name) for name in ("max_length", "num_mel_bins")]
    if all(spectrogram):
        return tuple(spectrogram)
    channels = getattr(configuration, "audio_channels", None)  # of a codec
    return (SAMPLES,) if channels is None else (channels, SAMPLES)


def _spectrogram(configuration: Any) -> tuple[int, ...]:
    bands = _setting(configuration, "audio_config", "num_mel_bins") or 80
    side = _setting(configuration, "audio_config", "spec_size")  # of the square image to which frames are folded
    if side:
        return (1, side * (side // bands), bands)
    positions = _setting(configuration, "audio_config", "max_source_positions")
    return (bands, 2 * positions if isinstance(positions, int) else FRAMES)


INPUTS: dict[str, tuple[str, Callable[[Any], tuple[int, ...]], str | None]] = {
    "input_ids": ("text", _tokens, "int64"),
    "pixel_values": ("image", _image, None),
    "pixel_values_videos": ("video", _image, None),
    "input_values": ("audio", _sound, None),
    "input_features": ("audio", _spectrogram, None),
}
OF_FEATURES = {"SpeechT5Model": ("input_values", "decoder_input_values")}
"""Networks whose inputs are features of the hidden size, because they are without the layers in front."""
OF_MAIN_ONLY = {"pixel_values_videos", "input_values"}
