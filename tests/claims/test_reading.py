"""One network, printed in every form that is read, gives one table."""

import sys
from pathlib import Path

import pytest
from openpyxl import Workbook

from convstudy.claims import ClaimedTable, parse_table, read_table
from convstudy.errors import ClaimError, ToolError

PRINTOUTS = Path(__file__).parent / "printouts"
SHAPES = [(3, 32, 32), (8, 28, 28), (8, 14, 14), (16, 10, 10), (16, 5, 5), (120,), (84,), (10,)]
PARAMETERS = [0, 608, 0, 3216, 0, 48120, 10164, 850]
ROWS = [
    ["Layer", "Activation shape", "# parameters"],
    ["Input", "(32,32,3)", "0"],
    ["CONV1 (f=5, s=1)", "(28,28,8)", "608"],
    ["POOL1", "(14,14,8)", "0"],
    ["CONV2 (f=5, s=1)", "(10,10,16)", "3,216"],
    ["POOL2", "(5,5,16)", "0"],
    ["FC3", "(120,1)", "48,120"],
    ["FC4", "(84,1)", "10,164"],
    ["Softmax", "(10,1)", "850"],
]
KINDS = ["input", "convolution", "pooling", "convolution", "pooling", "dense", "dense", "softmax"]


def facts(table: ClaimedTable) -> list[tuple[object, int]]:
    rows = [row for row in table.rows if row.layer.kind not in {"flatten", "total"}]
    return [(row.shape, int(row.numbers["parameters"].value)) for row in rows]


def as_tsv() -> str:
    return "\n".join("\t".join(row) for row in ROWS)


def as_csv() -> str:
    return "\n".join(",".join(f'"{cell}"' for cell in row) for row in ROWS)


def as_semicolons() -> str:
    return "\n".join(";".join(row) for row in ROWS)


def as_columns() -> str:
    return "\n".join("   ".join(cell.ljust(20) for cell in row) for row in ROWS)


def as_markdown() -> str:
    lines = ["| " + " | ".join(row) + " |" for row in ROWS]
    return "\n".join(["# My network", "", lines[0], "|---|:---:|---:|", *lines[1:], "", "That is all."])


def as_latex() -> str:
    body = "\n".join(" & ".join(latex(cell) for cell in row) + r" \\ \hline" for row in ROWS)
    return rf"\begin{{table}}\begin{{tabular}}{{l|c|r}} \toprule {body} \end{{tabular}}\end{{table}}"


def latex(cell: str) -> str:
    if cell.startswith("("):
        return "$" + r" \times ".join(cell.strip("()").split(",")) + "$"
    return cell.replace("#", r"\#").replace("3,216", "3{,}216").replace("FC3", r"\textbf{FC3}")


@pytest.mark.parametrize("text", [as_tsv(), as_csv(), as_semicolons(), as_columns(), as_markdown(), as_latex()])
def test_every_form_of_text_gives_the_same_table(text: str) -> None:
    table = parse_table(text)
    assert facts(table) == list(zip(SHAPES, PARAMETERS, strict=True))
    assert [row.layer.kind for row in table.rows] == KINDS
    assert table.layout == "channels last"
    assert table.rows[1].layer.kernel == (5, 5)
    assert table.rows[1].layer.stride == (1, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_name_themselves_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "table.tsv"
    path.write_text(as_tsv(), encoding=encoding)
    assert facts(read_table(path)) == list(zip(SHAPES, PARAMETERS, strict=True))


def test_a_workbook_gives_the_same_table(tmp_path: Path) -> None:
    workbook = Workbook()  # its first sheet stays empty
    sheet = workbook.create_sheet("network")
    for row in ROWS:
        sheet.append(["", *(int(cell.replace(",", "")) if cell.replace(",", "").isdigit() else cell for cell in row)])
    workbook.save(tmp_path / "table.xlsx")
    assert facts(read_table(tmp_path / "table.xlsx")) == list(zip(SHAPES, PARAMETERS, strict=True))


@pytest.mark.parametrize(
    ("name", "printer"),
    [("keras2", "keras"), ("keras3", "keras"), ("torchinfo", "torchinfo"), ("torchinfo_columns", "torchinfo"),
     ("torchsummary", "torchsummary")],
)  # fmt: skip
def test_printouts_give_the_same_table(name: str, printer: str) -> None:
    table = read_table(PRINTOUTS / f"{name}.txt")
    assert table.printed_by == printer
    assert facts(table) == list(zip(SHAPES, PARAMETERS, strict=True))[1:]
    total = table.rows[-1]
    assert (total.layer.kind, int(total.numbers["parameters"].value)) == ("total", 62_958)


def test_keras_says_what_a_layer_is_connected_to() -> None:
    table = read_table(PRINTOUTS / "keras3_residual.txt")
    assert next(row for row in table.rows if row.layer.kind == "addition").inputs == ("re_lu", "batch_normalization_1")


def test_torchinfo_leaves_only_layers_whose_parameters_add_up_to_its_total() -> None:
    table = read_table(PRINTOUTS / "torchinfo_resnet18.txt")
    *layers, total = [int(row.numbers["parameters"].value) for row in table.rows]
    assert sum(layers) == total == 11_689_512


@pytest.mark.parametrize(
    ("shapes", "layout"),
    [
        (["3x32x32", "8x28x28"], "channels first"), (["32x32x3", "28x28x8"], "channels last"),
        (["[-1, 3, 32, 32]", "[-1, 8, 28, 28]"], "channels first"),
        (["(None, 32, 32, 3)", "(None, 28, 28, 8)"], "channels last"),
        (["3 @ 32x32", "8@28x28"], "channels first"), (["64×3×32×32", "64×8×28×28"], "channels first"),
        (["(30,32,3)", "(26,28,8)"], "channels last"),
    ],
)  # fmt: skip
def test_channels_are_found_first_or_last_and_said(shapes: list[str], layout: str) -> None:
    table = parse_table(f"layer\tshape\nInput\t{shapes[0]}\nCONV1 (f=5)\t{shapes[1]}")
    assert table.layout == layout
    assert [(row.shape or ())[0] for row in table.rows] == [3, 8]
    assert any(layout in note for note in table.notes)


def test_columns_of_their_own_say_kernel_stride_and_padding() -> None:
    table = parse_table("name,type,filters,kernel,stride,pad,params\nc,conv,8,5x5,2,1,608\n")
    layer = table.rows[0].layer
    assert (layer.kind, layer.channels) == ("convolution", 8)
    assert (layer.kernel, layer.stride, layer.padding) == ((5, 5), (2, 2), (1, 1))


def test_units_in_the_header_scale_the_column() -> None:
    table = parse_table("layer\tparams (M)\tMACs (G)\nFC1\t0.5\t3.8\n")
    assert [int(number.value) for number in table.rows[0].numbers.values()] == [500_000, 3_800_000_000]


HOSTILE = {
    "empty": (b"", "the file is empty"),
    "blank": (b" \n\n ", "the file is empty"),
    "one line": (b"layer\tshape\tparameters\n", "1 line"),
    "one column": (b"layer\nconv\npool\n", r"1 column\(s\); expected"),
    "binary": (bytes(range(256)) * 100, "not UTF-8 text|binary data"),
    "nul": (b"layer\tshape\0\nconv\t3\n", "binary data"),
    "latin-1": ("layer\tshape\nEingabegröße\t(3,3)\n".encode("latin-1"), "byte 0xf6 at .* is not UTF-8 text; save"),
    "cut utf-16": (b"\xff\xfea", "is not UTF-1"),
    "a million rows": (b"layer\tparams\n" + b"conv\t1\n" * 1_000_000, "one row per layer"),
    "many rows": (b"layer\tparams\n" + b"conv\t1\n" * 8_000, "more than 5,000 rows"),
    "huge": (b"x" * (21 * 2**20), "21 MiB"),
    "no column": (b"a\tb\nc\td\n", "no column of 'a', 'b' is known"),
    "open quote": (b'layer,params\n"CONV1,48\n', "CSV table|more than|line"),
    "open latex": (rb"\begin{tabular}{ll} a & b \\", "LaTeX without a closed tabular"),
    "not a zip": (b"PK\x03\x04 and no more", "Excel workbook"),
    "many columns": (b"\t".join(b"c%d" % n for n in range(500)) + b"\n" + b"\t" * 499 + b"x\n", r"500 column\(s\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_one_clear_line(tmp_path: Path, name: str) -> None:
    data, message = HOSTILE[name]
    path = tmp_path / "claims.txt"
    path.write_bytes(data)
    with pytest.raises(ClaimError, match=message) as failure:
        read_table(path)
    assert "\n" not in str(failure.value)
    assert len(str(failure.value)) < 300


UNREADABLE = {
    "formula": ("layer\tparams\nCONV1\t=5*B3\n", "parameters", "=5*B3"),
    "a word": ("layer\tparams\nCONV1\tmany\n", "parameters", "many"),
    "no shape": ("layer\tshape\nCONV1\tbig\n", "output_shape", "big"),
    "zero extent": ("layer\tshape\nCONV1\t(0,3,3)\n", "output_shape", "(0,3,3)"),
    "long cell": ("layer\tparams\nCONV1\t" + "9" * 5000 + "\n", "parameters", "999"),
    "stride 0": ("layer\tparams\nCONV1 (f=3, s=0)\t1\n", "stride", "0"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_cell_is_kept_with_its_text_and_a_reason(name: str) -> None:
    text, quantity, kept = UNREADABLE[name]
    (row,) = parse_table(text).rows
    assert row.unreadable[quantity][0].startswith(kept)
    assert row.unreadable[quantity][1]
    assert quantity not in row.numbers


def test_cells_beyond_the_header_are_noted() -> None:
    table = parse_table("layer,params\nCONV1,48,120,x\n")
    assert int(table.rows[0].numbers["parameters"].value) == 48
    assert any("4 cells" in note for note in table.notes)
    assert int(parse_table("layer,params\nFC,48,120\n").rows[0].numbers["parameters"].value) == 48_120


def test_weights_and_biases_have_columns_of_their_own() -> None:
    (row,) = parse_table("layer\tweights\tbiases\tparams\nfc\t12\t3\t15\n").rows
    assert {name: int(number.value) for name, number in row.numbers.items()} == {
        "parameters": 15, "weights": 12, "biases": 3
    }  # fmt: skip


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClaimError, match=r"nowhere\.tsv: cannot be read"):
        read_table(tmp_path / "nowhere.tsv")


def test_a_formula_without_value_in_a_workbook_is_read_as_text(tmp_path: Path) -> None:
    workbook = Workbook()
    sheet = workbook.create_sheet()
    for row in (["layer", "params"], ["CONV1", "=(5*5*3+1)*8"], ["FC", "=A1*2"]):
        sheet.append(row)
    workbook.save(tmp_path / "table.xlsx")
    first, second = read_table(tmp_path / "table.xlsx").rows
    assert int(first.numbers["parameters"].value) == 608
    assert second.unreadable["parameters"][0] == "=A1*2"


def test_an_empty_workbook_is_refused(tmp_path: Path) -> None:
    Workbook().save(tmp_path / "table.xlsx")
    with pytest.raises(ClaimError, match="every sheet is empty"):
        read_table(tmp_path / "table.xlsx")


def test_a_workbook_of_too_many_rows_is_refused(tmp_path: Path) -> None:
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet()
    for _ in range(5_100):
        sheet.append(["CONV1", 1])
    workbook.save(tmp_path / "table.xlsx")
    with pytest.raises(ClaimError, match="more than 5,000 rows"):
        read_table(tmp_path / "table.xlsx")


def test_without_openpyxl_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Workbook().save(tmp_path / "table.xlsx")
    monkeypatch.delitem(sys.modules, "convstudy.claims.workbook", raising=False)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ToolError, match=r"convstudy\[excel\]"):
        read_table(tmp_path / "table.xlsx")


def test_a_printed_module_has_nothing_to_check() -> None:
    text = "Net(\n  (conv1): Conv2d(1, 8, kernel_size=(3, 3))\n  (fc): Linear(in_features=8, out_features=2)\n)"
    with pytest.raises(ClaimError, match=r"print\(network\)"):
        parse_table(text)


def test_a_comma_is_decimal_where_another_of_the_column_must_be() -> None:
    head = "Schicht;Ausgabeform;MACs (Mio.)\nFaltung 3x3;32x32x8;"
    values = [
        [int(row.numbers["macs"].value) for row in parse_table(f"{head}{text}").rows]
        for text in ("0,885\nFaltung 3x3;32x32x8;4,719", "1,885\nFaltung 3x3;32x32x8;4,719")
    ]
    assert values == [[885_000, 4_719_000], [1_885_000_000, 4_719_000_000]]


def test_rows_of_html_and_latex_that_a_cell_spans_have_its_label() -> None:
    html = (
        "<table><tr><th>layer</th><th>shape</th></tr><tr><td rowspan='2'>conv</td><td>8x8x2</td></tr>"
        "<tr><td>4x4x2</td></tr></table>"
    )
    latex = r"\begin{tabular}{ll} layer & shape \\ \multirow{2}{*}{conv} & 8x8x2 \\ & 4x4x2 \\ \end{tabular}"
    for text in (html, latex):
        assert [(row.label, row.shape) for row in parse_table(text).rows] == [("conv", (2, 8, 8)), ("conv", (2, 4, 4))]


def test_a_column_out_has_shapes_or_if_its_cells_are_numbers_channels() -> None:
    shapes = parse_table("layer\tkernel\tout\tparams\nInput\t\t32x32x3\t0\nconv1\t5\t28x28x8\t608\n")
    assert [row.shape for row in shapes.rows] == [(3, 32, 32), (8, 28, 28)]
    channels = parse_table("layer\tkernel\tin\tout\tparams\nconv1\t3\t3\t64\t1792\nconv2\t3\t64\t128\t73856\n")
    assert [row.layer.channels for row in channels.rows] == [64, 128]


@pytest.mark.parametrize("cell", ["1" * 100_000, "[" * 100_000, "(" * 100_000, "1 x " * 25_000])
def test_long_cells_take_no_time(cell: str) -> None:
    """They would take minutes if patterns were tried from each of their letters on."""
    table = parse_table(f"layer\tshape\tparams\nInput\t(32,32,3)\t0\n{cell}\t{cell}\t{cell}\n")
    assert "1,000" in table.rows[1].unreadable["output_shape"][1]
    assert len(table.rows[1].label) < 1_100
