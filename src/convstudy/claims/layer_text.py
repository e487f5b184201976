"""The settings of a layer in a row's label: `CONV1 (f=5, s=1)`, `conv3-64`, `8@5x5, pad=same`, `Conv2d: 1-1`."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import Literal

from convstudy.claims.layer_kind import LayerKind, kind_of

Padding = tuple[int, int] | Literal["same", "valid"]
Pair = tuple[int, int]

POOLS = (LayerKind.POOLING, LayerKind.GLOBAL_POOLING, LayerKind.ADAPTIVE_POOLING)
CONVOLUTIONS = (LayerKind.CONVOLUTION, LayerKind.DEPTHWISE)
WINDOW_KINDS = (*CONVOLUTIONS, LayerKind.SEPARABLE, LayerKind.TRANSPOSED, LayerKind.POOLING, LayerKind.OTHER)
WEIGHTED = (*CONVOLUTIONS, LayerKind.SEPARABLE, LayerKind.TRANSPOSED, LayerKind.DENSE)
JOINABLE = (
    LayerKind.NORM,
    LayerKind.ACTIVATION,
    LayerKind.SOFTMAX,
    LayerKind.POOLING,
    LayerKind.GLOBAL_POOLING,
    LayerKind.DROPOUT,
    LayerKind.FLATTEN,
)


@dataclass(frozen=True)
class LayerText:
    """The stated settings of a layer; None if a setting is not stated.

    `joined` are operations that the same row lists after the layer: `Conv 3x3, 16 + BN + ReLU`.
    """

    kind: str = LayerKind.OTHER
    _: KW_ONLY
    kernel: Pair | None = None
    stride: Pair | None = None
    padding: Padding | None = None
    dilation: Pair | None = None
    groups: int | None = None
    channels: int | None = None
    bias: bool | None = None
    rounds_up: bool | None = None
    vocabulary: int | None = None
    bidirectional: bool = False
    joined: tuple[LayerText, ...] = ()

    def completed(self, other: LayerText) -> LayerText:
        """Return these settings, completed by those that only `other` states."""
        stated = {each.name: getattr(other, each.name) for each in fields(self) if getattr(self, each.name) is None}
        kind = other.kind if self.kind == LayerKind.OTHER else self.kind
        return replace(self, **{**stated, "kind": kind})


def read_layer_text(label: str) -> LayerText:
    """Read the settings in a row's label.

    >>> read_layer_text("CONV1 (f=5, s=1)")  # doctest: +ELLIPSIS
    LayerText(kind=<LayerKind.CONVOLUTION: 'convolution'>, kernel=(5, 5), stride=(1, 1), padding=None, ...)
    >>> read_layer_text("conv3-64").channels
    64
    >>> [part.kind.value for part in read_layer_text("Conv 3x3, 16 + BN + ReLU").joined]
    ['norm', 'activation']
    """
    text = " ".join(label.lower().split())
    parts = [part.strip() for part in re.split(JOINING, text) if part.strip()]
    first = next((number for number, part in enumerate(parts) if kind_of(part) in WEIGHTED), 0)
    joined = tuple(read_part(part) for part in parts[first + 1 :])
    if len(parts) < 2 or not joined or not all(other.kind in JOINABLE for other in joined):
        return read_part(text)
    return replace(read_part(parts[first]), joined=joined)


JOINING = (
    r"\s*(?:\s\+\s|\+(?=[a-z])|→|⟶|->|\s&\s|\s/\s(?=[a-z])(?!\s*s\d)|-(?=bn\b|relu\b|batch)|\bfollowed by\b|"
    r",\s*(?=(?:batch ?norm|bn|relu|tanh|max ?pool|avg ?pool)))\s*"
)


def read_part(text: str) -> LayerText:
    """Read the settings of one operation from a text in lower case."""
    kind = kind_of(text)
    kernel, channels = kernel_and_channels(text, kind)
    return LayerText(
        kind=kind,
        kernel=kernel,
        stride=pair_after(text, r"strides?|s|schrittweite|paso|pas|步长|步幅") or slash_stride(text),
        padding=padding_in(text),
        dilation=pair_after(text, r"dilation|dilated|d"),
        groups=number_after(text, r"groups?|g"),
        channels=channels,
        bias=bias_in(text),
        rounds_up=True if re.search(r"\bceil(_mode)?\b(?!\s*=\s*false)", text) else None,
        vocabulary=vocabulary_in(text) if kind == LayerKind.EMBEDDING else None,
        bidirectional=re.search(r"bidirectional|(?:^|[^a-z])bi-?(?:lstm|gru|rnn)", text) is not None,
    )


def vocabulary_in(text: str) -> int | None:
    """Return the number of entries of an embedding: `Embedding(10000, 64)`, `vocab=10000`."""
    stated = number_after(text, r"vocab(?:ulary)?(?:[_ ]size)?|num_embeddings|input_dim|entries")
    match = re.search(r"\(\s*(\d+)\s*,\s*\d+\s*\)|(\d+)\s*[x×]\s*\d+", text)
    return stated or (int(match[1] or match[2]) if match else None)


CHANNEL_NAMES = (
    r"filters|channels|out[ _]?channels|maps|units|features|neurons|hidden(?:[ _]size)?|dim|n|c|nc|out|filtros|"
    r"filtres|neuronen|kanäle|滤波器|卷积核|神经元"
)
COUNTED_NOUNS = (
    r"filters?|channels|maps|units?|features|neurons|kernels|kanäle|neuronen|filtros|neuronas|canales|filtres|"
    r"neurones|canaux|hidden|个?卷积核|个?神经元|个?滤波器"
)
FEWEST_IN_NOTATION = 8  # `conv3-64` states channels, `conv1-2` only counts the layers


def kernel_and_channels(text: str, kind: LayerKind) -> tuple[Pair | None, int | None]:
    """Return the stated kernel and output channels or units."""
    kernel = pair_after(text, r"f|k|kernels?|kernel[ _]size|filter[ _]size|window|pool[ _]size|size|核")
    channels = number_after(text, CHANNEL_NAMES)
    if match := re.search(r"(\d+)\s*@\s*(\d+)\s*[x×]\s*(\d+)", text):
        return (int(match[2]), int(match[3])), channels or int(match[1])
    match = re.search(r"conv(\d+)-(\d+)\b", text)  # VGG's notation (Simonyan & Zisserman 2014, Table 1)
    if match and int(match[2]) >= FEWEST_IN_NOTATION:
        return (int(match[1]), int(match[1])), int(match[2])
    if match := re.search(r"fc-(\d+)", text):
        return None, int(match[1]) if int(match[1]) >= FEWEST_IN_NOTATION else channels
    called, units = called_with(text, kind)
    kernel, channels = kernel or called, channels or units
    if kind not in WINDOW_KINDS:
        kernel = None
    elif kernel is None and (match := re.search(r"(?<![\d.x×])(\d+)\s*[x×]\s*(\d+)(?!\d)(?!\s*[x×]\s*\d)", text)):
        kernel = (int(match[1]), int(match[2]))
    counted = rf"(?<![\d.x×])(\d+)\s*(?:\d+\s*[x×]\s*\d+\s*)?(?:{COUNTED_NOUNS})"
    if channels is None and (match := re.search(counted, text)):
        channels = int(match[1])
    if (
        channels is None
        and kind in CONVOLUTIONS
        and (match := re.search(r"[x×]\s*\d+(?:\s*conv\w*)?,\s*(\d+)\b(?!\s*[x×])", text))
    ):
        channels = int(match[1])  # the residual paper's notation: 3x3 conv, 64
    return kernel, channels


KERNEL_ARGUMENT = r"(?:kernel_size\s*=\s*)?\(?\s*(\d+)(?:\s*,\s*(\d+)\s*\))?"


def called_with(text: str, kind: LayerKind) -> tuple[Pair | None, int | None]:
    """Return kernel and channels of a constructor call: `Conv2D(32, (3, 3))`, `MaxPool2d(2)`, `Linear(320, 50)`."""
    if kind in {LayerKind.DENSE, LayerKind.RECURRENT}:
        match = re.search(r"(?:dense|linear|fc\d*|lstm|gru|rnn)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?[,)]", text)
        return None, int(match[2] or match[1]) if match else None
    if kind in CONVOLUTIONS and (match := re.search(rf"nn\.conv\dd\(\s*\d+\s*,\s*(\d+)\s*,\s*{KERNEL_ARGUMENT}", text)):
        return (int(match[2]), int(match[3] or match[2])), int(match[1])  # torch's: input channels first
    if kind in CONVOLUTIONS and (match := re.search(r"conv\w*\(\s*(\d+)\s*,\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)", text)):
        return (int(match[2]), int(match[3])), int(match[1])
    if kind == LayerKind.POOLING and (match := re.search(r"pool\w*\(\s*\(?\s*(\d+)(?:\s*,\s*(\d+)\s*\))?", text)):
        return (int(match[1]), int(match[1])), None
    return None, None


def pair_after(text: str, names: str) -> Pair | None:
    """Return the number or pair after a name: `s=2`, `stride 2`, `kernel_size=(5, 3)`; one letter needs its `=`."""
    pair = r"[(\[]?(\d+)(?:\s*[,x×]\s*(\d+)\s*[)\]]|[x×](\d+)\b)?"
    match = re.search(rf"(?<!\w)(?:(?:{names})\s*[=:]\s*|(?:{longer(names)})\s+(?:of\s+)?){pair}", text)
    return (int(match[1]), int(match[2] or match[3] or match[1])) if match else None


def number_after(text: str, names: str) -> int | None:
    match = re.search(rf"(?<!\w)(?:{names})\s*[=:]\s*(\d+)", text)
    return int(match[1]) if match else None


def longer(names: str) -> str:
    return "|".join(name for name in names.split("|") if len(name) > 1)


def slash_stride(text: str) -> Pair | None:
    """Return the stride of `pool /2` (He et al. 2015, Figure 3) or `7x7/2` (Szegedy et al. 2014, Table 1)."""
    match = re.search(r"/\s?s?(\d+)\b", text)
    return (int(match[1]), int(match[1])) if match else None


def padding_in(text: str) -> Padding | None:
    if match := re.search(r"\b(same|valid)\b", text):
        return "same" if match[1] == "same" else "valid"
    return pair_after(text, r"pad|padding|p|relleno|remplissage|auff[üu]llung|填充")


def bias_in(text: str) -> bool | None:
    if re.search(r"no[ -]bias|without bias|bias\s*=\s*(?:false|no|0)|bias-free", text):
        return False
    return True if re.search(r"with bias|bias\s*=\s*(?:true|yes|1)", text) else None
