"""Images that depend on each other stay in one part: groups by path, folder or table, and near-duplicates."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from convstudy.data import DataSet, ImageSet, load, split_validation
from convstudy.data.alike import kin_of, near_pairs
from convstudy.data.duplicates import Look, near_duplicates
from convstudy.data.groups import groups_by
from convstudy.data.in_memory import load_given
from convstudy.data.parting import Parting
from convstudy.data.split import smaller, split_test
from convstudy.errors import DataError


def in_groups(groups: Iterable[str], labels: Iterable[int]) -> ImageSet:
    groups, labels = tuple(groups), np.array(list(labels), np.int64)
    pixels = np.arange(len(labels), dtype=np.uint16).view(np.uint8).reshape(len(labels), 1, 1, 2)
    return ImageSet(pixels, labels, tuple(map(str, range(len(labels)))), groups=groups)


@given(st.lists(st.tuples(st.integers(1, 15), st.integers(0, 2)), min_size=12, max_size=60), st.integers(0, 9))
@settings(max_examples=80, deadline=None)
def test_groups_are_never_separated(drawn: list[tuple[int, int]], seed: int) -> None:
    """Groups of 1 to 15 images, each of one class or of two; every part has every class, or it is refused."""
    rows = [(f"p{group}", label) for group, (size, label) in enumerate(drawn) for _ in range(size)]
    rows += [(f"p{group}", (drawn[group][1] + 1) % 3) for group in range(0, len(drawn), 4)]
    whole = in_groups(*zip(*rows, strict=True))
    try:
        train, test = split_test(whole)
        train, validation = split_validation(train, seed=seed)
    except DataError as error:
        assert any(word in str(error) for word in ("group", "too few", "one image"))  # noqa: PT017
        return
    parts = [set(part.groups) for part in (train, validation, test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(drawn)
    assert sorted((*train.ids, *validation.ids, *test.ids), key=int) == list(whole.ids)
    for part in (train, validation, test):
        assert set(part.labels) == set(whole.labels)
        assert part.groups == tuple(whole.groups[int(name)] for name in part.ids)


def test_the_parts_of_many_groups_have_their_share_of_every_class() -> None:
    stream = np.random.default_rng(0)
    sizes = stream.integers(1, 40, 120)
    rows = [(f"p{group}", group % 3) for group, size in enumerate(sizes) for _ in range(size)]
    whole = in_groups(*zip(*rows, strict=True))
    test = split_test(whole)[1]
    shares = np.bincount(test.labels) / np.bincount(whole.labels)
    assert shares == pytest.approx(0.25, abs=0.03)
    validations = [split_validation(whole, seed=seed)[1] for seed in (0, 0, 1)]
    assert validations[0].ids == validations[1].ids != validations[2].ids
    assert len(validations[2]) / len(whole) == pytest.approx(0.1, abs=0.03)
    part = smaller(whole, 500, ("a", "b", "c"))
    assert len(part) == pytest.approx(500, abs=25)
    assert not set(part.groups) & (set(whole.groups) - set(part.groups))
    assert {group for group in whole.groups if group in part.groups} == set(part.groups)
    assert sum(group in set(part.groups) for group in whole.groups) == len(part)


def test_a_class_of_one_group_cannot_be_split() -> None:
    whole = in_groups(["p0"] * 10 + [f"p{1 + place // 5}" for place in range(20)], [0] * 10 + [1] * 20)
    with pytest.raises(DataError, match="class 0 has images of one group"):
        split_validation(whole, seed=0)


def test_groups_by_expression_and_folder() -> None:
    ids = ("train/cat/ann/1.png", "train/dog/ben/2.png", "train/dog/ann/3.png")
    assert groups_by("folder", ids) == ("ann", "ben", "ann")
    assert groups_by("ann|ben", ids) == ("ann", "ben", "ann")
    assert groups_by(r"/(\w)\w*/\d", ids) == ("a", "b", "a")


@pytest.mark.parametrize(
    ("group_by", "said"),
    [("(", "no regular expression"), (r"/(\d)x", "3 images: a/1.png"), ("/", "one group"), (r"(x?)\d", "3 images")],
)
def test_an_expression_that_says_nothing_is_refused(group_by: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        groups_by(group_by, ["a/1.png", "a/2.png", "b/3.png"])


def photographs(root: Path) -> Path:
    """Two classes of six patients with four images each: <class>/<patient>/<image>; patients 0 to 2 have both."""
    stream = np.random.default_rng(0)
    for name, patients in (("ill", range(6)), ("well", (0, 1, 2, 6, 7, 8))):
        for patient in patients:
            folder = root / name / f"p{patient}"
            folder.mkdir(parents=True)
            for index in range(4):
                Image.fromarray(stream.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / f"{index}.png")
    return root


def groups_in(data: DataSet) -> tuple[set[str], set[str]]:
    return set(data.train.groups), set(data.test.groups)


def test_the_folder_of_an_image_is_its_group(tmp_path: Path) -> None:
    root = photographs(tmp_path / "photographs")
    data = load(str(root), parting=Parting(group_by="folder"))
    train, test = groups_in(data)
    assert train | test == {f"p{patient}" for patient in range(9)}
    assert not train & test
    assert any("9 groups" in note and "folder" in note for note in data.notes)
    assert data.fingerprint != load(str(root)).fingerprint
    assert load(str(root), parting=Parting(group_by=r"/(p\d)/")).fingerprint == data.fingerprint
    with pytest.raises(DataError, match="class 0 has images of one group"):
        load(str(root), parting=Parting(group_by="ill|well"))


def test_a_column_of_a_table_names_the_groups(tmp_path: Path) -> None:
    root = photographs(tmp_path)
    files = sorted(root.glob("*/*/*.png"))
    lines = [f"{file.relative_to(root).as_posix()},{file.parts[-3]}, {file.parts[-2]} " for file in files]
    table = root / "list.csv"
    table.write_text("\n".join(["filename,label,group", *lines]))
    train, test = groups_in(load(str(table)))
    assert (train | test, train & test) == ({f"p{patient}" for patient in range(9)}, set())
    table.write_text("\n".join(["filename,label,group", *lines[:-2], f"{lines[-1].rpartition(',')[0]},"]))
    with pytest.raises(DataError, match=r"1 line without a group: line 48"):
        load(str(table))


def test_groups_in_several_provided_parts_are_reported(tmp_path: Path) -> None:
    for part in ("train", "test"):
        photographs(tmp_path / part)
    data = load(str(tmp_path), parting=Parting(group_by="folder"))
    assert any("9 of 9 groups" in note and "too optimistic" in note for note in data.notes)
    lines = [
        f"{file.relative_to(tmp_path).as_posix()},{file.parts[-3]},{part},{file.parts[-2] if part == 'train' else 'p'}"
        for part in ("train", "test")
        for file in sorted((tmp_path / part).glob("*/*/*.png"))
    ]
    (tmp_path / "list.csv").write_text("\n".join(["filename,label,split,group", *lines]))
    with pytest.raises(DataError, match="48 images of the test set are of one group"):
        load(str(tmp_path / "list.csv"))


def test_arrays_are_grouped_by_their_ids() -> None:
    images = np.arange(240, dtype=np.uint8).repeat(64).reshape(240, 8, 8)
    data = load_given((images, np.arange(240) // 10 % 2), group_by=r"(/\d*)\d$")
    train, test = groups_in(data)
    assert len(train | test) == 24
    assert not train & test


def noisy(count: int) -> tuple[ImageSet, int]:
    """Photographs of 64 x 64, of each the original and a slightly brighter copy."""
    stream = np.random.default_rng(1)
    coarse = stream.integers(0, 250, (count, 3, 8, 8)).astype(np.uint8)
    originals = coarse.repeat(8, 2).repeat(8, 3)
    images = np.concatenate([originals, originals + 2])
    return ImageSet(images, np.tile(np.arange(count) % 2, 2), tuple(map(str, range(2 * count)))), count


def test_near_duplicates_stay_together() -> None:
    whole, count = noisy(60)
    looks = [Look.of(Image.fromarray(image.transpose(1, 2, 0))) for image in whole.images]
    found = near_pairs(whole.images)
    assert sorted(map(tuple, found.T.tolist())) == sorted(near_duplicates(looks))
    assert found.T.tolist() == [[place, place + count] for place in range(count)]
    kin = kin_of(whole.images)
    assert kin is not None
    assert kin.tolist() == [*range(count)] * 2
    parted = ImageSet(whole.images, whole.labels, whole.ids, kin=kin)
    for seed in range(5):
        train, validation = split_validation(parted, seed=seed)
        assert {int(name) % count for name in train.ids}.isdisjoint(int(name) % count for name in validation.ids)
        assert len(train) + len(validation) == 2 * count
    data = load_given((whole.images, whole.labels))
    assert {int(name.partition("/")[2]) % count for name in data.train.ids}.isdisjoint(
        int(name.partition("/")[2]) % count for name in data.test.ids
    )
    assert any("120 near-duplicates" in note for note in data.notes)


def test_small_images_and_long_chains_are_not_near_duplicates() -> None:
    whole, _ = noisy(8)
    assert kin_of(whole.images[:, :, ::4, ::4]) is None
    slowly = whole.images[:1].astype(int) // 2 + np.arange(60)[:, None, None, None] * 2
    assert kin_of(slowly.astype(np.uint8)) is None
    assert kin_of(slowly[:40].astype(np.uint8)) is not None


def grouped_npz(path: Path, **groups: Any) -> str:
    images = np.arange(240, dtype=np.uint8).repeat(64).reshape(240, 8, 8)
    np.savez(path, x_train=images, y_train=np.arange(240) // 10 % 2, **groups)
    return str(path)


def test_a_key_of_a_file_of_arrays_names_the_groups(tmp_path: Path) -> None:
    numbers = np.arange(240) // 10
    names = np.array([f"p{number}" for number in numbers])
    for key, groups in (("group", numbers), ("Groups", names), ("group_train", numbers.astype(float)[:, None])):
        data = load(grouped_npz(tmp_path / "a.npz", **{key: groups}))
        train, test = groups_in(data)
        assert len(train | test) == 24
        assert not train & test
        assert any("24 groups" in note for note in data.notes)
        assert not any("not read" in note for note in data.notes)
    alone = load(grouped_npz(tmp_path / "b.npz"))
    assert alone.test.groups == ()
    assert alone.fingerprint != data.fingerprint
    by_id = load(grouped_npz(tmp_path / "c.npz", group=names), parting=Parting(group_by=r"(/\d*)\d$"))
    assert by_id.train.groups[0].startswith("/")  # an expression takes precedence


def test_groups_of_a_test_set_in_a_second_file(tmp_path: Path) -> None:
    path = grouped_npz(tmp_path / "a.npz", group=np.arange(240) // 10)
    images = np.arange(40, dtype=np.uint8).repeat(64).reshape(40, 8, 8)
    second = tmp_path / "test.npz"
    np.savez(second, x=images, y=np.arange(40) % 2, groups=np.arange(40) // 5)
    assert load(path, test_data=second).test.num_groups == 8
    np.savez(second, x=images, y=np.arange(40) % 2)
    with pytest.raises(DataError, match=r"test.npz, x has no groups.*group_test"):
        load(path, test_data=second)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (np.arange(239), r"\(239,\); expected the group of each of 240 images"),
        (np.array(["p"] * 239 + [""]), "group of image 239"),
        (np.arange(240) / 7, "float64"),
    ],
)
def test_groups_that_are_none_are_refused(tmp_path: Path, groups: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        load(grouped_npz(tmp_path / "a.npz", group=groups))
