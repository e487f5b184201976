"""Files decoded once: in memory or in a mapped file, which is whole, that of these files, or built again."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from convstudy.cli.compare import carry_out
from convstudy.data import (
    DataSet,
    at_side,
    free_memory,
    load,
    memory,
    pixel_statistics,
    split_validation,
    store,
)
from convstudy.data.cache import ScratchFile, _disown_all
from convstudy.data.memory import Mapped, is_mapped
from convstudy.data.store import decoded_store, opened
from convstudy.data.streamed import Streamed
from convstudy.errors import DataError
from convstudy.inference import ResidentImages
from convstudy.study import Plan
from convstudy.study.models.preprocessing import with_channels
from convstudy.study.runs.workers import start_process
from convstudy.training import Recipe, TrainingBatches

COUNT, SIDE = 12, 16


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    stream = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index in range(COUNT):
            pixels = stream.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{index}.png")
    return tmp_path / "pets"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing fits in memory; what is decoded goes here."""
    monkeypatch.setattr(memory, "free_memory", lambda: 0)
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.png"))


def only_store(cache: Path) -> Path:
    [path] = cache.glob("*.images")
    return path


def same(one: DataSet, other: DataSet) -> None:
    for mine, theirs in ((one.train, other.train), (one.test, other.test)):
        assert mine.ids == theirs.ids
        assert np.array_equal(mine.images, theirs.images)
        assert np.array_equal(mine.labels, theirs.labels)
    assert one.fingerprint == other.fingerprint


def test_mapped_images_are_those_in_memory(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a" / "broken.png").write_bytes(b"")
    resident = load(str(folder), skip_bad_images=True)
    assert not is_mapped(resident.train.images)
    monkeypatch.setattr(memory, "free_memory", lambda: 0)
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    for _ in range(2):  # built, then found
        mapped = load(str(folder), skip_bad_images=True)
        assert is_mapped(mapped.train.images)
        same(resident, mapped)
        assert mapped.skipped == resident.skipped == ("a/broken.png",)
        [note] = [note for note in mapped.notes if note not in resident.notes]
        assert "mapped from" in note
        assert str(tmp_path) not in note  # it is in files that are passed on
    for mine, theirs in zip(
        split_validation(resident.train, seed=1), split_validation(mapped.train, seed=1), strict=True
    ):
        assert is_mapped(theirs.images)
        assert np.array_equal(mine.images, theirs.images)
    larger = at_side(mapped, 20)
    assert is_mapped(larger.train.images)
    same(at_side(resident, 20), larger)
    assert pixel_statistics(mapped.train.images) == pixel_statistics(resident.train.images)


def test_what_was_decoded_is_not_decoded_again(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load(str(folder))
    monkeypatch.setattr("convstudy.data.store.decode_each", None)
    same(before, load(str(folder)))


def test_a_changed_file_is_decoded_again(folder: Path, cache: Path) -> None:
    before = load(str(folder))
    Image.new("RGB", (SIDE, SIDE), "red").save(folder / "a" / "0.png")
    after = load(str(folder))
    assert after.fingerprint != before.fingerprint
    assert len(list(cache.glob("*.images"))) == 2


@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_torn_store_is_told_from_a_whole_one_and_built_again(folder: Path, cache: Path, data: st.DataObject) -> None:
    images = np.array(decoded_store(files(folder), side=SIDE, mode="RGB", progress=None).images)
    path = only_store(cache)
    content = path.read_bytes()
    torn = bytearray(content[: data.draw(st.integers(0, len(content)))])
    for at in data.draw(st.lists(st.integers(0, max(len(torn) - 1, 0)), max_size=2)):
        torn[at : at + 1] = bytes([data.draw(st.integers(0, 255))])
    path.unlink()  # what is mapped must not change below it
    path.write_bytes(torn)
    assert (opened(path) is None) == (torn != content)
    again = decoded_store(files(folder), side=SIDE, mode="RGB", progress=None)
    assert np.array_equal(again.images, images)
    assert path.read_bytes() == content


def test_what_a_killed_process_left_is_removed_and_what_another_one_builds_is_not(folder: Path, cache: Path) -> None:
    """Also where the lock of the store is not seen by both."""
    theirs = ScratchFile()
    (left := theirs.path.with_stem(f"{theirs.path.stem}0")).write_bytes(b"half")
    store = decoded_store(files(folder), side=SIDE, mode="RGB", progress=None)
    assert is_mapped(store.images)
    assert (left.exists(), theirs.path.exists()) == (False, True)
    assert scratch_files(cache) == [theirs.path]
    (plain := cache / "plain").touch()
    assert only_store(cache).stat().st_mode == plain.stat().st_mode  # others may share the cache
    theirs.remove()


BUILD = """
import sys
from pathlib import Path
from convstudy.data import memory
from convstudy.data.store import decoded_store
memory.free_memory = lambda: 0
told = []
print("ready", flush=True)
sys.stdin.readline()
store = decoded_store(
    sorted(Path(sys.argv[1]).rglob("*.png")), side=16, mode="RGB", progress=lambda done, total: told.append(done)
)
print(len(told), int(store.images.sum()))
"""


def test_two_processes_at_once_build_one_store(folder: Path, cache: Path) -> None:
    """They begin together, when both have imported everything; one builds, the other takes what it has built."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", BUILD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    said = sorted(worker.communicate()[0].split() for worker in workers)
    expected = str(sum(int(np.asarray(Image.open(path), np.int64).sum()) for path in files(folder)))
    assert said == [["0", expected], [str(2 * COUNT), expected]]
    only_store(cache)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    if not shutil.which("mount") or os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("side", [100, 24])  # the store has no room; the store has, and its copies have not
def test_a_full_disk_gets_one_line(
    side: int, folder: Path, cache: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sets that it has no room for are streamed, if that is known before: here another program fills it."""
    monkeypatch.setattr(store, "fits_on_disk", lambda num_bytes: True)
    monkeypatch.setenv("CONVSTUDY_CACHE", str(small_disk))
    with pytest.raises(DataError) as raised:
        load(str(folder), side=side)
    assert "cannot be stored in" in str(raised.value)
    assert "no space left on device; set CONVSTUDY_CACHE" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(list(small_disk.glob("*.images"))) == (side == 24)
    assert not scratch_files(small_disk)  # the room is given back


def test_what_the_disk_has_no_room_for_is_streamed(
    folder: Path, cache: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSTUDY_CACHE", str(small_disk))
    data = load(str(folder), side=100)
    assert isinstance(data.train.images, Streamed)
    assert list(small_disk.iterdir()) == []


def everything(data: DataSet) -> list[object]:
    """All that is made of the images of a data set, by whoever asks for it."""
    larger = at_side(data, 20)
    parts = [*split_validation(data.train, seed=1), *split_validation(larger.train, seed=1), data.test, larger.test]
    grey = with_channels(data.test.images, 1)
    return [
        data.fingerprint,
        *(part.ids for part in parts),
        *(np.array(part.images[:]).tolist() for part in parts),
        *(pixel_statistics(part.images) for part in parts),
        grey[:].tolist(),
        *(data.test.images[key].tolist() for key in (2, -1, slice(1, 3), [2, 0], (slice(0, 2), 1), (0, 0, 3))),
    ]


def trained_on(data: DataSet) -> list[torch.Tensor]:
    device = torch.device("cpu")
    recipe = Recipe(batch_size=5, crop_padding=0.125, horizontal_flip=True, erasing=0.5)
    train = ResidentImages.of(data.train.images, data.train.labels, mean=(0.5,) * 3, std=(0.2,) * 3, device=device)
    seen = [batch for rank in (0, 1) for batch in TrainingBatches(train, recipe, 3).epoch(2, rank=rank, world=2)]
    late = list(TrainingBatches(train, recipe, 3).epoch(1, after_step=2))
    return [tensor for batch in [*seen, *late, *train.batches(7)] for tensor in batch]


def test_a_stream_is_what_is_in_memory(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a" / "broken.png").write_bytes(b"")
    resident = load(str(folder), skip_bad_images=True)
    expected, batches = everything(resident), trained_on(resident)
    monkeypatch.setattr(memory, "free_memory", lambda: 0)
    monkeypatch.setattr(store, "fits_on_disk", lambda num_bytes: False)
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    streamed = load(str(folder), skip_bad_images=True)
    assert isinstance(streamed.train.images, Streamed)
    assert streamed.skipped == ("a/broken.png",)
    assert "decoded again in each epoch" in "".join(streamed.notes)
    monkeypatch.undo()
    assert everything(streamed) == expected
    for mine, theirs in zip(trained_on(streamed), batches, strict=True):
        assert torch.equal(mine, theirs)


def test_a_streamed_file_that_is_lost_is_named(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "fits_on_disk", lambda num_bytes: False)
    data = load(str(folder))
    (folder / data.test.ids[0]).unlink()
    with pytest.raises(DataError, match=r"png cannot be decoded any more"):
        data.test.images[0]


@pytest.mark.parametrize("place", ["mapped", "streamed"])
def test_a_run_gives_the_same_answers_wherever_its_images_are(
    place: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(epochs=2, warmup_epochs=0.5, batch_size=8)
    plan = Plan(("net",), data=str(folder), seeds=1, recipe=recipe, device="cpu", jobs=1, input_size=32)
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    carry_out(plan, tmp_path / "memory")
    monkeypatch.setattr(memory, "free_memory", lambda: 0)
    monkeypatch.setattr(store, "fits_on_disk", lambda num_bytes: place == "mapped")
    carry_out(plan, tmp_path / place)
    mine, theirs = (pd.read_parquet(tmp_path / name / "net/seed-0/predictions.parquet") for name in (place, "memory"))
    pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
    told = (tmp_path / place / "results.json").read_text()
    assert ("mapped from" if place == "mapped" else "decoded again in each epoch") in told


def test_a_cache_that_cannot_be_written_gets_one_line(
    folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(DataError, match=r"cannot be stored in .*: not a directory; set"):
        load(str(folder))


def test_a_mapped_array_reaches_another_process_as_a_name(folder: Path, cache: Path) -> None:
    images = decoded_store(files(folder), side=SIDE, mode="RGB", progress=None).images
    for part in (images, images[5:9], images[20:]):
        packed = pickle.dumps(part)
        assert len(packed) < 1000
        again = pickle.loads(packed)
        assert isinstance(again, Mapped)
        assert np.array_equal(again, part)
    for copied in (images[::2], images[[3, 1]], images[:, :1]):
        assert np.array_equal(pickle.loads(pickle.dumps(copied)), copied)


def test_training_on_mapped_images_sees_what_it_sees_in_memory(folder: Path, cache: Path) -> None:
    images = decoded_store(files(folder), side=SIDE, mode="RGB", progress=None).images
    labels = np.arange(len(images)) % 2
    recipe = Recipe(batch_size=8, crop_padding=0.125, horizontal_flip=True, erasing=0.5)
    seen = []
    for array in (images, np.array(images)):
        resident = ResidentImages.of(array, labels, mean=(0.5,) * 3, std=(0.2,) * 3, device=torch.device("cpu"))
        batches = TrainingBatches(resident, recipe, 3)
        seen.append([batch for epoch in (1, 2) for batch in batches.epoch(epoch)])
        assert resident.mapped == is_mapped(array)
    for one, other in zip(*seen, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


USE = "from convstudy.data.cache import ScratchFile; ScratchFile().write(memoryview(bytes(9)))"
AS_ON_WINDOWS = """
from pathlib import Path
unlink = Path.unlink
def refusing(path, missing_ok=False):
    if path.suffix == ".bytes":
        raise PermissionError(13, "The process cannot access the file because it is being used", str(path))
    unlink(path, missing_ok)
Path.unlink = refusing
"""


def scratch_files(cache: Path) -> list[Path]:
    return list((cache / "scratch").glob("*.bytes"))


def test_a_scratch_file_that_stays_while_it_is_mapped_goes_with_a_later_process(cache: Path) -> None:
    for program, left in ((AS_ON_WINDOWS + USE, 1), (AS_ON_WINDOWS + USE, 2), (USE, 0)):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        assert len(scratch_files(cache)) == left


def test_scratch_files_that_nobody_holds_are_removed(folder: Path, cache: Path) -> None:
    data = load(str(folder))
    mine = scratch_files(cache)
    assert mine
    gone, elsewhere = (mine[0].with_name(name) for name in (f"{mine[0].stem}0.bytes", "another-abcdef-0.bytes"))
    for path in (gone, elsewhere):
        path.write_bytes(b"x")
    load(str(folder))
    assert not gone.exists()
    assert elsewhere.exists()  # of another machine, whose locks may not be seen from here
    assert all(path.exists() for path in mine)
    assert len(data.train.images[:])


def images_of_one(value: int, cache: Path, connection: Connection) -> None:
    """Map images of one value, send them as to a worker, and wait; host and process are those of any container."""
    os.environ["CONVSTUDY_CACHE"] = str(cache)
    platform.node, os.getpid = lambda: "container", lambda: 1
    memory.free_memory = lambda: 0  # type: ignore[attr-defined]
    images = memory.filled((3, 1, 2, 2), lambda put: put(np.full((3, 1, 2, 2), value, np.uint8)))
    connection.send_bytes(pickle.dumps(images))
    connection.recv()
    connection.send(np.unique(images).tolist())


def test_two_containers_with_one_host_name_and_one_cache_have_their_own_images(cache: Path) -> None:
    ends, sent = [], []
    for value in (7, 8):
        ours, theirs = multiprocessing.Pipe()
        process = start_process(images_of_one, (value, cache, theirs), daemon=True)
        sent.append(ours.recv_bytes())
        ends.append((process, ours))
    assert len(scratch_files(cache)) == 2
    assert [np.unique(pickle.loads(packed)).tolist() for packed in sent] == [[7], [8]]
    for (process, ours), value in zip(ends, (7, 8), strict=True):
        ours.send(None)
        assert ours.recv() == [value]
        process.join()


@pytest.mark.parametrize("kept", [True, False], ids=["changed", "gone"])
def test_a_file_that_is_not_the_one_meant_is_refused(kept: bool, cache: Path) -> None:
    images = memory.filled((3, 1, 2, 2), lambda put: put(np.ones((3, 1, 2, 2), np.uint8)))
    packed = pickle.dumps(images[1:])
    assert np.array_equal(pickle.loads(packed), images[1:])
    [path] = scratch_files(cache)
    path.unlink()
    if kept:
        path.write_bytes(bytes(12))
    with pytest.raises(DataError, match="decoded images"):
        pickle.loads(packed)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are of Unix")
def test_a_fork_leaves_the_files_of_its_parent(cache: Path) -> None:
    file = ScratchFile()
    if not (pid := os.fork()):
        try:
            _disown_all()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert file.path.exists()
    file.remove()
    assert not file.path.exists()


def test_a_container_s_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("1000\n")
    monkeypatch.setattr(free_memory, "MOUNT", tmp_path)
    monkeypatch.setattr(free_memory, "MEMBERSHIP", tmp_path / "none")
    assert free_memory.free_memory() == 4000
    assert (memory.fits(1000), memory.fits(1001)) == (True, False)
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory.free_memory() > 10**6
