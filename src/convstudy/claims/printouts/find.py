"""The printouts in a text, recognized by their header lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from convstudy.claims.cell_text import without_tags
from convstudy.claims.grid import Grid
from convstudy.claims.printouts.caffe import caffe_grid, is_caffe_log
from convstudy.claims.printouts.cs231n import cs231n_grid, is_memory_listing
from convstudy.claims.printouts.flax import flax_grid
from convstudy.claims.printouts.keras import keras_grid
from convstudy.claims.printouts.lightning import lightning_grid
from convstudy.claims.printouts.mxnet import gluon_grid, mxnet_grid
from convstudy.claims.printouts.rows_with_inputs import DARKNET, TORCHSTAT, darknet_grid, torchstat_grid
from convstudy.claims.printouts.torch_tools import torchinfo_grid, torchsummary_grid
from convstudy.claims.printouts.weight_shapes import DL4J, FVCORE, dl4j_grid, fvcore_grid
from convstudy.claims.table import Printer
from convstudy.errors import ClaimError

Reader = Callable[[Sequence[str], str], Grid]
READERS: dict[Printer, Reader] = {
    "keras": keras_grid,
    "torchinfo": torchinfo_grid,
    "torchsummary": torchsummary_grid,
    "lightning": lightning_grid,
    "flax": flax_grid,
}


WHOLE_TEXTS: tuple[tuple[Reader, Callable[[str], Any]], ...] = (
    (caffe_grid, is_caffe_log),
    (cs231n_grid, is_memory_listing),
    (fvcore_grid, FVCORE.search),
    (dl4j_grid, DL4J.search),
    (darknet_grid, DARKNET.search),
    (torchstat_grid, TORCHSTAT.search),
)
"""Printouts of which a text holds at most one, and how they are recognized."""

HEADERS: dict[Printer, str] = {
    "torchinfo": r"Layer \(type:|Layer \(type \(var_name\)",
    "flax": r"\bpath\s*┃\s*(?:module|type)\s*┃",
    "lightning": r"^\s*\|\s*Name\s*\|\s*Type\s*\|\s*Params",
}


def printer_of(line: str, following: Sequence[str] = ()) -> Printer | None:
    """Return the tool whose header a line is; `following` are the lines below it.

    >>> printer_of("Layer (type:depth-idx)    Output Shape    Param #")
    'torchinfo'
    """
    known = next((printer for printer, pattern in HEADERS.items() if re.search(pattern, line)), None)
    if known or not re.search(r"Layer \(type\)\s*[┃│|]?\s*(?:In|Out)put Shape", line):
        return known
    below = "\n".join(following[:12])
    gluon = re.search(r"^\s*(?:Input\s+\(|[\w-]+\s+\(\d+(?:, \d+)+\)\s+[\d,]+\s*$)", below, re.MULTILINE)
    if "Previous Layer" in line or gluon or "duplicate included" in "\n".join(following):
        return "mxnet"
    return "torchsummary" if re.search(r"\[-?\d+, |--\s*$", below, re.MULTILINE) and "[(" not in below else "keras"


def printout_grids(text: str, source: str) -> list[Grid]:
    """Return every printout in a text, in order; none if the text was not printed by a known tool.

    Raises:
        ClaimError: if a printout has no rows.
    """
    plain = without_tags(text) if "<span" in text or "&nbsp;" in text or "<pre" in text else text
    lines = plain.splitlines()
    starts = [(number, found) for number, line in enumerate(lines) if (found := printer_of(line, lines[number + 1 :]))]
    if not starts:
        whole = next((reader for reader, recognizes in WHOLE_TEXTS if recognizes(plain)), None)
        return [whole(lines, source)] if whole else []
    ends = [*(number for number, _ in starts[1:]), len(lines)]
    grids, errors = [], []
    for (start, printer), end in zip(starts, ends, strict=True):
        try:
            grids.append(reader_of(printer, lines[start])(lines[start:end], source))
        except ClaimError as error:
            errors.append(error)
    if not grids:
        raise errors[0]
    return grids


def reader_of(printer: Printer, header: str) -> Reader:
    if printer == "mxnet":
        return mxnet_grid if "Previous Layer" in header else gluon_grid
    return READERS[printer]
