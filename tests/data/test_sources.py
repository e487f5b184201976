"""Where images come from: made files of every kind, and the real sets where they are."""

from __future__ import annotations

import gzip
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import torchvision
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from convstudy.data import DataSet, data_sources, load, pixel_statistics
from convstudy.data.decoding import FLATTENED
from convstudy.errors import DataError, ToolError, UnknownNameError

STREAM = np.random.default_rng(0)


def pixels(*shape: int) -> npt.NDArray[np.uint8]:
    return STREAM.integers(0, 256, shape, dtype=np.uint8)


def class_folders(root: Path, classes: Iterable[str] = "ab", count: int = 8, size: tuple[int, int] = (10, 10)) -> Path:
    for name in classes:
        (root / name).mkdir(parents=True)
        for index in range(count):
            Image.fromarray(pixels(size[1], size[0], 3)).save(root / name / f"{index}.png")
    return root


def by_id(data: DataSet) -> dict[str, npt.NDArray[np.uint8]]:
    """All images of a data set."""
    return {name: image for part in (data.train, data.test) for name, image in zip(part.ids, part.images, strict=True)}


def test_digits_are_scikit_learn_s() -> None:
    data = load("digits")
    assert (data.in_channels, data.side, data.num_classes) == (1, 8, 10)
    assert len(data.train) + len(data.test) == 1797
    assert data.validation is None
    assert not data.horizontal_flip
    assert {int(value) for value in np.unique(data.train.images)} == {round(255 * step / 16) for step in range(17)}
    assert set(data.train.ids).isdisjoint(data.test.ids)
    assert "25% split off" in data.notes[0]
    assert load("digits").fingerprint == data.fingerprint


def test_a_side_that_is_asked_for_is_given() -> None:
    assert load("digits", side=16).train.images.shape[1:] == (1, 16, 16)


def test_class_folders_are_read_as_torchvision_reads_them(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "pets", "ba")
    theirs = torchvision.datasets.ImageFolder(str(root))
    (root / ".hidden").mkdir()
    (root / "a" / ".thumbs.png").write_bytes(b"not an image")
    (root / "a" / "notes.txt").write_text("not an image")
    data = load(str(root))
    assert data.class_names == tuple(theirs.classes)
    assert len(data.train) + len(data.test) == 16
    parts = by_id(data)
    for path, _ in theirs.samples:
        key = Path(path).relative_to(root).as_posix()
        assert np.array_equal(parts[key], np.asarray(Image.open(path)).transpose(2, 0, 1))


@pytest.mark.parametrize("validation", ["val", "validation", None])
def test_parts_in_the_folder_are_kept(tmp_path: Path, validation: str | None) -> None:
    counts = {"train": 5, "test": 3} | ({validation: 2} if validation else {})
    for part, count in counts.items():
        class_folders(tmp_path / part, count=count)
    data = load(str(tmp_path))
    assert (len(data.train), len(data.test)) == (10, 6)
    assert (data.validation and len(data.validation)) == (4 if validation else None)
    assert all(name.startswith("test/") for name in data.test.ids)


def test_images_of_several_sizes_become_squares(tmp_path: Path) -> None:
    class_folders(tmp_path / "a_", "a", size=(30, 20))
    root = class_folders(tmp_path / "root", "b", size=(40, 60))
    (tmp_path / "a_" / "a").rename(root / "a")
    assert load(str(root)).train.images.shape[1:] == (3, 30, 30)  # the median of 20 and 40
    data = load(str(root), side=16)
    assert data.train.images.shape[1:] == (3, 16, 16)
    assert data.notes[0].startswith("images of 2 sizes: shorter side resized to 16")


def test_one_large_image_does_not_decide_the_side(tmp_path: Path) -> None:
    root = class_folders(tmp_path)
    Image.fromarray(pixels(90, 90, 3)).save(root / "a" / "large.png")
    assert load(str(root)).side == 10  # the median over images, not over sizes


@pytest.mark.parametrize(("width", "height"), [(14, 10), (10, 14)])
def test_folders_and_arrays_cut_the_same_square(tmp_path: Path, width: int, height: int) -> None:
    images = pixels(8, height, width, 3)
    for index, image in enumerate(images):
        (tmp_path / "f" / "ab"[index % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "f" / "ab"[index % 2] / f"{index}.png")
    labels = np.arange(8) % 2
    files = load(str(tmp_path / "f"))
    arrays = load(npz(tmp_path / "a.npz", x=images, y=labels))
    assert files.side == arrays.side == 10
    assert arrays.notes[-2].startswith(f"images of {width}x{height}: shorter side resized to 10")
    squares = images[:, (height - 10) // 2 :, (width - 10) // 2 :][:, :10, :10].transpose(0, 3, 1, 2)
    found = {image.tobytes() for data in (files, arrays) for image in by_id(data).values()}
    assert found == {square.tobytes() for square in squares}


def test_a_folder_says_what_it_left_out(tmp_path: Path) -> None:
    for part in ("Train", "TESTING"):
        class_folders(tmp_path / part, count=4)
    (tmp_path / "extra").mkdir()
    (tmp_path / "Train" / "a" / "labels.txt").write_text("a")
    (tmp_path / "Train" / "loose.png").write_bytes(b"an image of no class")
    data = load(str(tmp_path))
    assert (len(data.train), len(data.test)) == (8, 8)
    files, folders, memory = data.notes
    assert files.startswith("2 files")
    assert files.endswith(": .png, .txt")
    assert folders.endswith(": extra")
    assert memory.startswith(f"{16 * data.train.images[0].nbytes:,} bytes")


ODD: dict[str, tuple[Callable[[Path], None], tuple[int, int, int]]] = {
    "16-bit": (lambda path: Image.fromarray(np.full((8, 8), 257 * 100, np.uint16)).save(path), (100, 100, 100)),
    "palette": (lambda path: Image.new("RGB", (8, 8), (10, 200, 30)).quantize().save(path), (10, 200, 30)),
    "transparent": (lambda path: Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(path), (255, 255, 255)),
    "grey and alpha": (lambda path: Image.new("LA", (8, 8), (50, 255)).save(path), (50, 50, 50)),
    "one bit": (lambda path: Image.new("1", (8, 8), 1).save(path), (255, 255, 255)),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_images_are_decoded_rightly(tmp_path: Path, kind: str) -> None:
    save, colour = ODD[kind]
    root = class_folders(tmp_path, count=4, size=(8, 8))
    save(root / "a" / "odd.png")
    data = load(str(root))
    parts = by_id(data)
    assert tuple(int(value) for value in parts["a/odd.png"][:, 0, 0]) == colour


def test_cmyk_and_turned_photographs_are_decoded_rightly(tmp_path: Path) -> None:
    root = class_folders(tmp_path, count=4, size=(8, 8))
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(root / "a" / "cmyk.jpg", quality=100)
    turned = np.zeros((8, 8, 3), np.uint8)
    turned[:4] = 255  # white above, shown by a viewer on the right
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(turned).save(root / "a" / "turned.jpg", quality=100, exif=exif)
    data = load(str(root))
    parts = by_id(data)
    red = parts["a/cmyk.jpg"][:, 4, 4]
    assert red[0] > 200
    assert red[1] < 60
    assert parts["a/turned.jpg"][0, :, 7].min() > 240
    assert parts["a/turned.jpg"][0, :, 0].max() < 15


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for index in range(4):
            Image.fromarray(pixels(8, 8)).save(tmp_path / name / f"{index}.png")
    assert load(str(tmp_path)).in_channels == 1


def test_bad_images_are_named_and_can_be_skipped(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "pets")
    whole = (root / "b" / "1.png").read_bytes()
    (root / "a" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (root / "b" / "empty.jpg").write_bytes(b"")
    (root / "b" / "page.jpg").write_text("<!DOCTYPE html><html>not found</html>")
    with pytest.raises(DataError) as caught:
        load(str(root))
    message = str(caught.value)
    assert "cut.png cannot be decoded: " in message
    assert "(3 such images in all)" in message
    assert "skip_bad_images" in message
    assert "\n" not in message
    data = load(str(root), skip_bad_images=True)
    assert data.skipped == ("a/cut.png", "b/empty.jpg", "b/page.jpg")
    assert len(data.train) + len(data.test) == 16
    assert data.notes[0] == "3 images that cannot be decoded skipped: cut.png, empty.jpg, page.jpg"


def test_one_of_a_kind_is_written_in_the_singular(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "pets")
    (root / "a" / "cut.png").write_bytes((root / "b" / "1.png").read_bytes()[:60])
    (root / "a" / "read.txt").write_text("me")
    Image.fromarray(pixels(10, 10, 4)).save(root / "b" / "clear.png")
    notes = load(str(root), skip_bad_images=True).notes
    assert "1 image that cannot be decoded skipped: cut.png" in notes
    assert f"1 image: {FLATTENED}" in notes
    assert any(note.startswith("1 file that is") and note.endswith(": .txt") for note in notes)


def test_one_shared_image_is_written_in_the_singular(tmp_path: Path) -> None:
    for part in ("train", "test"):
        class_folders(tmp_path / "pets" / part)
    (tmp_path / "pets/test/a/0.png").write_bytes((tmp_path / "pets/train/a/0.png").read_bytes())
    [note] = [note for note in load(str(tmp_path / "pets")).notes if "pixel by pixel" in note]
    assert note.startswith("1 of 16 test images is also in the training set")


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = class_folders(tmp_path)
    Image.new("RGB", (40, 40)).save(root / "a" / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError, match=r"large.png cannot be decoded: it has more than 1,000 pixels"):
        load(str(root))


def npz(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


LABELS = np.arange(20) % 2


@pytest.mark.parametrize(
    ("images", "shape"),
    [
        (pixels(20, 8, 8), (1, 8, 8)),
        (pixels(20, 8, 8, 3), (3, 8, 8)),
        (pixels(20, 3, 8, 8), (3, 8, 8)),
        (pixels(20, 8, 8, 1), (1, 8, 8)),
        (pixels(20, 8, 8, 3) / 255, (3, 8, 8)),
        (pixels(20, 8, 8, 3).astype(np.float32), (3, 8, 8)),
        (pixels(20, 8, 8, 3).astype(np.int64), (3, 8, 8)),
        ((pixels(20, 8, 8) / 255).astype(np.float16), (1, 8, 8)),
        (pixels(20, 8, 8) > 99, (1, 8, 8)),
    ],
    ids=["grey", "last", "first", "one", "parts of 1", "floats", "integers", "half", "bits"],
)
def test_arrays_of_every_layout_are_read(tmp_path: Path, images: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    data = load(npz(tmp_path / "a.npz", x_train=images, y_train=LABELS, x_test=images, y_test=np.eye(2)[LABELS]))
    assert data.train.images.shape == (20, *shape)
    assert data.train.labels.tolist() == data.test.labels.tolist() == LABELS.tolist()
    scale = 255 if images.max() <= 1 else 1
    expected = np.round(images.astype(np.float64) * scale).astype(np.uint8)
    assert data.train.images.sum() == expected.sum()
    assert set(data.train.ids).isdisjoint(data.test.ids)


def test_keys_are_found_in_any_case_of_letters(tmp_path: Path) -> None:
    path = Path(npz(tmp_path / "a.npz", X_train=X, Y_train=LABELS, X_test=X, y_Test=LABELS))
    data = load(str(path.rename(tmp_path / "A.NPZ")))
    assert (len(data.train), len(data.test)) == (20, 20)


def test_ids_say_in_which_array_and_row_an_image_lies(tmp_path: Path) -> None:
    data = load(npz(tmp_path / "a.npz", X_train=X, Y_train=LABELS))
    places = [name.split("/") for part in (data.test, data.train) for name in part.ids]
    assert sorted(int(row) for _, row in places) == list(range(20))
    assert {key for key, _ in places} == {"X_train"}
    for (_, row), image in zip(places, [*data.test.images, *data.train.images], strict=True):
        assert (image.transpose(1, 2, 0) == X[int(row)]).all()
    alone = npz(tmp_path / "b.npz", x=X, y=LABELS)
    both = load(alone, test_data=Path(alone))
    assert (both.train.ids[3], both.test.ids[3]) == ("x/3", "test/3")


def test_signs_keys_in_two_files(tmp_path: Path) -> None:
    for part in ("train", "test"):
        with h5py.File(tmp_path / f"{part}.h5", "w") as file:
            file[f"{part}_set_x"] = pixels(20, 8, 8, 3)
            file[f"{part}_set_y"] = LABELS[None] if part == "train" else LABELS[:, None]
            file["list_classes"] = np.array([b"left", b"right"])
    data = load(str(tmp_path / "train.h5"), test_data=tmp_path / "test.h5")
    assert (len(data.train), len(data.test), data.class_names) == (20, 20, ("left", "right"))
    assert data.source == "the arrays of train.h5 and test.h5"
    with h5py.File(tmp_path / "test.h5", "r+") as file:
        file["list_classes"][:] = np.array([b"right", b"left"])
    with pytest.raises(DataError, match=r"test.h5 has the classes right, left; expected left, right, as in"):
        load(str(tmp_path / "train.h5"), test_data=tmp_path / "test.h5")


X = pixels(20, 8, 8, 3)
BAD_ARRAYS: dict[str, tuple[dict[str, Any], str]] = {
    "missing keys": (
        {"a": X, "b": LABELS},
        "has the keys a, b; expected images and labels such as x_train and y_train",
    ),
    "other count": ({"x": X, "y": LABELS[:7]}, "has 7 labels for 20 images"),
    "not whole": ({"x": X, "y": LABELS + 0.5}, "has labels that are not whole numbers, such as 0.5"),
    "nan": ({"x": X, "y": LABELS * np.nan}, "has labels that are not whole numbers, such as nan"),
    "negative": ({"x": X, "y": LABELS - 1}, "has the label -1; expected whole numbers from 0"),
    "text": ({"x": X, "y": LABELS.astype(str)}, "has labels of type <U21"),
    "shape": ({"x": X, "y": np.ones((20, 3))}, "has labels of shape (20, 3)"),
    "out of range": (
        {"x_train": X, "y_train": LABELS, "x_test": X, "y_test": LABELS + 1},
        "x.npz, test has the label 2; expected 0 to 1, for 2 classes",
    ),
    "one class": ({"x_train": X, "y_train": LABELS * 0, "x_test": X, "y_test": LABELS * 0}, "has one class"),
    "class gap": ({"x_train": X, "y_train": LABELS * 2, "x_test": X, "y_test": LABELS}, "has no image of class '1'"),
    "one image": (
        {"x": X, "y": np.arange(20) == 0},
        "training images of '1' (1); expected 3 or more",
    ),
    "channels": (
        {"x_train": X, "y_train": LABELS, "x_test": X[..., 0], "y_test": LABELS},
        "has images of (1, 8, 8); expected (3, 8, 8)",
    ),
    "values": ({"x": X * 10.0, "y": LABELS}, "; expected 0 to 255, or 0 to 1"),
    "too few": (
        {"x_train": X, "y_train": np.arange(20) == 0, "x_test": X, "y_test": LABELS},
        "training images of '1' (1); expected 2 or more",
    ),
    "labels from 1": ({"x": X, "y": LABELS + 1}, "has no image of class '0'; expected all 3 classes"),
    "few images": ({"x": X, "y": LABELS * 2_000_000_000}, "has the label 2000000000 for 20 images"),
    "large": ({"x": X, "y": LABELS * 1e300}, "has the label 1e+300; expected whole numbers from 0 to the number of"),
    "flat": ({"x": X.reshape(20, -1), "y": LABELS}, "has the shape (20, 192); expected images x height x width"),
    "none": ({"x": X[:0], "y": LABELS[:0]}, "has the shape (0, 8, 8, 3)"),
    "objects": ({"x": X, "y": np.array([{}] * 20)}, "x.npz, y holds Python objects"),
}


@pytest.mark.parametrize("kind", BAD_ARRAYS)
def test_bad_arrays_get_one_line(tmp_path: Path, kind: str) -> None:
    arrays, message = BAD_ARRAYS[kind]
    with pytest.raises(DataError) as caught:
        load(npz(tmp_path / "x.npz", **arrays))
    assert message in str(caught.value)
    assert "x.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def alone(root: Path) -> None:
    class_folders(root)
    for path in list((root / "b").iterdir())[1:]:
        path.unlink()


BAD_FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty folder": (lambda root: None, "has 0 class folders (none); expected two or more"),
    "one class": (lambda root: class_folders(root, "a"), "has 1 class folder (a)"),
    "empty class": (lambda root: (class_folders(root) / "c").mkdir(), "c contains no images"),
    "one image": (alone, "training images of 'b' (1); expected 3 or more"),
    "parts as classes": (
        lambda root: class_folders(root, ["train_signs", "test_signs"]),
        "has the folders test_signs, train_signs, which could be splits or classes",
    ),
    "one part twice": (
        lambda root: [class_folders(root / name) for name in ("train", "val", "validation")],
        "has both val and validation",
    ),
    "no train": (lambda root: class_folders(root / "test"), "has test but no train folder"),
    "other classes": (
        lambda root: (class_folders(root / "train", "ab"), class_folders(root / "test", "abc")),
        "no images of c in train",
    ),
}


@pytest.mark.parametrize("kind", BAD_FOLDERS)
def test_bad_folders_get_one_line(tmp_path: Path, kind: str) -> None:
    make, message = BAD_FOLDERS[kind]
    make(tmp_path)
    with pytest.raises(DataError) as caught:
        load(str(tmp_path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_files_get_one_line(tmp_path: Path) -> None:
    page = tmp_path / "data.h5"
    page.write_text("<html>not found</html>")
    empty = tmp_path / "empty.npz"
    empty.write_bytes(b"")
    text = tmp_path / "text.npz"
    text.write_text("no archive")
    (tmp_path / "table.csv").write_text("a,b\n")
    for path, message in {
        page: "data.h5 cannot be read as .h5: it is an HTML page",
        empty: "empty.npz is empty",
        tmp_path / "gone.npz": "gone.npz does not exist",
        text: "text.npz cannot be read as .npz: it is not an archive",
        tmp_path / "table.csv": "table.csv has the columns a, b; expected filename,label",
        tmp_path / "gone": "gone does not exist; expected class folders",
    }.items():
        with pytest.raises(DataError, match=message.replace(".", r"\.")) as caught:
            load(str(path))
        assert "\n" not in str(caught.value)
    (tmp_path / "a.h5").mkdir()
    whole = npz(tmp_path / "x.npz", x=X, y=LABELS)
    with pytest.raises(DataError, match=r"a.h5 is a folder; expected a .npz or .h5 file"):
        load(whole, test_data=tmp_path / "a.h5")
    with pytest.raises(DataError, match="side of the images is 0"):
        load("digits", side=0)
    with pytest.raises(DataError, match="got digits"):
        load("digits", test_data=page)


def whole_h5(path: Path) -> bytes:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=X, compression="gzip")
        file["y"] = LABELS
    return path.read_bytes()


@given(st.sampled_from(["npz", "h5"]), st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_torn_file_is_read_or_gets_one_line(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    path = tmp_path / f"torn.{kind}"
    whole = whole_h5(path) if kind == "h5" else Path(npz(path, x=X, y=LABELS)).read_bytes()
    torn = bytearray(whole[: data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))])
    for at in data.draw(st.lists(st.integers(0, max(len(torn) - 1, 0)), max_size=4)):
        torn[at : at + 1] = bytes([data.draw(st.integers(0, 255))])
    path.write_bytes(torn)
    try:
        load(str(path))
    except DataError as error:
        assert path.name in str(error)  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"no data set or folder is named 'cifar1O'; did you mean 'cifar10'"):
        load("cifar1O")
    with pytest.raises(UnknownNameError, match="no data set or folder is named ''"):
        load("")  # which pathlib takes for the folder one is in


def test_a_set_that_is_not_there_says_which_files_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torchvision.datasets.CIFAR10, "download", unreachable)
    with pytest.raises(DataError, match=r"is not in .* and cannot be downloaded \(OSError\); expected cifar-10-"):
        load("cifar10", data_dir=tmp_path)
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(b"cut off")
    with pytest.raises(DataError, match=r"cifar10 in .* is damaged"):
        load("cifar10", data_dir=tmp_path)


def idx(path: Path, array: npt.NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes()))


@pytest.mark.parametrize("folder", ["", "mnist", "MNIST/raw"])
def test_mnist_is_read_from_any_of_its_layouts(tmp_path: Path, folder: str) -> None:
    images, labels = pixels(20, 28, 28), (np.arange(20) % 10).astype(np.uint8)
    for prefix in ("train", "t10k"):
        idx(tmp_path / folder / f"{prefix}-images-idx3-ubyte.gz", images)
        idx(tmp_path / folder / f"{prefix}-labels-idx1-ubyte.gz", labels)
    data = load("mnist", data_dir=tmp_path)
    assert np.array_equal(data.train.images[:, 0], images)
    assert data.test.labels.tolist() == labels.tolist()
    assert data.test.images.flags.writeable  # or PyTorch warns
    idx(tmp_path / folder / "t10k-labels-idx1-ubyte.gz", labels[:7])
    with pytest.raises(DataError, match="has 7 t10k labels for 20 images"):
        load("mnist", data_dir=tmp_path)
    (tmp_path / folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz is not an idx file"):
        load("mnist", data_dir=tmp_path)


def test_other_data_have_another_fingerprint(tmp_path: Path) -> None:
    def loaded(x: npt.NDArray[np.uint8], y: npt.NDArray[Any]) -> DataSet:
        return load(npz(tmp_path / "x.npz", x=x, y=y))

    changed = X.copy()
    changed[3, 0, 0, 0] ^= 1
    prints = {loaded(X, LABELS).fingerprint, loaded(changed, LABELS).fingerprint, loaded(X, 1 - LABELS).fingerprint}
    assert len(prints) == 3
    assert loaded(X, LABELS).fingerprint in prints


def test_the_list_names_what_load_takes() -> None:
    assert [source.name for source in data_sources()] == [
        *("digits", "cifar10", "cifar100", "mnist", "fashion-mnist", "svhn", "stl10", "flowers102", "oxford-pets"),
        *("food101", "imagenette", "imagenette-320", "imagenette-160", "hf:NAME"),
        *("FOLDER", "FILE.csv", "FILE.npz", "FILE.h5"),
    ]


@pytest.mark.shared_data
def test_cifar10_is_whole_and_its_statistics_are_the_measured_ones(shared_data: Path) -> None:
    data = load("cifar10", data_dir=shared_data)
    assert (len(data.train), len(data.test), data.side, data.num_classes) == (50_000, 10_000, 32, 10)
    mean, std = pixel_statistics(data.train.images)
    assert mean == pytest.approx((0.4914, 0.4822, 0.4465), abs=5e-5)
    assert std == pytest.approx((0.2470, 0.2435, 0.2616), abs=5e-5)


@pytest.mark.shared_data
def test_mnist_is_whole(shared_data: Path) -> None:
    data = load("mnist", data_dir=shared_data)
    assert (data.train.images.shape, data.test.images.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    with pytest.raises(DataError, match="is a file of mnist, not of fashion-mnist"):
        load("fashion-mnist", data_dir=shared_data / "mnist")


@pytest.mark.shared_data
def test_signs_are_read_from_h5_and_from_their_photographs(shared_data: Path, tmp_path: Path) -> None:
    arrays = load(str(shared_data / "signs/train_signs_from_jpeg.h5"), test_data=shared_data / "signs/test_signs.h5")
    assert (arrays.train.images.shape, arrays.test.images.shape) == ((1080, 3, 64, 64), (120, 3, 64, 64))
    assert arrays.num_classes == 6
    for part, name in (("train", "train_signs"), ("val", "val_signs"), ("test", "test_signs")):
        for path in (shared_data / "signs/jpeg" / name).glob("*.jpg"):
            folder = tmp_path / part / path.name[0]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / path.name).symlink_to(path)
    photographs = load(str(tmp_path))
    assert photographs.validation is not None
    assert len(photographs.train) + len(photographs.validation) == 1080
    assert len(photographs.test) == 120
    assert photographs.side == 64
    with pytest.raises(DataError, match="train_signs, val_signs, which could be splits or classes"):
        load(str(shared_data / "signs/jpeg"))


def test_without_h5py_the_extra_is_named_and_other_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_h5(tmp_path / "a.h5")
    npz(tmp_path / "a.npz", x=X, y=LABELS)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ToolError, match=r'a\.h5 needs h5py; pip install "convstudy\[h5\]"'):
        load(str(tmp_path / "a.h5"))
    assert load(str(tmp_path / "a.npz")).num_classes == 2


def test_optional_and_slow_packages_are_imported_when_they_are_used() -> None:
    script = (
        "import sys, convstudy.data, convstudy.statistics.accuracy, convstudy.statistics.difference\n"
        "import convstudy.statistics.omnibus, convstudy.training.loop, convstudy.inference.prediction\n"
        "slow = {'h5py', 'pyarrow', 'statsmodels', 'openpyxl', 'datasets', 'sklearn'}\n"
        "print(*sorted(slow & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert set(said.split()) <= {"pyarrow"}  # pandas imports it where it is installed
