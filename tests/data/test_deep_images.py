"""Image files of more than 8 bits or more than three bands: one scale for a data set, and no band that is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from convstudy.data import DataSet, inspect_folder, load, memory
from convstudy.data.decoding import decode
from convstudy.data.streamed import Streamed
from convstudy.errors import DataError
from convstudy.study.models.preprocessing import Preprocessing
from tests.data.corpus import tiff

BYTES = np.random.default_rng(0).integers(0, 256, (8, 8, 8), dtype=np.uint8)
BYTES[:, 0, 0], BYTES[:, 0, 1] = 0, 255


def folder(root: Path, images: npt.NDArray[np.generic], ending: str = "tif") -> Path:
    for index, image in enumerate(images):
        path = root / "ab"[index % 2] / f"{index}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return root


def by_index(data: DataSet) -> npt.NDArray[np.uint8]:
    """The images in the order of their numbers: N x H x W."""
    parts = (data.train, data.test)
    found = {
        int(Path(name).stem): image[0] for part in parts for name, image in zip(part.ids, part.images, strict=True)
    }
    return np.stack([found[index] for index in sorted(found)])


def test_floats_have_one_scale_whatever_a_single_pixel_is(tmp_path: Path) -> None:
    floats = (BYTES / 255).astype(np.float32)
    floats[3, 4, 4] = 1.01
    floats[2] *= 0.001  # a dark one, as a file of its own it would be no darker than this, either
    found = by_index(load(str(folder(tmp_path / "a", floats))))
    assert np.array_equal(found, np.clip(np.round(floats.astype(np.float64) * 255), 0, 255))
    large = BYTES.astype(np.float32)
    large[2] = np.minimum(large[2], 1)  # up to 1 of 255: black, and not white
    assert by_index(load(str(folder(tmp_path / "b", large))))[2].max() == 1


@pytest.mark.parametrize(("factor", "white"), [(257.0, 65535), (4095 / 255, 4095), (40 / 255, 255)])
def test_16_bits_keep_what_they_hold(tmp_path: Path, factor: float, white: float) -> None:
    values = np.round(BYTES * factor).astype(np.uint16)
    data = load(str(folder(tmp_path, values, "png")))
    assert np.array_equal(by_index(data), np.round(values * (255 / white)))  # as they are, if 8 bits hold them
    assert any(note.endswith(f"white is {white}") for note in data.notes)
    assert data.white == (white, 0)


def test_32_bits_have_one_scale(tmp_path: Path) -> None:
    values = BYTES.astype(np.int32)
    assert np.array_equal(by_index(load(str(folder(tmp_path / "a", values)))), BYTES)
    values[1] *= 257  # now the others are dark
    assert np.array_equal(by_index(load(str(folder(tmp_path / "b", values))))[1], BYTES[1])
    assert by_index(load(str(tmp_path / "b")))[2].max() == 1


@pytest.mark.parametrize(
    ("images", "number"),
    [(BYTES / 255 * 1.5, "1.5"), (BYTES / 255 * 2 - 1, "-1"), (BYTES * 300.0, "76500")],
    ids=["1.5", "negative", "large"],
)
def test_ambiguous_floats_are_refused(tmp_path: Path, images: npt.NDArray[np.float64], number: str) -> None:
    root = folder(tmp_path, images.astype(np.float32))
    with pytest.raises(DataError, match=rf"\d\.tif has values .*{number}"):
        load(str(root))
    [finding] = [finding for finding in inspect_folder(root).findings if finding.kind == "range"]
    assert number in finding.sentence


def test_the_scale_is_the_same_wherever_images_are_and_for_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.round(BYTES * (4095 / 255)).astype(np.uint16)
    values[0] //= 2  # alone, it would be scaled as 16 bits
    data = load(str(folder(tmp_path / "a", values)))
    record = Preprocessing(in_channels=1, image_side=8, input_side=8, mean=(0.5,), std=(0.5,), white=data.white)
    assert Preprocessing.from_json(record.to_json()) == record
    assert np.array_equal(record.read([tmp_path / "a" / "a" / "0.tif"])[0][0, 0], by_index(data)[0])
    found = inspect_folder(tmp_path / "a")
    assert found.files[0].levels == pytest.approx([by_index(data)[0].mean()])
    monkeypatch.setattr(memory, "free_memory", lambda: 0)
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    assert np.array_equal(by_index(load(str(tmp_path / "a"))), by_index(data))
    monkeypatch.setattr(memory, "fits_on_disk", lambda _: False)
    monkeypatch.setattr("convstudy.data.store.fits_on_disk", lambda _: False)
    streamed = load(str(tmp_path / "a"))
    assert isinstance(streamed.train.images, Streamed)
    assert np.array_equal(by_index(streamed), by_index(data))


@pytest.mark.parametrize(
    ("bands", "photometric", "extra", "problem"),
    [
        (1, 1, (), ""),
        (3, 2, (), ""),
        (4, 2, (2,), ""),  # with a transparency
        (4, 2, (0,), "4 bands"),  # a near infrared band
        (4, 2, (), "4 bands"),
        (5, 2, (0, 0), "5 bands"),
        (2, 1, (0,), "2 bands"),
        (7, 1, (0,) * 6, "7 bands"),
    ],
)
def test_bands_beyond_the_colors_are_refused_by_their_number(
    tmp_path: Path, bands: int, photometric: int, extra: tuple[int, ...], problem: str
) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(bands, photometric=photometric, extra=extra))
    decoded = decode(tmp_path / "a.tif", np.asarray)
    assert problem in decoded.problem
    assert bool(decoded.problem) == bool(problem)
