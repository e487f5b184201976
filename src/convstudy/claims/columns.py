"""Which column claims what, told by its header."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convstudy.claims.table import Quantity
from convstudy.errors import ClaimError

PATTERNS: tuple[tuple[Quantity | str, str], ...] = (  # the first that fits a header decides
    ("input_shape", r"input[ _]?(shape|size)"),
    ("inputs", r"connected to"),
    ("kernel", r"kernel|filter[ _]?size|patch|window|^f$|^k$"),
    ("stride", r"strides?\b|^s$"),
    ("padding", r"pad(ding)?\b|^p$"),
    ("groups", r"^groups?$|^g$"),
    ("channels", r"^(#|no\.? of |number of |num )?\s*(filters|channels|maps|feature maps|units|neurons|depth)$"),
    (
        "macs",
        r"macs?\b|mul(t|tiply|tiplication)?[- _]?(adds?|acc|accumulates?)|madds?|flops?\b|multiplications|\bops\b",
    ),
    ("parameters", r"param|weights|#\s*w\b"),
    (
        "activation_size",
        r"activations?[ _]?size|^#?\s*(activations?|values|elements|neurons)$|^size$|(number of|#) activations",
    ),
    ("output_shape", r"shape|output[ _]?size|dimensions?|^output$|feature map"),
    ("kind", r"^(kind|type|op|operation|layer type)$"),
    ("label", r"layer|name|module|path|block|stage|^$"),
)
EXPECTED = "expected columns such as 'Activation shape', 'Activation size', '# parameters', 'MACs'"


def columns_of(header: Sequence[str], source: str) -> dict[str, int]:
    """What each column holds, by quantity; the first column names the layers, unknown columns are left alone.

    Raises:
        ClaimError: when no column claims anything, or two claim the same.

    >>> columns_of(["", "Activation shape", "Activation Size", "# parameters"], "homework.tsv")
    {'label': 0, 'output_shape': 1, 'activation_size': 2, 'parameters': 3}
    """
    found: dict[str, int] = {}
    for number, name in enumerate(header):
        quantity = quantity_of(name) if number else "label"
        if quantity is None or (quantity in {"label", "kind"} and quantity in found):
            continue
        if quantity in found:
            raise ClaimError(f"{source}: the columns {header[found[quantity]]!r} and {name!r} claim the same; keep one")
        found[quantity] = number
    if not found.keys() & {"output_shape", "activation_size", "parameters", "macs"}:
        names = ", ".join(repr(name[:30]) for name in header[:8])
        raise ClaimError(f"{source}: no column of {names} is known; {EXPECTED}")
    return found


def quantity_of(name: str) -> str | None:
    text = " ".join(re.sub(r"[_*]", " ", name.lower()).split())
    return next((quantity for quantity, pattern in PATTERNS if re.search(pattern, text)), None)


def unit_of(name: str) -> int:
    """What a header multiplies by: `params (M)`, `MACs [G]`, `parameters (x1000)`, `FLOPs (10^9)`."""
    text = name.lower()
    if match := re.search(
        r"[(\[]\s*(?:in\s+)?(k|m|g|b|thousands?|millions?|billions?)(?:acs?|params?|flops?)?\s*[)\]]", text
    ):
        return {"k": 10**3, "t": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}[match[1][0]]
    if match := re.search(r"10\s*\^?\s*\{?([369]|12)\}?\b", text):
        return int(10 ** int(match[1]))
    return 1000 if re.search(r"[x×]\s*1[,.]?000\b", text) else 1
