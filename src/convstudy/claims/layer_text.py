"""What a row's label says about its layer: `CONV1 (f=5, s=1)`, `conv3-64`, `8@5x5, pad=same`, `Conv2d: 1-1`."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import Literal

Padding = tuple[int, int] | Literal["same", "valid"]
Pair = tuple[int, int]

KINDS = (  # the first pattern that is found in the label decides
    ("total", r"^\W*(grand )?(total|sum|overall)\b"),
    ("input", r"^\W*(input|image|data)(?![- ]?gate)"),
    ("transposed convolution", r"transpos|deconv|up-?conv"),
    ("separable convolution", r"separable"),
    ("depthwise convolution", r"depth-?wise|dwconv"),
    ("norm", r"batch[\s_-]*norm|(?:^|[^a-z])bn(?![a-z])|group[\s_-]*norm"),
    ("local response norm", r"local[\s_-]*(?:response|resp)[\s_-]*norm|(?:^|[^a-z])lrn"),
    ("layer norm", r"layer[\s_-]*norm"),
    ("global pooling", r"global.*pool|(?:^|[^a-z])gap(?![a-z])"),
    ("adaptive pooling", r"adaptive"),
    ("pooling", r"pool|sub-?sampl|^s\d+\b"),
    ("flatten", r"flatten|reshape"),
    ("dropout", r"drop"),
    ("concatenation", r"concat|(?:^|[^a-z])cat(?![a-z])"),
    ("addition", r"(?:^|[^a-z])add(?![a-z])|residual sum|skip sum|shortcut sum"),
    ("convolution", r"conv|\bfilters\b|^c\d+\b|\d+\s*@\s*\d+\s*[x×]"),
    ("dense", r"(?:^|[^a-z])fc(?![a-z])|fully|dense|linear|logits|classifier|^f\d+\b|^\W*output"),
    ("softmax", r"soft-?max"),
    ("activation", r"re_?lu|elu|tanh|sigmoid|activation|swish|silu|mish|identity"),
)
POOLS = ("pooling", "global pooling", "adaptive pooling")
CONVOLUTIONS = ("convolution", "depthwise convolution")
WITHOUT_PARAMETERS = (
    *POOLS,
    "input",
    "flatten",
    "dropout",
    "concatenation",
    "addition",
    "activation",
    "local response norm",
)


@dataclass(frozen=True)
class LayerText:
    """A layer as far as it is stated; None where nothing is said."""

    kind: str = "other"
    kernel: Pair | None = None
    stride: Pair | None = None
    padding: Padding | None = None
    dilation: Pair | None = None
    groups: int | None = None
    channels: int | None = None
    bias: bool | None = None
    rounds_up: bool | None = None

    def joined(self, other: LayerText) -> LayerText:
        """This text, and what only `other` says."""
        said = {field.name: getattr(other, field.name) for field in fields(self) if getattr(self, field.name) is None}
        kind = other.kind if self.kind == "other" else self.kind
        return replace(self, kind=kind, **said)


def read_layer_text(label: str) -> LayerText:
    """Read a row's label.

    >>> read_layer_text("CONV1 (f=5, s=1)")  # doctest: +ELLIPSIS
    LayerText(kind='convolution', kernel=(5, 5), stride=(1, 1), padding=None, ...)
    >>> read_layer_text("conv3-64").channels
    64
    """
    text = " ".join(label.lower().split())
    kind = kind_of(text)
    kernel, channels = kernel_and_channels(text, kind)
    return LayerText(
        kind=kind,
        kernel=kernel,
        stride=pair_after(text, r"strides?|s") or slash_stride(text),
        padding=padding_in(text),
        dilation=pair_after(text, r"dilation|dilated|d"),
        groups=number_after(text, r"groups?|g"),
        channels=channels,
        bias=bias_in(text),
        rounds_up=True if re.search(r"\bceil(_mode)?\b(?!\s*=\s*false)", text) else None,
    )


def kind_of(text: str) -> str:
    """The kind of layer that a label names; a class in brackets counts before a name of the user's."""
    printed_class = re.search(r"\((\w+)\)\s*$", text)
    if printed_class and (found := first_kind(printed_class[1])):
        return found
    return first_kind(text) or ("convolution" if re.match(r"\d+\s*[x×]\s*\d+\b", text) else "other")


def first_kind(text: str) -> str | None:
    return next((kind for kind, pattern in KINDS if re.search(pattern, text)), None)


def kernel_and_channels(text: str, kind: str) -> tuple[Pair | None, int | None]:
    kernel = pair_after(text, r"f|k|kernels?|kernel[ _]size|filter[ _]size|window|pool[ _]size|size")
    channels = number_after(text, r"filters|channels|out[ _]?channels|maps|units|features|neurons|n|c|nc|out")
    if match := re.search(r"(\d+)\s*@\s*(\d+)\s*[x×]\s*(\d+)", text):
        return (int(match[2]), int(match[3])), channels or int(match[1])
    if match := re.search(r"conv(\d+)-(\d+)", text):  # VGG's notation (Simonyan & Zisserman 2014, Table 1)
        return (int(match[1]), int(match[1])), int(match[2])
    if match := re.search(r"fc-(\d+)", text):
        return None, int(match[1])
    if kernel is None and (match := re.search(r"(\d+)\s*[x×]\s*(\d+)(?!\s*[x×]\s*\d)", text)):
        kernel = (int(match[1]), int(match[2]))
    if channels is None and (
        match := re.search(r"(\d+)\s+(?:filters|channels|maps|units|features|neurons|kernels)", text)
    ):
        channels = int(match[1])
    if (
        channels is None
        and kind in CONVOLUTIONS
        and (match := re.search(r"[x×]\s*\d+(?:\s*conv\w*)?,\s*(\d+)\b(?!\s*[x×])", text))
    ):
        channels = int(match[1])  # the residual paper's notation: 3x3 conv, 64
    return kernel, channels


def pair_after(text: str, names: str) -> Pair | None:
    """`s=2`, `stride 2`, `s=2x1`, `kernel_size=(5, 3)`: one number or a pair; one letter needs its `=`."""
    pair = r"[(\[]?(\d+)(?:\s*[,x×]\s*(\d+)\s*[)\]]|[x×](\d+)\b)?"
    match = re.search(rf"(?<!\w)(?:(?:{names})\s*[=:]\s*|(?:{longer(names)})\s+(?:of\s+)?){pair}", text)
    return (int(match[1]), int(match[2] or match[3] or match[1])) if match else None


def number_after(text: str, names: str) -> int | None:
    match = re.search(rf"(?<!\w)(?:{names})\s*[=:]\s*(\d+)", text)
    return int(match[1]) if match else None


def longer(names: str) -> str:
    return "|".join(name for name in names.split("|") if len(name) > 1)


def slash_stride(text: str) -> Pair | None:
    """`pool /2` (He et al. 2015, Figure 3) and `7x7/2` (Szegedy et al. 2014, Table 1)."""
    match = re.search(r"/\s?(\d+)\b", text)
    return (int(match[1]), int(match[1])) if match else None


def padding_in(text: str) -> Padding | None:
    if match := re.search(r"\b(same|valid)\b", text):
        return "same" if match[1] == "same" else "valid"
    return pair_after(text, r"pad|padding|p")


def bias_in(text: str) -> bool | None:
    if re.search(r"no[ -]bias|without bias|bias\s*=\s*(?:false|no|0)|bias-free", text):
        return False
    return True if re.search(r"with bias|bias\s*=\s*(?:true|yes|1)", text) else None
