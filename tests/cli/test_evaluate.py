"""`convstudy evaluate` as its user meets it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import log_loss, recall_score
from statsmodels.stats.proportion import proportion_confint
from tests.cli.conftest import write_images
from tests.conftest import Said

Convstudy = Callable[..., Said]


def evaluated(convstudy: Convstudy, *words: str | Path) -> dict[str, Any]:
    said = convstudy("evaluate", *words, "--format", "json")
    assert (said.status, said.err) == (0, "")
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_its_own_test_part_gives_the_numbers_of_the_run(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    found = evaluated(convstudy, run)
    stored = pd.read_parquet(tmp_path / run / "predictions.parquet")
    logits, labels = stored.filter(like="logit_").to_numpy(float), stored["label"].to_numpy()
    odds = np.exp(logits - logits.max(1, keepdims=True))
    right = int((logits.argmax(1) == labels).sum())
    assert found["top1"]["value"] == json.loads((tmp_path / run / "run.json").read_text())["top1"] == right / 15
    assert (found["top1"]["low"], found["top1"]["high"]) == pytest.approx(
        proportion_confint(right, 15, method="wilson")
    )
    assert found["loss"] == pytest.approx(log_loss(labels, odds / odds.sum(1, keepdims=True)), abs=1e-5)
    recalls = recall_score(labels, logits.argmax(1), average=None)
    assert [entry["right"] / entry["images"] for entry in found["classes"]] == pytest.approx(recalls.tolist())
    assert (found["data"], found["part"], found["images"]) == ("pictures", "test", 15)


def test_other_data_are_taken_whole_where_they_have_no_parts(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "other", count=8, size=(50, 70), seed=5)
    found = evaluated(convstudy, run, "--data", "other")
    assert (found["data"], found["part"], found["images"]) == ("other", "all", 24)
    answers = json.loads(convstudy("predict", run, "other", "--format", "json").out)
    right = sum(answer["image"].split("/")[1] == answer["label"] for answer in answers)
    assert found["top1"]["value"] == right / 24
    assert found["seen"] == {"training": 0, "validation": 0}
    both = evaluated(convstudy, run, "--data", "pictures")
    assert (both["part"], both["images"], both["top1"]) == ("test", 15, evaluated(convstudy, run)["top1"])


def test_classes_in_another_order_are_the_same_classes(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    names = ["red", "green", "blue"]
    paths = [
        (path, label)
        for label, name in enumerate(names)
        for path in sorted((tmp_path / "pictures/test" / name).iterdir())
    ]
    images = np.stack([np.asarray(Image.open(path)) for path, _ in paths])[:, :, 2:22]  # the middle square of 24 x 20
    labels = np.array([label for _, label in paths])
    np.savez(tmp_path / "other.npz", x_train=images, y_train=labels, x_test=images, y_test=labels, classes=names)
    assert evaluated(convstudy, run, "--data", "other.npz")["top1"] == evaluated(convstudy, run)["top1"]


def test_grey_images_for_a_network_of_colours(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "pictures/test", tmp_path / "grey")
    for path in (tmp_path / "grey").rglob("*.png"):
        Image.open(path).convert("L").save(path)
    found = evaluated(convstudy, run, "--data", "grey")
    answers = json.loads(convstudy("predict", run, "grey", "--format", "json").out)
    assert found["top1"]["value"] == sum(a["image"].split("/")[1] == a["label"] for a in answers) / 15


def test_a_network_of_grey_images_sees_colours_as_grey(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    shutil.copytree(pictures, tmp_path / "grey")
    for path in (tmp_path / "grey").rglob("*.png"):
        Image.open(path).convert("L").save(path)
    words = ("--data", "grey", "--seeds", "1", "--epochs", "1", "--device", "cpu", "--output", "out")
    assert convstudy("compare", "small.py:Small", *words).status == 0
    assert evaluated(convstudy, "out", "--data", "pictures")["top1"] == evaluated(convstudy, "out")["top1"]


def test_the_table(convstudy: Convstudy, run: Path) -> None:
    said = convstudy("evaluate", run)
    assert said.status == 0
    for part in ("small.py:Small, seed 0, on pictures, test set: top-1 ", "one run"):
        assert part in said.out
    assert "training images" not in said.out  # none was seen
    assert all(name in said.out for name in ("blue", "green", "red"))
    assert max(map(len, said.out.splitlines())) <= 80


def test_data_that_cannot_be_used_get_one_line(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "more", count=4)
    (tmp_path / "more/red").rename(tmp_path / "more/purple")
    messages = {
        "more": "more has other classes than the run: 'purple' is not a class of the run; expected blue, green, red",
        "nowhere/at/all": "nowhere/at/all does not exist; expected class folders",
    }
    for data, message in messages.items():
        said = convstudy("evaluate", run, "--data", data)
        assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
        assert said.err.startswith(f"error: {message}")


@pytest.mark.parametrize("form", ["classes", "test", "table", "arrays"])
def test_data_with_some_of_the_classes_are_evaluated(
    convstudy: Convstudy, run: Path, tmp_path: Path, form: str
) -> None:
    where = tmp_path / ("fewer/test" if form == "test" else "fewer")
    write_images(where, count=4, seed=9)
    shutil.rmtree(where / "green")
    paths = sorted(where.rglob("*.png"))
    if form == "table":
        rows = [f"{path.relative_to(where)},{path.parent.name}" for path in paths]
        (where / "fewer.csv").write_text("\n".join(["filename,label", *rows]))
    if form == "arrays":
        images = np.stack([np.asarray(Image.open(path)) for path in paths])
        labels = np.array([{"red": 2, "blue": 0}[path.parent.name] for path in paths])
        np.savez(where / "fewer.npz", x_test=images, y_test=labels, classes=["blue", "green", "red"])
    data = {"table": "fewer/fewer.csv", "arrays": "fewer/fewer.npz"}.get(form, "fewer")
    found = evaluated(convstudy, run, "--data", data)
    answers = json.loads(convstudy("predict", run, *map(str, paths), "--format", "json").out)
    right = [Path(answer["image"]).parent.name == answer["label"] for answer in answers]
    assert (found["images"], found["top1"]["value"]) == (8, sum(right) / 8)
    assert [(each["name"], each["images"], each["right"]) for each in found["classes"]] == [
        ("blue", 4, sum(right[:4])),
        ("green", 0, 0),
        ("red", 4, sum(right[4:])),
    ]
    assert found["classes"][1]["top1"] is None
    assert any("green" in note and "1 of" in note and "3 classes" in note for note in found["notes"])


def test_a_single_class_and_a_run_on_numbers_are_evaluated(convstudy: Convstudy, tmp_path: Path) -> None:
    words = ("net", "--data", "digits", "--train-images", "50", "--epochs", "1", "--device", "cpu", "--threads", "1")
    assert convstudy("train", *words, "-o", "digits-run").status == 0
    np.savez(tmp_path / "threes.npz", x_test=np.full((4, 8, 8), 0.5), y_test=[3, 3, 3, 3])
    found = evaluated(convstudy, "digits-run", "--data", "threes.npz")
    assert [each["images"] for each in found["classes"]] == [0, 0, 0, 4, 0, 0, 0, 0, 0, 0]
    assert any("9 of" in note for note in found["notes"])


def test_numbers_for_names_and_other_spellings_get_advice(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "numbers.npz", x_test=np.zeros((3, 20, 20, 3), np.uint8), y_test=[0, 1, 2])
    write_images(tmp_path / "spelled", count=2)
    (tmp_path / "spelled/red").rename(tmp_path / "spelled/Red")
    for data, advice in {"numbers.npz": "an array `classes`", "spelled": "'Red' and 'red'"}.items():
        said = convstudy("evaluate", run, "--data", data)
        assert (said.status, said.err.count("\n")) == (2, 1)
        assert advice in said.err


def test_a_file_of_the_run_stands_for_its_folder(convstudy: Convstudy, run: Path) -> None:
    assert evaluated(convstudy, run / "weights.safetensors") == evaluated(convstudy, run)


def test_changed_data_are_not_evaluated_as_if_they_were_the_same(
    convstudy: Convstudy, run: Path, tmp_path: Path
) -> None:
    shutil.move(tmp_path / "pictures/train/red/0.png", tmp_path / "pictures/test/red/another.png")
    said = convstudy("evaluate", run)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert said.err.startswith("error: pictures has changed since this run was trained")
    assert convstudy("evaluate", run, "--data", "pictures").status == 0


def test_a_run_on_fewer_images_is_evaluated_on_all_of_the_test_part(convstudy: Convstudy, tmp_path: Path) -> None:
    words = ("net", "--data", "digits", "--train-images", "100", "--epochs", "1", "--device", "cpu", "--threads", "1")
    assert convstudy("train", *words, "-o", "few").status == 0
    stored = json.loads((tmp_path / "few/run.json").read_text())
    assert stored["data"]["train_images"] == 100
    found = evaluated(convstudy, "few")
    assert found["top1"]["value"] == stored["top1"]
    assert found["images"] == len(pd.read_parquet(tmp_path / "few/predictions.parquet")) == 449
    said = convstudy("train", *words[:4], "60000", "--epochs", "1", "-o", "more")
    assert (said.status, len(said.err.strip().splitlines())) == (2, 1)
    assert "error: --train-images is 60000; expected 20 to 1338" in said.err


def write_npz(path: Path, folder: Path, images: str, labels: str) -> None:
    """Write the middle squares of the images of class folders, with the numbers of their classes."""
    classes = sorted(each.name for each in folder.iterdir())
    files = [(path, label) for label, name in enumerate(classes) for path in sorted((folder / name).iterdir())]
    squares = [np.asarray(Image.open(path))[:, 2:22] for path, _ in files]  # of 24 x 20 pixels
    arrays = {images: np.stack(squares), labels: np.array([label for _, label in files])}
    stored: dict[str, Any] = {**arrays, "classes": np.array(classes)}
    np.savez(path, **stored)


@pytest.mark.parametrize("kind", ["classes", "test-folder", "table", "npz", "npz-alone", "test-data"])
def test_two_new_images_of_each_class_and_no_training_set_are_enough(
    convstudy: Convstudy, run: Path, tmp_path: Path, kind: str
) -> None:
    new = write_images(tmp_path / "new/test" if kind == "test-folder" else tmp_path / "new", count=2, seed=9)
    words = {"test-data": ("--test-data", "new.npz")}.get(kind, ("--data", "new.npz" if "npz" in kind else "new"))
    if kind in {"npz", "npz-alone", "test-data"}:
        write_npz(tmp_path / "new.npz", new, *(("images", "labels") if kind == "npz-alone" else ("x_test", "y_test")))
    if kind == "table":
        lines = [f"{path.relative_to(tmp_path).as_posix()},{path.parent.name},test" for path in new.rglob("*.png")]
        (tmp_path / "new.csv").write_text("\n".join(["filename,label,split", *lines]))
        words = ("--data", "new.csv")
    found = evaluated(convstudy, run, *words)
    assert found["images"] == 6
    assert found["part"] == ("all" if kind in {"classes", "npz-alone"} else "test")
    assert [entry["images"] for entry in found["classes"]] == [2, 2, 2]
    answers = json.loads(convstudy("predict", run, "new", "--format", "json").out)
    assert found["top1"]["value"] == sum(a["image"].split("/")[-2] == a["label"] for a in answers) / 6


def test_a_second_file_of_test_images_is_read_or_refused(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "new", count=2, seed=9)
    for words, name in ((("--test-data", "gone.npz"), "gone.npz"), (("--test-data", "new"), "--test-data is new")):
        said = convstudy("evaluate", run, *words)
        assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
        assert name in said.err


def test_images_that_the_run_was_trained_on_are_counted(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    found = evaluated(convstudy, run, "--data", "pictures/train")
    trained = json.loads((tmp_path / run / "run.json").read_text())["train_images"]
    assert (found["images"], found["seen"]) == (36, {"training": trained, "validation": 36 - trained})
    said = convstudy("evaluate", run, "--data", "pictures/train")
    assert f"{trained} of the 36 images are" in said.out
    write_images(tmp_path / "mixed", count=3, seed=4)
    (tmp_path / "mixed/red/copied.png").write_bytes((tmp_path / "pictures/train/red/0.png").read_bytes())
    assert sum(evaluated(convstudy, run, "--data", "mixed")["seen"].values()) == 1
    (tmp_path / run / "seen-images.npz").unlink()  # as in the folder of a run of an earlier version
    assert evaluated(convstudy, run, "--data", "mixed")["seen"] is None
    assert "unknown" in convstudy("evaluate", run, "--data", "mixed").out


def test_gray_copies_of_other_sizes_are_recognized(convstudy: Convstudy, tmp_path: Path) -> None:
    """The fingerprints are those of the pixels as they were read, before they are resized for the network."""
    words = ("net", "--data", "digits", "--train-images", "100", "--epochs", "1", "--device", "cpu", "--threads", "1")
    assert convstudy("train", *words, "-o", "few").status == 0
    assert json.loads((tmp_path / "few/run.json").read_text())["preprocessing"]["input_side"] != 8
    found = evaluated(convstudy, "few", "--data", "digits")
    assert (found["images"], found["part"], sum(found["seen"].values())) == (1797, "all", 100)
    with np.load(tmp_path / "few/seen-images.npz") as seen:
        assert len(seen["training"]) + len(seen["validation"]) == 100


def test_broken_images_are_named_or_skipped(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "new", count=2, seed=9)
    (tmp_path / "new/red/torn.png").write_bytes((tmp_path / "new/red/0.png").read_bytes()[:200])
    said = convstudy("evaluate", run, "--data", "new")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "torn.png" in said.err
    assert "--skip-bad-images" in said.err
    found = evaluated(convstudy, run, "--data", "new", "--skip-bad-images")
    assert found["images"] == 6
    assert any("torn.png" in note for note in found["notes"])
    assert "torn.png" in convstudy("evaluate", run, "--data", "new", "--skip-bad-images").out


def test_data_of_a_relative_path_are_found_from_another_folder(
    convstudy: Convstudy, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = evaluated(convstudy, run)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "small.py:Small is not in this folder" in convstudy("evaluate", tmp_path / run).err
    (tmp_path / "elsewhere/small.py").write_bytes((tmp_path / "small.py").read_bytes())
    assert evaluated(convstudy, tmp_path / run) == here
    assert convstudy("export", tmp_path / run, "--format", "safetensors").status == 0
    (tmp_path / "pictures").rename(tmp_path / "elsewhere/pictures")  # as where a project was copied to
    assert evaluated(convstudy, tmp_path / run) == here
    (tmp_path / "elsewhere/pictures").rename(tmp_path / "renamed")
    for command in ("evaluate", "export"):
        said = convstudy(command, tmp_path / run)
        assert (said.status, said.err.count("\n")) == (2, 1)
        assert str(tmp_path) in said.err
