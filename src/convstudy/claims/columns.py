"""The quantity of each column, recognized by its header and its cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from convstudy.claims.cell_text import plain_text
from convstudy.claims.layer_kind import LayerKind, first_kind
from convstudy.claims.printed_number import NOTHING
from convstudy.claims.printed_shape import read_extents
from convstudy.claims.table import Quantity
from convstudy.errors import ClaimError

PATTERNS: tuple[tuple[Quantity | str, str], ...] = (  # the first pattern found in a header decides
    (
        "ignored",
        r"%|percent|share|anteil|\btime\b|latency|memory|\bmb\b|\bkb\b|\bbytes?\b|trainable\??$|\bmode\b|dtype",
    ),
    (
        "input_shape",
        r"input[ _]?(shape|size|dim)|in[ _]sizes?|^in(put)?s?$|eingabe(form|größe|groesse)|输入(尺寸|形状|大小)",
    ),
    ("inputs", r"connected to|previous layer|bottom"),
    (
        "kernel",
        r"kernel|filter[ _]?(size|shape)|patch|window|^f$|^k$|kernelgr[öo]|filtergr[öo]|noyau|núcleo|"
        r"卷积核(大小|尺寸|\s*[/和、及])|池化核",
    ),
    ("stride", r"strides?\b|^s$|schrittweite|^pas$|paso|步长|步幅"),
    ("padding", r"pad(ding)?\b|^p$|auff[üu]llung|remplissage|relleno|填充"),
    ("dilation", r"dilat|^d$|膨胀|空洞"),
    ("groups", r"^groups?$|^g$|gruppen|groupes|grupos|分组"),
    (
        "channels",
        r"^(#|no\.? of |number of |num |anzahl |nombre de |número de )?\s*"
        r"(filters?(?:\s*/\s*(?:neurons|units))?|channels|maps|"
        r"feature maps|units|neurons|depth|kanäle|neuronen|filtres|canaux|filtros|canales)$"
        r"|(通道|滤波器|卷积核)(数|个数|数量)?$",
    ),
    (
        "macs",
        r"macs?\b|mul(t|tiply|tiplication)?[- _]?(adds?|acc|accumulates?)|madds?|flops?\b|multiplications|\bops\b|"
        r"multiplikation|计算量|浮点",
    ),
    ("biases", r"^(#|no\.? of |number of |num )?\s*(bias(es)?)\b|^偏置|偏置(数|参数)"),
    ("ignored", r"learnable (properties|sizes)"),
    ("weights", r"^(#|no\.? of |number of |num )?\s*(weights?|w)\b|^gewichte$|^poids$|^pesos$|^权重"),
    (
        "parameters",
        r"par[aáâ]m|weights|learnables?|#\s*w\b|paramètres|参数|パラメータ",
    ),
    (
        "activation_size",
        r"activations?[ _]?size|^#?\s*(activations?|values|elements|neurons)$|^size$|(number of|#) activations|"
        r"aktivierungen|aktivierungsgr|taille(?! de (la )?sortie)|tama[ñn]o de activ|激活(数|大小|值)|神经元(数|个数)",
    ),
    (
        "output_shape",
        r"shape|output[ _]?(size|dim)|out[ _]sizes?|dimensions?|^out(put)?s?$|feature map|ausgabe(form|größe|groesse)?|"
        r"^form$|forme|sortie|salida|saída|uscita|forma|dimensi|尺寸|形状|输出|出力",
    ),
    ("kind", r"^(kind|type|op|operation|layer type|class|module|typ|tipo|art|tipo de capa|类型|层类型)$"),
    ("label", r"layer|name|module|path|block|stage|schicht|couche|capa|camada|nom\b|nombre|层|^$|^#$"),
)
CLAIMS = ("output_shape", "activation_size", "parameters", "weights", "biases", "macs")
ACTIVATION_FUNCTIONS = re.compile(
    r"re?_?lu6?|leaky ?relu|elu|gelu|selu|swish|silu|tanh|sigmoid|soft-?max|linear|none|identity|-|–|—|", re.IGNORECASE
)
PLAIN_NUMBER = re.compile(r"[~≈]?\s*[\d.,' ]+\s*[kKmMgG]?")
WINDOW = re.compile(r"\d{1,2}\s*[x×*]\s*\d{1,2}(\s*[/,;]\s*\d{1,2})?")  # a kernel, perhaps with its stride
EXPECTED = "expected columns such as 'Activation shape', 'Activation size', '# parameters', 'MACs'"


def columns_of(header: Sequence[str], source: str, rows: Sequence[Sequence[str]] = ()) -> dict[str, int]:
    """Return the column of each quantity; unknown columns are left out.

    The cells decide between shapes and sizes, and which column names the layers.

    Raises:
        ClaimError: if no column claims a number or shape.

    >>> columns_of(["", "Activation shape", "Activation Size", "# parameters"], "homework.tsv")
    {'label': 0, 'output_shape': 1, 'activation_size': 2, 'parameters': 3}
    >>> columns_of(["#", "Layer", "Size"], "notes.md", [["1", "conv", "8x28x28"]])
    {'label': 1, 'output_shape': 2}
    """
    columns = [[plain_text(row[number]) for row in rows if number < len(row)] for number in range(len(header))]
    label = label_column(header, columns)
    found: dict[str, int] = {"label": label}
    for number, name in enumerate(header):
        quantity = "label" if number == label else refined(quantity_of(name), columns[number], name)
        if quantity is None or number == label or quantity in {"label", "ignored"}:
            continue
        if quantity in found and quantity not in CLAIMS:
            continue
        if quantity in found and not is_better(quantity, name, header[found[quantity]]):
            continue
        found[quantity] = number
    if "weights" in found and not found.keys() & {"parameters", "biases"}:
        found["parameters"] = found.pop("weights")
    if not found.keys() & {*CLAIMS, "input_shape"}:
        names = ", ".join(repr(name[:30]) for name in header[:8])
        raise ClaimError(f"{source}: no column of {names} is known; {EXPECTED}")
    return {quantity: found[quantity] for quantity in sorted(found, key=found.__getitem__)}


def is_better(quantity: str, name: str, other: str) -> bool:
    """Return whether the later of two columns of one quantity replaces the first: a total, or a plainer name."""
    return quantity == "parameters" and "total" in name.lower() and "total" not in other.lower()


def label_column(header: Sequence[str], columns: Sequence[Sequence[str]]) -> int:
    """Return the column that names the layers: the first, unless it only numbers the rows."""
    numbered = bool(columns and columns[0]) and all(re.fullmatch(r"[(#]?\d*[.)]?|-", cell) for cell in columns[0])
    known = quantity_of(header[0])
    if not numbered and known in {None, "label", "kind"}:
        others = [number for number, name in enumerate(header) if number and quantity_of(name) == "label"]
        named = [number for number in others if named_layers(columns[number])]
        return named[0] if named and not named_layers(columns[0]) else 0  # beside a column of blocks or stages
    for wanted in ("label", "kind"):
        for number, name in enumerate(header):
            if number and quantity_of(name) == wanted and not all_numbers(columns[number]):
                return number
    words = [number for number, cells in enumerate(columns) if number and cells and named_layers(cells)]
    return words[0] if numbered and words else 0


def all_numbers(cells: Sequence[str]) -> bool:
    return bool(cells) and all(re.fullmatch(r"[\d.,]*", cell) for cell in cells)


def named_layers(cells: Sequence[str]) -> bool:
    """Return whether at least half of the cells name a kind of layer."""
    kinds = [first_kind(cell.lower()) for cell in cells]
    return 2 * sum(kind not in {None, LayerKind.OTHER} for kind in kinds) >= len(cells)


def refined(quantity: str | None, cells: Sequence[str], name: str) -> str | None:
    """Return the quantity of a column after a look at its cells: shapes are no sizes, names of functions no numbers."""
    full = [cell for cell in cells if cell.casefold() not in NOTHING]
    if not full:
        return quantity
    if all(cell.endswith("%") for cell in full) or (quantity == "activation_size" and are_functions(full)):
        return "ignored"
    if quantity == "channels" and are_most(full, lambda cell: WINDOW.fullmatch(cell) is not None):
        return "kernel"
    shapes = sum(map(is_shape, full))
    if quantity in {"activation_size", "channels", "macs", "parameters", None} and 2 * shapes > len(full):
        return "output_shape" if quantity in {"activation_size", "channels"} else quantity
    plain = (
        quantity == "output_shape" and not shapes and are_most(full, lambda cell: bool(PLAIN_NUMBER.fullmatch(cell)))
    )
    if plain and re.search(r"size", name, re.IGNORECASE):
        return "activation_size" if any(len(cell) > 3 for cell in full) else quantity
    return "channels" if plain and re.fullmatch(r"outs?", name.strip(" :").lower()) else quantity


def are_functions(cells: Sequence[str]) -> bool:
    return are_most(cells, lambda cell: ACTIVATION_FUNCTIONS.fullmatch(cell.strip()) is not None)


def are_most(cells: Sequence[str], matches: Callable[[str], bool]) -> bool:
    return 2 * sum(map(matches, cells)) > len(cells)


def is_shape(text: str) -> bool:
    """Return whether a cell is a shape of at least two extents, rather than a number with separators."""
    if "=" in text or re.fullmatch(r"\d{1,3}(,\d{3})+", text):
        return False
    try:
        extents = read_extents(text)
    except ClaimError:
        return False
    return extents is not None and len(extents) > 1


def quantity_of(name: str) -> str | None:
    """Return the quantity that a header names; None if it is unknown."""
    text = " ".join(re.sub(r"[_*]", " ", name.lower()).split()).strip(": ")
    return next((quantity for quantity, pattern in PATTERNS if re.search(pattern, text)), None)


def unit_of(name: str) -> int:
    """Return the factor in a header: `params (M)`, `GMACs`, `MACs [G]`, `parameters (x1000)`, `FLOPs (10^9)`.

    >>> [unit_of(name) for name in ("params (M)", "GFLOPs", "Mult-Adds (M)", "parameters")]
    [1000000, 1000000000, 1000000, 1]
    """
    text = name.lower()
    scales = {"k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}
    if match := re.search(
        r"[(\[]\s*(?:in\s+)?(thousands?|k|m|g|b|millions?|mio\.?|billions?|mrd\.?)(?:acs?|params?|flops?)?\s*[)\]]",
        text,
    ):
        return 10**3 if match[1].startswith("th") else 10**9 if match[1].startswith("mrd") else scales[match[1][0]]
    if match := re.search(r"(?:^|[^a-z])([kmgt])(?:flops?|macs?|madds?|params?|-?mult)", text):
        return scales[match[1]]
    if match := re.search(r"10\s*\^?\s*\{?([369]|12)\}?\b", text):
        return int(10 ** int(match[1]))
    return 1000 if re.search(r"[x×]\s*1[,.]?000\b", text) else 1


def counts_operations(name: str) -> bool:
    """Return whether a header counts floating-point operations, of which a multiply-accumulate is one or two."""
    return re.search(r"flop|\bops\b|multiplications|浮点", name.lower()) is not None
