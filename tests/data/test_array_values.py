"""Arrays of floats, of mixed-up keys, and photographs: what a pixel is worth, and what it costs to look at it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image

from convstudy.data import DataSet, decoding, inspect_folder, load
from convstudy.data.decoding import Room
from convstudy.data.in_memory import load_given
from convstudy.errors import DataError

BYTES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
X = BYTES / 255
Y = np.arange(20) % 2


def stored(path: Path, **arrays: Any) -> DataSet:
    np.savez(path, **arrays)
    return load(str(path))


def planes(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return images.transpose(0, 3, 1, 2)


# B6


def test_a_float_slightly_above_1_changes_nothing(tmp_path: Path) -> None:
    for far in (1.0000001, 1.009, -0.009):
        odd = X.copy()
        odd[3, 0, 0, 0] = far
        data = stored(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=odd, y_test=Y)
        assert np.array_equal(data.train.images, planes(BYTES))
        expected = BYTES.copy()
        expected[3, 0, 0, 0] = round(min(max(255 * far, 0), 255))
        assert np.array_equal(data.test.images, planes(expected))


def test_one_scale_holds_for_all_parts(tmp_path: Path) -> None:
    """A dark part of floats up to 255 is dark, in the same file and in a second one."""
    dark = np.minimum(BYTES, 1).astype(np.float32)
    data = stored(tmp_path / "a.npz", x_train=BYTES.astype(np.float32), y_train=Y, x_test=dark, y_test=Y)
    assert data.test.images.max() == 1
    np.savez(tmp_path / "train.npz", x=BYTES.astype(np.float32), y=Y)
    np.savez(tmp_path / "test.npz", x=dark, y=Y)
    assert load(str(tmp_path / "train.npz"), test_data=tmp_path / "test.npz").test.images.max() == 1
    mixed = stored(tmp_path / "b.npz", x_train=BYTES, y_train=Y, x_test=X, y_test=Y)  # bytes and fractions of white
    assert np.array_equal(mixed.train.images, mixed.test.images)


def test_dark_arrays_are_named_as_such(tmp_path: Path) -> None:
    for images, high in ((BYTES // 16, 15), (BYTES / 32, 8), (BYTES // 128, 1)):
        data = stored(tmp_path / "a.npz", x_train=images, y_train=Y, x_test=images[::-1], y_test=Y)
        assert any(f"above {high} of 255" in note for note in data.notes)
    for bright in (X, BYTES, BYTES > 127):
        data = stored(tmp_path / "a.npz", x_train=bright, y_train=Y, x_test=bright[::-1], y_test=Y)
        assert not any("of 255" in note for note in data.notes)


def test_splits_of_two_scales_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x_train has values up to 1, but .*x_test up to 255"):
        stored(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X * 255, y_test=Y)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"y_train": np.array(["cat", "dog"])[Y % 2]}, "return_inverse=True"),
        ({"y_train": np.array(["cat", "dog"], object)[Y % 2]}, "return_inverse=True"),
        ({"classes": np.array({"cat": 0}, object)}, "classes holds pickled Python objects"),
        ({"classes": ["cat", "cat"]}, "cat more than once"),
        ({"x_train": np.zeros((len(Y), 784), np.uint8)}, f"({len(Y)}, 28, 28)"),
    ],
)
def test_what_arrays_need_is_said(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError) as raised:
        stored(tmp_path / "a.npz", **({"x_train": BYTES, "y_train": Y % 2} | arrays))
    assert said in str(raised.value)
    assert "download" not in str(raised.value)


@pytest.mark.parametrize(
    ("data", "names", "said"),
    [
        ((BYTES, Y % 2), ("cat", "cat"), "cat more than once"),
        ([(image, "cat") for image in BYTES], (), "return_inverse=True"),
        (pd.DataFrame({"image": list(BYTES), "label": Y % 2}), (), "of type DataFrame"),
    ],
    ids=["names", "text", "table"],
)
def test_what_objects_need_is_said(data: Any, names: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError) as raised:
        load_given(data, class_names=names)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("images", "numbers"),
    [
        (X * 1.5, "1.5"),
        (X * 2 - 1, "-1 to 1.*0..1"),
        (X * 255 - 100, "-100 to 155"),
        ((X - 0.5) / 0.25, "-2 to 2"),
        (X * np.nan, "nan"),
        (X * 65535, "65535"),
        (BYTES.astype(np.int64) * 257, "65535"),
        (-BYTES.astype(np.int16), "-255 to 0"),
    ],
    ids=["1.5", "-1..1", "negative", "standardised", "nan", "16 bits", "integers", "negative integers"],
)
def test_an_ambiguous_range_is_refused(tmp_path: Path, images: npt.NDArray[Any], numbers: str) -> None:
    with pytest.raises(DataError, match=rf"a\.npz, x.*{numbers}"):
        stored(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=images, y_test=Y)


# B7


def test_images_and_labels_of_other_pairs_go_together(tmp_path: Path) -> None:
    data = stored(tmp_path / "a.npz", x_train=X, y_train=Y, x_valid=X[:6], y_val=Y[:6], test_images=X[:4], y_test=Y[:4])
    assert data.validation is not None
    assert (len(data.train), len(data.validation), len(data.test)) == (20, 6, 4)
    assert data.validation.ids[0] == "x_valid/0"


def test_arrays_that_are_not_read_are_named(tmp_path: Path) -> None:
    data = stored(
        tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X, notes=np.zeros(3), mask=np.ones(2), classes=["a", "b"]
    )
    [note] = [note for note in data.notes if "not read" in note]
    assert note.endswith("mask, notes, x_test")


def test_ragged_images_get_advice(tmp_path: Path) -> None:
    ragged = np.empty(2, object)
    ragged[:] = [X[0], X[1][:4]]
    with pytest.raises(DataError, match=r"a\.npz, x holds Python objects, such as images of different sizes; .*folder"):
        stored(tmp_path / "a.npz", x=ragged, y=Y[:2])


def test_labels_that_begin_at_1_are_told_as_that(tmp_path: Path) -> None:
    for more in ({}, {"classes": ["a", "b"]}):
        with pytest.raises(DataError, match="begin at 1: subtract"):
            stored(tmp_path / "a.npz", x_train=X, y_train=Y + 1, x_test=X, y_test=Y + 1, **more)


# B8, in part


def test_matlab_s_arrays_are_transposed_back(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for key, values in {"x": BYTES, "y": Y[:, None].astype(np.uint8)}.items():
            file[key] = values.T  # as MATLAB writes an array with these axes
            file[key].attrs["MATLAB_class"] = np.bytes_(str(values.dtype))
    data = load(str(tmp_path / "a.h5"))
    rows = [int(name.partition("/")[2]) for name in (*data.train.ids, *data.test.ids)]
    found = np.concatenate([data.train.images, data.test.images])
    assert np.array_equal(found, planes(BYTES)[rows])


# B9


def test_fine_stripes_are_not_constant(tmp_path: Path) -> None:
    stripes = np.zeros((32, 32), np.uint8)
    stripes[::2] = 255
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    Image.new("L", (32, 32), 127).save(tmp_path / "flat.png")
    Image.new("RGB", (32, 32), "red").save(tmp_path / "red.png")
    [constant] = [finding for finding in inspect_folder(tmp_path).findings if finding.kind == "constant"]
    assert constant.images == (("flat.png",), ("red.png",))


def test_levels_are_exact(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1200, 1000, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    [file] = inspect_folder(tmp_path).files
    assert file.levels == pytest.approx(pixels.mean((0, 1)), rel=1e-12)
    assert file.squares == pytest.approx((pixels.astype(float) ** 2).mean((0, 1)), rel=1e-12)


def test_threads_share_a_room() -> None:
    room, within, most = Room(100), 0, 0
    lock = threading.Lock()

    def work(num_bytes: int) -> None:
        nonlocal within, most
        with room.reserved(num_bytes):
            with lock:
                within += min(num_bytes, 100)
                most = max(most, within)
            time.sleep(0.005)
            with lock:
                within -= min(num_bytes, 100)

    threads = [threading.Thread(target=work, args=(size,)) for size in (40, 60, 10, 1000, 90, 5, 55)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < most <= 100
    with room.reserved(100):  # all of it is back
        pass


def test_threads_that_begin_together_get_one_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly() -> int:
        time.sleep(0.05)
        return 10**9

    monkeypatch.setattr(decoding, "free_memory", slowly)
    decoding._room.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        rooms = list(pool.map(lambda _: decoding.room(), range(8)))
    decoding._room.cache_clear()
    assert {id(each) for each in rooms} == {id(rooms[0])}
    assert rooms[0].num_bytes == 250_000_000


def test_large_photographs_take_bounded_memory(tmp_path: Path) -> None:
    """Eight of 24 megapixels: as floats, with their squares, they took gigabytes."""
    Image.new("RGB", (6000, 4000), "navy").save(tmp_path / "0.jpg")
    for index in range(1, 8):
        (tmp_path / f"{index}.jpg").hardlink_to(tmp_path / "0.jpg")
    script = (
        "import resource, sys, pathlib; from convstudy.data import inspect_folder, load\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "found = inspect_folder(pathlib.Path(sys.argv[1]))\n"
        "print(len(found.files), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    said = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    count, kilobytes = map(int, said.stdout.split())
    assert count == 8
    assert kilobytes < 700_000
