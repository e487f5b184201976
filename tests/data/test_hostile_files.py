"""What a file may not do: run a program, read other files, fill the memory, or speak to the terminal."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from convstudy.data import free_memory, inspect_folder, load, memory, write_clean_split
from convstudy.data.decoding import FORMATS, decode
from convstudy.errors import ConvstudyError, DataError, StudyError, UnknownNameError, printable
from tests.conftest import Said

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n"
X = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
Y = np.arange(20) % 2


def pets(root: Path) -> Path:
    for at, name in enumerate(("cat", "dog")):
        (root / name).mkdir(parents=True)
        for index in range(4):
            Image.fromarray(X[4 * at + index]).save(root / name / f"{index}.png")
    return root


# E20


@pytest.mark.parametrize("name", ["evil.jpg", "evil.png", "evil.tif"])
def test_an_image_file_runs_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    started: list[object] = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *words, **_: started.append(words))
    root = pets(tmp_path / "pets")
    (root / "cat" / name).write_bytes(EPS)
    assert "PostScript" in {file.name: file for file in inspect_folder(root).files}[f"cat/{name}"].problem
    with pytest.raises(DataError, match=f"{name} cannot be decoded"):
        load(str(root))
    assert started == []


def test_only_the_documented_formats_are_opened(tmp_path: Path) -> None:
    Image.init()
    for kind in ("PCX", "TGA", "ICO", "SGI", "MSP"):
        path = tmp_path / f"{kind}.png"
        Image.new("1" if kind == "MSP" else "RGB", (16, 16)).save(path, kind)
        assert decode(path, np.asarray).problem, kind
    assert set(FORMATS) <= set(Image.OPEN)


# E21


def test_an_h5_file_reads_no_other_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(X.tobytes())
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["x"], file["y"] = X, Y
    layout = h5py.VirtualLayout(X.shape, X.dtype)
    layout[:] = h5py.VirtualSource(str(other), "x", X.shape)
    for kind in ("external", "link", "virtual"):
        path = tmp_path / f"{kind}.h5"
        with h5py.File(path, "w") as file:
            file["y"] = Y
            if kind == "external":
                file.create_dataset("x", X.shape, X.dtype, external=[(str(secret), 0, X.nbytes)])
            elif kind == "link":
                file["x"] = h5py.ExternalLink(str(other), "x")
            else:
                file.create_virtual_dataset("x", layout)
        with pytest.raises(DataError, match=rf"{kind}\.h5, x ") as caught:
            load(str(path))
        assert "\n" not in str(caught.value)
    assert len(load(str(other)).train) == 15


# E22


def small_memory(monkeypatch: pytest.MonkeyPatch, num_bytes: int) -> None:
    for place in (free_memory, memory):
        monkeypatch.setattr(place, "free_memory", lambda: num_bytes)


@pytest.mark.parametrize("kind", ["npz", "h5"])
def test_only_the_keys_that_are_used_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    pad = np.zeros(10_000_000, np.uint8)
    if kind == "npz":
        np.savez_compressed(path, x=X, y=Y, pad=pad, notes=np.array([{"by": "me"}]))
    else:
        with h5py.File(path, "w") as file:
            file["x"], file["y"] = X, Y
            file.create_dataset("pad", data=pad, compression="gzip")
    small_memory(monkeypatch, 1_000_000)
    data = load(str(path))
    assert len(data.train) + len(data.test) == 20
    assert any("pad" in note for note in data.notes)


@pytest.mark.parametrize("kind", ["npz", "h5"])
def test_an_array_larger_than_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "npz":
        np.savez_compressed(path, x=np.zeros((20, 500, 500), np.uint8), y=Y)
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("x", (20, 500, 500), np.uint8, compression="gzip")
            file["y"] = Y
    small_memory(monkeypatch, 1_000_000)
    with pytest.raises(DataError, match=r"x takes 0\.0 GB"):
        load(str(path))


def test_an_array_that_claims_more_than_it_has_is_refused(tmp_path: Path) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 1000, 1000)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", head.getvalue())
        archive.writestr("y.npy", head.getvalue())
    with pytest.raises(DataError, match=r"a\.npz, x "):
        load(str(tmp_path / "a.npz"))


def test_an_idx_file_is_decompressed_no_further_than_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kilobytes that claim four MNIST images, and hold 200 MB; and some that claim more than there is memory."""
    for prefix in ("train", "t10k"):
        (tmp_path / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 4) + bytes(4))
        )
        with gzip.open(tmp_path / f"{prefix}-images-idx3-ubyte.gz", "wb", compresslevel=9) as file:
            file.write(bytes([0, 0, 8, 3]) + struct.pack(">III", 4, 28, 28))
            for _ in range(200):
                file.write(bytes(1_000_000))
    script = (
        "import resource, sys, torchvision; from convstudy.data import load; from convstudy.errors import DataError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: load('mnist', data_dir=__import__('pathlib').Path(sys.argv[1]))\n"
        "except DataError as error: print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert "train-images-idx3-ubyte.gz is not an idx file" in said[0]
    assert int(said[1]) < 150_000  # kilobytes
    head = bytes([0, 0, 8, 3]) + struct.pack(">III", 4_000_000, 1000, 1000)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(head))
    with pytest.raises(DataError, match=r"4,000\.0 GB"):
        load("mnist", data_dir=tmp_path)


def test_class_names_that_are_no_utf_8_get_one_line(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"], file["list_classes"] = X, Y, np.array([b"caf\xe9", b"th\xe9"])
    with pytest.raises(DataError, match=r"list_classes .*caf\\xe9.*UTF-8"):
        load(str(tmp_path / "a.h5"))


def test_keys_that_are_no_utf_8_get_one_line(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["labels"] = Y
        file[b"caf\xe9"] = X
    with pytest.raises(DataError, match=r"keys caf\\udce9, labels"):
        load(str(tmp_path / "a.h5"))


def test_a_pickle_in_the_images_is_not_loaded(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path}/ran",)

    ragged = np.empty(2, object)
    ragged[:] = [Evil(), X[0]]
    np.savez(tmp_path / "a.npz", x=ragged, y=Y[:2])
    with pytest.raises(DataError, match=r"a\.npz, x holds Python objects.*folder"):
        load(str(tmp_path / "a.npz"))
    assert pickle.dumps(Evil())
    assert not (tmp_path / "ran").exists()


# E23

NASTY = "a\x1b[2J\u202egpj\udce9"


def test_errors_and_ids_are_printable(tmp_path: Path) -> None:
    for error in (StudyError(f"no file {NASTY}"), UnknownNameError("network", NASTY, ["net"])):
        assert isinstance(error, ConvstudyError)
        assert printable(str(error)) == str(error)
        assert "a\\x1b[2J\\u202egpj\\udce9" in str(error)
    root = pets(tmp_path / "pets")
    (root / "cat").rename(root / NASTY)
    (root / NASTY / "0.png").rename(root / NASTY / f"{NASTY}.png")
    (root / f"{NASTY}.txt").write_text("x")
    data = load(str(root))
    found = inspect_folder(root)
    texts = [*data.class_names, *data.train.ids, *data.test.ids, *data.notes, data.name, data.source, *found.notes]
    texts += [file.name for file in found.files] + [finding.sentence for finding in found.findings]
    assert any("\\x1b" in text for text in texts)
    assert all(printable(text) == text and text.isascii() for text in texts)
    with pytest.raises(DataError, match="rename") as caught:
        write_clean_split(found, tmp_path / "clean.csv")
    assert "\x1b" not in str(caught.value)


def test_names_in_tables_and_arrays_are_printable(tmp_path: Path) -> None:
    nasty = NASTY.rstrip("\udce9")
    pets(tmp_path / "pets")
    rows = [f"pets/{name}/{index}.png,{name}{nasty}" for name in ("cat", "dog") for index in range(4)]
    (tmp_path / "list.csv").write_text("\n".join(["filename,label", *rows]))
    np.savez(tmp_path / "a.npz", x=X, y=Y, classes=np.array([f"cat{nasty}", "dog"]))
    for source in ("list.csv", "a.npz"):
        data = load(str(tmp_path / source))
        assert data.class_names[0] == "cata\\x1b[2J\\u202egpj"


def test_the_command_prints_no_raw_names(convstudy: object, tmp_path: Path) -> None:
    root = pets(tmp_path / "pets")
    (root / "cat").rename(root / NASTY)
    (root / NASTY / "0.png").write_bytes((root / NASTY / "1.png").read_bytes())
    said: Said = convstudy("data", "inspect", "pets", "--sheet", "sheet.html")  # type: ignore[operator]
    assert said.status == 0
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    for text in (said.out, said.err, page):
        assert "\u202e" not in text
        assert "\x1b[2J" not in text
    assert "\\x1b[2J" in said.out
    assert "\\x1b[2J" in page


# E25


def test_the_limits_of_all_groups_around_a_process_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def group(folder: Path, limit: str, used: int, cache: int, *, version: int) -> None:
        names = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")}.get(
            version, ("memory.max", "memory.current", "inactive_file")
        )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / names[0]).write_text(f"{limit}\n")
        (folder / names[1]).write_text(f"{used}\n")
        (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {cache}\n")

    monkeypatch.setattr(free_memory, "MOUNT", tmp_path)
    monkeypatch.setattr(free_memory, "MEMBERSHIP", tmp_path / "membership")
    (tmp_path / "membership").write_text("0::/slice/pod/box\n")
    group(tmp_path / "slice" / "pod" / "box", "max", 100, 0, version=2)
    group(tmp_path / "slice" / "pod", "5000", 2000, 500, version=2)
    group(tmp_path / "slice", "9000", 1000, 0, version=2)
    assert free_memory.free_memory() == 3500
    (tmp_path / "membership").write_text("5:cpu,cpuacct:/x\n4:memory:/docker/abc\n")
    group(tmp_path / "memory", "9223372036854771712", 100, 0, version=1)
    assert free_memory.free_memory() > 10**6
    group(tmp_path / "memory" / "docker" / "abc", "4000", 1500, 100, version=1)
    assert free_memory.free_memory() == 2600
    group(tmp_path / "memory", "1000", 100, 0, version=1)  # as a container sees its own group
    assert free_memory.free_memory() == 900
