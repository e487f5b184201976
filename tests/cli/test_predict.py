"""`convstudy predict` as its user meets it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image
from tests.conftest import Said

from convstudy import open_run
from convstudy.study.runs.digests import sealed

Convstudy = Callable[..., Said]


def test_it_says_of_the_test_images_what_the_run_said(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    said = convstudy("predict", run, "pictures/test", "--format", "json", "--topk", "3")
    assert (said.status, said.err) == (0, "")
    found = {answer["image"].removeprefix("pictures/"): answer for answer in json.loads(said.out)}
    stored = pd.read_parquet(tmp_path / run / "predictions.parquet").set_index("id")
    assert set(found) == set(stored.index)
    for name, row in stored.iterrows():
        logits = torch.tensor(row.filter(like="logit_").to_numpy(float))
        expected = dict(zip(("blue", "green", "red"), logits.softmax(0).tolist(), strict=True))
        ranked = {entry["label"]: entry["probability"] for entry in found[name]["ranked"]}
        assert ranked == pytest.approx(expected, abs=1e-5)
        assert list(ranked) == sorted(expected, key=lambda label: -expected[label])
        assert (found[name]["label"], found[name]["probability"]) == next(iter(ranked.items()))


def test_files_folders_and_patterns_of_any_size_and_colour(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / ".hidden").mkdir(parents=True)
    Image.new("RGB", (300, 200), (200, 50, 40)).save(mine / "large.jpg")
    Image.new("L", (7, 9), 90).save(mine / "grey.png")
    Image.new("RGBA", (31, 64), (40, 60, 200, 255)).save(mine / "clear.webp")
    Image.new("RGB", (8, 8)).save(mine / ".hidden/secret.png")
    (mine / "notes.txt").write_text("no image")
    said = convstudy("predict", run, "mine/large.jpg", "mine", "mine/*.webp", "--format", "json", "--topk", "1")
    assert said.status == 0, said.err
    answers = json.loads(said.out)
    assert [answer["image"] for answer in answers] == ["mine/large.jpg", "mine/clear.webp", "mine/grey.png"]
    assert all(len(answer["ranked"]) == 1 for answer in answers)


def test_the_table_names_each_image_and_its_class(convstudy: Convstudy, run: Path) -> None:
    said = convstudy("predict", run, "pictures/test/red/0.png")
    assert said.status == 0
    assert "pictures/test/red/0.png" in said.out
    assert said.out.count("%") == 3
    assert max(map(len, said.out.splitlines())) <= 80


def test_odd_names_are_printed_as_escapes_and_links_to_folders_followed(
    convstudy: Convstudy, run: Path, tmp_path: Path
) -> None:
    picture = (tmp_path / "pictures/test/red/0.png").read_bytes()
    (tmp_path / "mine").mkdir()
    try:
        (tmp_path / "mine" / "caf\udce9-\x1b[2J\u202e.png").write_bytes(picture)
    except OSError as error:
        pytest.skip(f"this file system does not take the name: {error}")
    (tmp_path / "pictures/more").mkdir()
    (tmp_path / "pictures/more" / "0.png").write_bytes(picture)
    (tmp_path / "mine" / "linked").symlink_to(tmp_path / "pictures/more")
    for words in ((), ("--format", "json")):
        said = convstudy("predict", run, "mine", *words)
        assert said.status == 0, said.err
        assert "\x1b[2J" not in said.out
        assert "\u202e" not in said.out
        assert "linked/0.png" in said.out
    assert json.loads(said.out)[0]["image"] == "mine/caf\\udce9-\\x1b[2J\\u202e.png"
    said = convstudy("predict", run, "gone-\x1b[2J.png")
    assert (said.status, said.err.count("\x1b")) == (2, 0)


def test_a_comparison_of_one_run_is_that_run(convstudy: Convstudy, run: Path) -> None:
    words = ("--data", "pictures", "--seeds", "1", "--epochs", "1", "--device", "cpu", "--output", "one")
    assert convstudy("compare", "small.py:Small", *words).status == 0
    folders = (run, "one/small.py-Small/seed-0", "one")
    alone, among, whole = (convstudy("predict", folder, "pictures/test", "--format", "json") for folder in folders)
    assert alone.out == among.out == whole.out


def test_a_changed_or_lost_network_is_made_from_the_run_s_own_copy(
    convstudy: Convstudy, run: Path, tmp_path: Path
) -> None:
    words = ("predict", run, "pictures/test", "--format", "json")
    before = convstudy(*words)
    source = tmp_path / "small.py"
    source.write_text(source.read_text().replace("nn.Conv2d(in_channels, 4", "nn.Conv2d(in_channels, 5"))
    changed = convstudy(*words)
    source.unlink()
    lost = convstudy(*words)
    assert (before.err, changed.err.count("\n"), lost.err.count("\n")) == ("", 1, 1)
    assert changed.err.startswith("small.py:Small has changed")
    assert lost.err.startswith("small.py:Small is not in this folder")
    assert before.out == changed.out == lost.out
    (tmp_path / run / "weights.safetensors").write_bytes(b"torn")
    said = convstudy(*words)
    assert (said.status, said.out) == (2, "")
    assert "weights.safetensors has 4 bytes" in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere", "a.png"), "nowhere does not exist; expected"),
        (("pictures", "a.png"), "pictures holds no run; "),
        (("RUN", "nothing.png"), "nothing.png does not exist; expected an image, a folder of images or a pattern"),
        (("RUN", "*.gif"), "*.gif does not exist; expected an image, a folder of images or a pattern"),
        (("RUN", "empty"), "empty contains no images; expected files such as .jpg or .png"),
        (("RUN", "torn.png"), "torn.png cannot be decoded: "),
        (("RUN", "pictures", "--topk", "0"), "--topk is 0; expected a whole number"),
        (("RUN", "pictures", "--device", "tpu"), "--device is 'tpu'; expected auto, cpu, cuda, cuda:N or mps"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_gets_one_line(
    convstudy: Convstudy, run: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn.png").write_bytes((tmp_path / "pictures/test/red/0.png").read_bytes()[:200])
    said = convstudy("predict", *(run if word == "RUN" else word for word in words))
    assert said.status == 2, said
    assert said.err.startswith(f"error: {message}")
    assert said.err.count("\n") == 1


def test_unfinished_and_ambiguous_folders_are_named(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    again = ("--data", "pictures", "--seeds", "2", "--epochs", "1", "--device", "cpu", "--output", "two")
    assert convstudy("compare", "small.py:Small", *again, "--jobs", "1").status == 0
    for command in ("evaluate", "export"):
        said = convstudy(command, "two")
        assert (said.status, said.err.count("\n")) == (2, 1)
        assert "two holds 2 runs; give one of them, such as two/small.py-Small/seed-" in said.err
    record = tmp_path / run / "run.json"
    kept = json.loads(record.read_text())
    others = {key: value for key, value in kept.items() if key != "preprocessing"}
    record.write_text(json.dumps(sealed(others, record.parent)))
    assert (
        "has no preprocessing; it was written by another version of convstudy"
        in convstudy("predict", run, "pictures").err
    )
    record.unlink()
    (tmp_path / run / "checkpoint.pt").touch()
    assert "holds a run that is not finished" in convstudy("predict", run, "pictures").err


def test_a_network_of_a_layer_table_outlives_the_table(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    lines = ["layer\tfilters\tkernel\tstride\tpadding\toutput", "input\t\t\t\t\t3x32x32"]
    lines += ["conv\t4\t3\t1\t1\t4x32x32", "relu\t\t\t\t\t4x32x32", "flatten\t\t\t\t\t4096", "fc\t3\t\t\t\t3"]
    (tmp_path / "mine.tsv").write_text("\n".join(lines) + "\n")
    words = ("--data", "pictures", "--epochs", "1", "--device", "cpu", "--output", "out")
    said = convstudy("train", "table:mine.tsv", *words)
    assert said.status == 0, said.err
    before = convstudy("predict", "out", "pictures/test", "--format", "json")
    (tmp_path / "mine.tsv").unlink()
    after = convstudy("predict", "out", "pictures/test", "--format", "json")
    assert after.out == before.out != ""


def test_broken_files_are_rows_with_their_reason(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    torn = tmp_path / "pictures/test/green/torn.png"
    torn.write_bytes((tmp_path / "pictures/test/red/0.png").read_bytes()[:200])
    alone = json.loads(convstudy("predict", run, "pictures/test/red", "--format", "json").out)
    said = convstudy("predict", run, "pictures/test", "--format", "json")
    assert said.status == 1
    assert "1 of 16 images" in said.err
    found = {answer["image"]: answer for answer in json.loads(said.out)}
    broken = found["pictures/test/green/torn.png"]
    assert (broken["label"], broken["probability"], broken["ranked"]) == (None, None, [])
    assert "truncated" in broken["problem"]
    assert [found[answer["image"]] for answer in alone] == alone
    said = convstudy("predict", run, "pictures/test/green")
    assert said.status == 1
    assert "truncated" in said.out
    found = {answer.path.name: answer for answer in open_run(tmp_path / run).predict(tmp_path / "pictures/test/green")}
    assert (found["torn.png"].label, found["0.png"].problem) == (None, "")


def test_csv_holds_what_json_holds(convstudy: Convstudy, run: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures/test/red/a,b.png").write_bytes((tmp_path / "pictures/test/red/0.png").read_bytes())
    (tmp_path / "pictures/test/red/torn.png").write_bytes(b"torn")
    words = ("predict", run, "pictures/test/red", "--topk", "2", "--format")
    said = convstudy(*words, "csv")
    assert said.status == 1
    table = pd.read_csv(io.StringIO(said.out))
    assert list(table.columns) == ["image", "label", "probability", "label_2", "probability_2", "problem"]
    answers = json.loads(convstudy(*words, "json").out)
    assert table["image"].tolist() == [answer["image"] for answer in answers]
    for row, answer in zip(table.to_dict("records"), answers, strict=True):
        if "problem" in answer:
            assert (row["problem"], row["label"]) == (answer["problem"], pytest.approx(float("nan"), nan_ok=True))
            continue
        (first, second) = answer["ranked"]
        assert (row["label"], row["probability"]) == (first["label"], pytest.approx(first["probability"]))
        assert (row["label_2"], row["probability_2"]) == (second["label"], pytest.approx(second["probability"]))


def test_of_a_comparison_the_run_with_the_best_validation_answers(
    convstudy: Convstudy, run: Path, tmp_path: Path
) -> None:
    words = ("--data", "pictures", "--seeds", "2", "--epochs", "1", "--device", "cpu", "--output", "two")
    assert convstudy("compare", "small.py:Small", *words, "--jobs", "1").status == 0
    for best in (0, 1):
        for seed in (0, 1):
            path = tmp_path / f"two/small.py-Small/seed-{seed}/epochs.csv"
            pd.read_csv(path).assign(validation_top1=0.9 if seed == best else 0.4).to_csv(path, index=False)
        said = convstudy("predict", "two", "pictures/test", "--format", "json")
        assert said.status == 0
        assert f"seed-{best}" in said.err
        assert (
            said.out == convstudy("predict", f"two/small.py-Small/seed-{best}", "pictures/test", "--format", "json").out
        )
        assert f"such as two/small.py-Small/seed-{best}" in convstudy("evaluate", "two").err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("predict", "RUN", "pictures"), "begin again"),
        (("export", "RUN"), "begin again"),
        (("data", "inspect", "pictures"), "begin again"),
        (("evaluate", "RUN"), "begin again"),
        (("compare", "net"), "continue"),
    ],
)
def test_after_ctrl_c_each_command_says_what_is_true_of_it(
    convstudy: Convstudy, run: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for place in ("convstudy.study.open_run", "convstudy.data.inspected", "convstudy.study.claim_comparison"):
        monkeypatch.setattr(place, stopped)
    said = convstudy(*(run if word == "RUN" else word for word in words))
    assert (said.status, said.err.count("\n")) == (130, 1)
    assert told in said.err
