"""Inputs for fuzzing: files of each kind that convstudy reads, broken in their bytes or in their structure."""

from __future__ import annotations

import io
import json
import pickle
import random
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image


class Files(dict[str, bytes]):
    """The files of an input, by their paths."""

    def __repr__(self) -> str:
        return f"<{len(self)} files>"  # Hypothesis prints inputs, which may be large


MARK = "pickled-code-ran"  # the file that pickled code makes, if it is run
TOKENS = [
    *(b"\x00", b"\xff", b"\xff" * 8, b"\x00" * 8, b"\x7f\xff\xff\xff", b"\x00\x00\x00\x80", b"\r", b"\n", b"\t"),
    *(b"NaN", b"1e999", b"-1", b"0", b"9" * 25, b"1e-400", b"null", b"true", b"{", b"}", b"[", b"]", b'"', b"'", b","),
    *(b";", b"|", b"&a ", b"*a", b"<<: *a", b"!!python/object/apply:os.system ['touch pickled-code-ran']", b"? "),
    *(b": ", b"---\n", b"\\", b"\\multirow{99999}{", b"\\multicolumn{99999}{c}{", b"<td colspan=99999>", b"<table>"),
    *("\u202e\u2066".encode(), "\ufeff".encode(), "×²½".encode(), b"\x1b[2J", b"\xed\xa0\x80", b"99999x99999"),
    *(b"()" * 40, b"((((((((((((((((", b"[/b][bold]", b"=cmd|' /C calc'!A0", b"../../../../", b"/dev/zero", b"3x3"),
    *(b"*" * 60, b"x" * 300),
]
KINDS = ["flip", "set", "insert", "delete", "repeat", "cut", "token", "swap"]


class Bomb:
    """An object whose pickle makes a file when it is loaded."""

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (MARK, "w")


def changed(data: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    """Return data after changes: of what kind, where (in 2**24ths of the length), and how."""
    content = bytearray(data)
    for kind, at, how in changes:
        place = at * len(content) >> 24
        length = 1 + how % 64
        match kind:
            case "flip" if content:
                content[place] ^= 1 << how % 8
            case "set" if content:
                content[place] = how % 256
            case "insert":
                content[place:place] = bytes([how % 256]) * length
            case "delete":
                del content[place : place + length]
            case "repeat":
                content[place:place] = content[place : place + 8 * length] * (1 + how // 64 % 40)
            case "cut":
                del content[place:]
            case "token":
                content[place:place] = TOKENS[how % len(TOKENS)]
            case "swap":
                part = content[place : place + length]
                del content[place : place + length]
                there = how * 7919 % (len(content) + 1)
                content[there:there] = part
    return bytes(content)


CHANGES = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 2**24 - 1), st.integers(0, 2**16)), min_size=1, max_size=6
)
TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from([token.decode("latin-1") for token in TOKENS]),
    st.sampled_from(["net", "cpu", "accuracy", "1", "", "nan", "\ud800", "a\x00b", "0.1..0.3", "constant", "=1+1"]),
)
NUMBERS = st.one_of(
    st.integers(-3, 12),
    st.sampled_from([2**31, 2**32, 2**63, 2**64, -(2**63), 10**30, 10**400]),
    st.floats(),
    st.sampled_from([0.1, 1e-300, 1e300, -0.0]),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=8,
)
EDITS = st.lists(st.tuples(st.lists(st.integers(0, 40), max_size=6), st.sampled_from("=-+"), VALUES), max_size=4)


def edited(value: Any, path: list[int], how: str, new: Any) -> Any:
    """Return JSON-like data with one part replaced (=), removed (-), or added to (+); the path counts its keys."""
    keys = (
        sorted(value, key=str) if isinstance(value, Mapping) else range(len(value)) if isinstance(value, list) else ()
    )
    if not path or not keys:
        return [value, new] if how == "+" else new
    key: Any = keys[path[0] % len(keys)]
    copied: Any = dict(value) if isinstance(value, Mapping) else list(value)
    if len(path) == 1 and how == "-":
        del copied[key]
    elif len(path) == 1 and how == "+" and isinstance(copied, dict):
        copied[f"{key}+"] = new
    else:
        copied[key] = edited(value[key], path[1:], how, new)
    return copied


def all_edited(value: Any, edits: list[tuple[list[int], str, Any]]) -> Any:
    """Return JSON-like data after several edits."""
    for path, how, new in edits:
        value = edited(value, path, how, new)
    return value


def images() -> Files:
    """Return one image in each format, and the names of their suffixes."""
    random_ = np.random.default_rng(0)
    rgb = Image.fromarray(random_.integers(0, 255, (9, 12, 3), np.uint8))
    deep = Image.fromarray(random_.integers(0, 2**16 - 1, (9, 12)).astype(np.uint16))
    written = {}
    for name, image, kind, more in (
        ("a.png", rgb, "PNG", {}),
        ("b.jpg", rgb, "JPEG", {}),
        ("c.gif", rgb.convert("P"), "GIF", {"save_all": True, "append_images": [rgb.convert("P")]}),
        ("d.bmp", rgb, "BMP", {}),
        ("e.tiff", deep, "TIFF", {}),
        ("f.webp", rgb, "WEBP", {}),
        ("g.png", deep, "PNG", {}),
        ("h.tif", rgb, "TIFF", {"compression": "tiff_lzw"}),
        ("i.ppm", rgb, "PPM", {}),
        ("j.png", rgb.convert("P"), "PNG", {"transparency": 3}),
    ):
        out = io.BytesIO()
        image.save(out, kind, **more)
        written[name] = out.getvalue()
    return Files(written)


def archive(arrays: Mapping[str, Any]) -> bytes:
    """Return arrays as a .npz file; those of objects are pickled, and make a file when they are loaded."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, np.asanyarray(array), allow_pickle=True)
            zipped.writestr(f"{name}.npy", part.getvalue())
    return out.getvalue()


def in_hdf5(arrays: Mapping[str, Any]) -> bytes:
    """Return arrays as an HDF5 file."""
    import h5py  # noqa: PLC0415

    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        for name, array in arrays.items():
            values = np.asanyarray(array)
            if values.dtype.kind in "OU":
                values = np.array([str(value)[:30].encode("utf-8", "replace") for value in values.reshape(-1)])
            try:
                file.create_dataset(name, data=values)
            except (TypeError, ValueError):  # a type or a name that HDF5 does not have
                continue
    return out.getvalue()


DTYPES = ["u1", "i1", "i8", "u8", "f4", "f8", "f2", "?", "c16", "O", "U3", "S2", "M8[D]", "u2", ">i4", "V3"]
KEYS = st.sampled_from([
    *("x", "y", "x_train", "y_train", "x_test", "y_test", "images", "labels", "train_images", "train_labels"),
    *("test_images", "test_labels", "val_images", "classes", "class_names", "list_classes", "group", "groups", "ids"),
])  # fmt: skip


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """Draw an array of any kind, shape and values."""
    kind = draw(st.sampled_from(DTYPES))
    rows = draw(st.sampled_from([0, 1, 12, 12, 12, 20]))
    shape = draw(
        st.sampled_from([(rows,), (rows, 1), (rows, 8, 8), (rows, 8, 8, 3), (rows, 3, 8, 8), (rows, 0, 8), ()])
    )
    values = random.Random(draw(st.integers(0, 99)))
    count = int(np.prod(shape))
    if kind == "O":
        flat = np.empty(count, object)
        flat[:] = [Bomb() for _ in range(count)]
    elif kind in {"U3", "S2"}:
        flat = np.array([values.choice(["a", "b", "1", "", "é" if kind == "U3" else "c"]) for _ in range(count)], kind)
    elif kind == "V3":
        flat = np.zeros(count, kind)
    else:
        high = draw(st.sampled_from([1, 2, 4, 120]))
        flat = np.array([values.randrange(high) for _ in range(count)]).astype(kind)
        if flat.dtype.kind in "fc" and count and draw(st.booleans()):
            flat[values.randrange(count)] = draw(st.sampled_from([np.nan, np.inf, -1, 1e30 if kind != "f2" else 1]))
    return flat.reshape(shape)


def good_arrays() -> dict[str, Any]:
    """Return arrays that are a data set."""
    random_ = np.random.default_rng(0)
    labels = np.arange(24) % 3
    return {
        "x_train": random_.integers(0, 255, (24, 8, 8, 3), np.uint8),
        "y_train": labels,
        "x_test": random_.integers(0, 255, (12, 8, 8, 3), np.uint8),
        "y_test": labels[:12],
        "classes": np.array(["a", "b", "c"]),
    }


def saved(value: Any) -> bytes:
    """Return what torch.save writes."""
    out = io.BytesIO()
    torch.save(value, out)
    return out.getvalue()


def pickled(value: Any) -> bytes:
    """Return a plain pickle."""
    return pickle.dumps(value)


def tensors() -> st.SearchStrategy[Any]:
    """Draw a tensor of any kind, or what is in its place in the files of others."""
    return st.sampled_from([
        *(torch.zeros(3, 2), torch.zeros(0), torch.tensor(1.0), torch.zeros(2, dtype=torch.complex64)),
        *(torch.zeros(2, dtype=torch.float16), torch.zeros(4, dtype=torch.bfloat16), torch.ones(2, 2).to_sparse()),
        *(torch.zeros(2, 3, dtype=torch.bool), torch.zeros(1).expand(10**9), torch.tensor([float("nan")])),
        torch.nn.Parameter(torch.ones(2)),
    ])  # fmt: skip


def states() -> st.SearchStrategy[Any]:
    """Draw what may be in a file of weights."""
    keys = st.one_of(
        st.sampled_from(["fc3.weight", "state_dict", "model", "conv1.bias", "", "module.fc"]), st.integers()
    )
    leaves = st.one_of(tensors(), VALUES, st.just(Bomb()))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.dictionaries(keys, inner, max_size=4), st.lists(inner, max_size=3)),
        max_leaves=6,
    )


def safetensors_file(header: Any, body: bytes = bytes(64)) -> bytes:
    """Return a safetensors file with any header."""
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(text)) + text + body


LABELS = [
    *("Input", "CONV (f=5, s=1)", "conv 3x3, pad=same", "depthwise conv 3x3", "max pool 3x3/2", "BN", "ReLU", "FC"),
    *("conv f=0", "add", "concat", "flatten", "Total", "conv f=99999 s=1", "Mystery", "conv 3x3 x 64", "[3x3, 64] x 3"),
    *("global pool", "conv 1x1 / 2, groups=9", "conv3-64", "block (x4)", "conv 3x3 d=2"),
]
CELLS = [
    *("(32,32,3)", "8x28x28", "120", "(1,1,8)", "608", "48,120", "61K", "3.8e9", "-", "?", "= 5*5*3*8", "(5*5*3+1)*8"),
    *("9**9**9**9", "1e400", "(None, 28, 28, 6)", "[-1, 64, 112, 112]", "∞", "5*(", "2^99999", "28*28*", "NaN"),
]
HEADS = ["layer", "shape", "output", "size", "parameters", "MACs", "kernel", "stride", "padding", "input", "RF", "name"]


@st.composite
def tables(draw: st.DrawFn) -> str:
    """Draw a layer table, in one of the layouts that are read."""
    columns = draw(st.lists(st.sampled_from(HEADS), min_size=1, max_size=6))
    cell = st.one_of(st.sampled_from(LABELS), st.sampled_from(CELLS), st.sampled_from(CELLS), st.text(max_size=8))
    rows = draw(st.lists(st.lists(cell, min_size=len(columns), max_size=len(columns)), min_size=1, max_size=9))
    first = draw(st.lists(st.sampled_from(LABELS), min_size=len(rows), max_size=len(rows)))
    lines = [columns, *([name, *row[1:]] for name, row in zip(first, rows, strict=True))]
    layout = draw(st.sampled_from(["tsv", "csv", "md", "tex", "html", "spaces", "json"]))
    match layout:
        case "md":
            ruled = [lines[0], ["---"] * len(columns), *lines[1:]]
            return "\n".join(f"| {' | '.join(row)} |" for row in ruled)
        case "tex":
            return "\\begin{tabular}{l}\n" + "\\\\\n".join(" & ".join(row) for row in lines) + "\n\\end{tabular}"
        case "html":
            return (
                "<table>" + "".join(f"<tr>{''.join(f'<td>{x}</td>' for x in row)}</tr>" for row in lines) + "</table>"
            )
        case "spaces":
            return "\n".join("   ".join(row) for row in lines)
        case "json":
            return json.dumps([dict(zip(columns, row, strict=True)) for row in lines[1:]])
        case _:
            return "\n".join(("\t" if layout == "tsv" else ",").join(row) for row in lines)


def folder_files(folder: Path) -> Files:
    """Return all files below a folder, by their paths in it."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return Files({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})
