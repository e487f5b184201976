"""What writing a file leaves: the file, its links, its mode, and nothing else."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_model

from convstudy.files import whole_file, write_json

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX files")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_links_are_followed_and_modes_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "there" / "page.html", tmp_path / "page.html"
    target.parent.mkdir()
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    with whole_file(link) as draft:
        draft.write_text("new")
    assert link.is_symlink()
    assert (target.read_text(), mode(target)) == ("new", 0o640)
    (tmp_path / "dangling").symlink_to("later.html")
    with whole_file(tmp_path / "dangling") as draft:
        draft.write_text("new")
    assert (tmp_path / "later.html").read_text() == "new"
    assert (tmp_path / "dangling").is_symlink()


@posix
def test_hard_links_are_kept_where_the_user_named_the_file(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("a longer old text")
    second.hardlink_to(first)
    with whole_file(first, keep_hard_links=True) as draft:
        draft.write_text("new")
    assert first.samefile(second)
    assert second.read_text() == "new"
    write_json(first, {})  # a file of a run: the other name is somebody's snapshot
    assert second.read_text() == "new"
    assert not first.samefile(second)


@posix
def test_pipes_and_devices_are_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with whole_file(pipe) as draft:
        draft.write_text("through")
    reader.join()
    assert read == ["through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    with whole_file(Path(os.devnull)) as draft:
        draft.write_text("nowhere")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    receiving, sending = os.pipe()
    with whole_file(Path(f"/dev/fd/{sending}")) as draft:
        draft.write_text("by number")
    os.close(sending)
    with open(receiving) as file:  # noqa: PTH123 - a descriptor
        assert file.read() == "by number"


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_new_files_follow_the_umask_whichever_library_writes(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with whole_file(tmp_path / "weights.safetensors") as draft:
            save_model(torch.nn.Linear(1, 1), str(draft))
        write_json(tmp_path / "values.json", {})
    finally:
        os.umask(before)
    assert mode(tmp_path / "weights.safetensors") == mode(tmp_path / "values.json") == 0o666 & ~umask


def test_drafts_are_made_exclusively_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr("convstudy.files.secrets.token_hex", lambda count: "0" * 2 * count)
    trap = tmp_path / f".convstudy-{'0' * 16}.part"
    trap.symlink_to(victim)
    with pytest.raises(FileExistsError) as raised:
        write_json(tmp_path / "values.json", {})
    assert raised.value.filename == str(tmp_path / "values.json")
    assert victim.read_text() == "mine"
    trap.unlink()
    with pytest.raises(RuntimeError), whole_file(tmp_path / "values.json"):
        raise RuntimeError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["victim"]


def test_errors_name_the_users_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.html"

    def refuse(path: Path, *rest: object, **words: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    for name in ("os.open", "Path.replace", "Path.unlink"):
        with monkeypatch.context() as changed:
            changed.setattr(f"convstudy.files.{name}", refuse)
            if name == "Path.unlink":
                changed.setattr("convstudy.files.Path.replace", refuse)
            with pytest.raises(OSError, match="Read-only") as raised:
                write_json(target, {})
        assert raised.value.filename == str(target)
    with pytest.raises(IsADirectoryError) as raised:
        write_json(tmp_path, {})
    assert raised.value.filename == str(tmp_path)


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError), whole_file(tmp_path / "file/below"):
        pass


def test_names_as_long_as_the_system_takes_them(tmp_path: Path) -> None:
    name = "n" * 250 + ".json"
    write_json(tmp_path / name, {})
    assert (tmp_path / name).read_text() == "{}\n"
    with pytest.raises(OSError, match="long") as raised:
        write_json(tmp_path / f"{name}{name}", {})
    assert raised.value.filename == str(tmp_path / f"{name}{name}")


@posix
def test_the_name_is_stored_after_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[bool] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        stored.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        sync(descriptor)

    monkeypatch.setattr("convstudy.files.os.fsync", noted)
    write_json(tmp_path / "values.json", {})
    assert stored == [False, True]
