"""`convstudy import`: an outsider's predictions, made by a script that knows nothing of us."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.conftest import Said

from convstudy.cli.compare import carry_out
from convstudy.study import ComparisonFolder, Findings, Plan
from convstudy.study.comparisons.results_file import write_findings
from convstudy.study.runs.claim import Claimant
from convstudy.training import Recipe

Convstudy = Callable[..., Said]

OUTSIDER = """
import csv, sys, torch
from sklearn.datasets import load_digits

digits = load_digits()
images = torch.tensor(digits.data, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)
held_out = [int(line) for line in open("held_out.txt")]
training = sorted(set(range(len(labels))) - set(held_out))
for seed in range(int(sys.argv[1])):
    torch.manual_seed(seed)
    network = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(100):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(images[training]), labels[training]).backward()
        optimiser.step()
    with open(f"theirs-{seed}.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label", *(f"logit_{k}" for k in range(10))])
        for number in reversed(held_out):
            writer.writerow([IDS[number], int(labels[number]), *network(images[number]).tolist()])
"""


@pytest.fixture(scope="module")
def one_comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared") / "out"
    carry_out(Plan(("net",), seeds=2, recipe=Recipe(epochs=1, warmup_epochs=0.5), device="cpu", jobs=1), folder)
    return folder


@pytest.fixture
def compared(one_comparison: Path, tmp_path: Path) -> Path:
    """A finished comparison on digits of one quick network, with two seeds."""
    return Path(shutil.copytree(one_comparison, tmp_path / "out"))


def their_files(compared: Path, seeds: int) -> list[str]:
    """Run the outsider's script where it finds the numbers of the test images, and what they are called."""
    ids = pd.read_parquet(compared / "net/seed-0/predictions.parquet")["id"].astype(str)
    numbers = [int("".join(filter(str.isdigit, name))) for name in ids]
    folder = compared.parent
    (folder / "held_out.txt").write_text("\n".join(map(str, numbers)))
    names = dict(zip(numbers, ids, strict=True))
    (folder / "outsider.py").write_text(f"IDS = {names!r}\n{OUTSIDER}")
    subprocess.run([sys.executable, "outsider.py", str(seeds)], cwd=folder, check=True, env={"OMP_NUM_THREADS": "1"})
    return [f"theirs-{seed}.csv" for seed in range(seeds)]


def test_an_outsiders_predictions_join_a_comparison(convstudy: Convstudy, compared: Path) -> None:
    files = their_files(compared, seeds=2)
    said = convstudy("import", *files, "--model", "their mlp", "--output", "out")
    assert (said.status, said.err) == (0, "")
    assert "their mlp" in said.out
    results = json.loads((compared / "results.json").read_text())
    net, theirs = results["models"]
    assert theirs["name"] == "their mlp"
    assert theirs["parameters"] is None
    tables = [pd.read_csv(compared.parent / file) for file in files]
    right = [(table.filter(like="logit_").to_numpy().argmax(1) == table["label"]).mean() for table in tables]
    assert theirs["top1"]["per_seed"] == pytest.approx(right)
    [pair] = results["comparisons"]
    assert pair["difference"] == pytest.approx(net["top1"]["mean"] - sum(right) / 2)
    assert pair["better"] == "their mlp"
    assert "their mlp" in (compared / "report.html").read_text()
    assert convstudy("report", "out").status == 0
    assert "their mlp" in convstudy("report", "out", "--format", "markdown").out

    again = convstudy(
        "compare", "net", "--epochs", "1", "--seeds", "2", "--output", "out", "--device", "cpu", "--jobs", "1"
    )
    assert again.status == 0
    assert json.loads((compared / "results.json").read_text())["models"] == results["models"]


def test_predictions_alone_make_a_comparison(convstudy: Convstudy, tmp_path: Path) -> None:
    lines = [f"{number},{number % 3},{{}}" for number in range(60)]
    good = [line.format(number % 3 if number % 10 else 2) for number, line in enumerate(lines)]
    bad = [line.format(0) for line in lines]
    for name, answers in (("good", good), ("bad", bad)):
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,label,prediction", *answers]))
        assert convstudy("import", f"{name}.csv", "--model", name, "--output", "both").status == 0
    results = json.loads((tmp_path / "both/results.json").read_text())
    assert [model["name"] for model in results["models"]] == ["good", "bad"]
    [pair] = results["comparisons"]
    assert (pair["verdict"], pair["better"]) == ("not_comparable", None)  # one of them answers one class
    assert [(found["kind"], found["model"]) for found in results["health"]] == [("one_class", "bad")]
    assert pair["p_value"] < 0.001
    report = (tmp_path / "both/report.html").read_text()
    assert "predictions imported" in report
    assert "reliability-0" not in report


def predictions(folder: Path, name: str, wrong: int) -> None:
    """Write predictions for 60 images, of which every `wrong`-th is wrong."""
    lines = [f"{number},{number % 3},{(number + (number % wrong == 0)) % 3}" for number in range(60)]
    (folder / f"{name}.csv").write_text("\n".join(["id,label,prediction", *lines]))


def test_names_without_latin_letters_have_folders_of_their_own(convstudy: Convstudy, tmp_path: Path) -> None:
    names = {"α": 2, "β": 3, "my net": 4, "my-net": 5, "网": 10, "n" * 300: 12}
    for name, wrong in names.items():
        predictions(tmp_path, "theirs", wrong)
        said = convstudy("import", "theirs.csv", "--model", name, "--output", "both")
        assert (said.status, said.err) == (0, "")
    results = json.loads((tmp_path / "both/results.json").read_text())
    right = {model["name"]: model["top1"]["mean"] for model in results["models"]}
    assert right == {name: pytest.approx(1 - 1 / wrong) for name, wrong in names.items()}
    assert len({network["folder"].lower() for network in folders_of(tmp_path / "both").values()}) == len(names)
    assert convstudy("report", "both").status == 0


def folders_of(folder: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((folder / "imported.json").read_text())
    return found


def test_another_import_follows_one_that_was_killed_before_it_was_registered(
    convstudy: Convstudy, tmp_path: Path
) -> None:
    for name in ("first", "killed"):
        predictions(tmp_path, name, len(name))
        assert convstudy("import", f"{name}.csv", "--model", name, "--output", "both").status == 0
    register = tmp_path / "both/imported.json"
    known = json.loads(register.read_text())
    register.write_text(json.dumps({"first": known["first"]}))
    predictions(tmp_path, "third", 4)
    assert convstudy("import", "third.csv", "--model", "third", "--output", "both").status == 0
    results = json.loads((tmp_path / "both/results.json").read_text())
    assert [model["name"] for model in results["models"]] == ["first", "third"]
    assert convstudy("import", "killed.csv", "--model", "killed", "--output", "both").status == 0


def test_a_folder_that_another_name_holds_is_refused(convstudy: Convstudy, tmp_path: Path) -> None:
    for name, wrong in (("Net", 3), ("net", 4)):  # one folder on systems that ignore case
        predictions(tmp_path, name.lower() + str(wrong), wrong)
    assert convstudy("import", "net3.csv", "--model", "Net", "--output", "both").status == 0
    before = sorted((path.name, path.read_bytes()) for path in (tmp_path / "both").rglob("*.json"))
    said = convstudy("import", "net4.csv", "--model", "net", "--output", "both")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "Net" in said.err
    assert "--model" in said.err
    assert sorted((path.name, path.read_bytes()) for path in (tmp_path / "both").rglob("*.json")) == before


@pytest.mark.parametrize(
    ("failing", "earlier"), [("with_imported", ()), ("write_json", ()), ("write_json", ("first",))]
)
def test_an_import_that_was_killed_is_repeated(
    convstudy: Convstudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, earlier: tuple[str, ...]
) -> None:
    for name, wrong in (("first", 3), ("second", 4)):
        predictions(tmp_path, name, wrong)
    for name in earlier:
        assert convstudy("import", f"{name}.csv", "--model", name, "--output", "both").status == 0

    def killed(*values: object) -> None:
        raise KeyboardInterrupt

    words = ("import", "second.csv", "--model", "second", "--output", "both")
    with monkeypatch.context() as changed:
        changed.setattr(f"convstudy.study.comparisons.import_predictions.{failing}", killed)
        assert convstudy(*words).status == 130
    assert (convstudy("report", "both").status == 0) or not earlier
    assert convstudy(*words).status == 0
    assert {name: network["seeds"] for name, network in folders_of(tmp_path / "both").items()} == {
        name: [0] for name in (*earlier, "second")
    }
    results = json.loads((tmp_path / "both/results.json").read_text())
    assert [model["name"] for model in results["models"]] == [*earlier, "second"]


def test_imports_into_one_folder_take_turns(
    convstudy: Convstudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions(tmp_path, "theirs", 3)
    taken = []

    def written(folder: ComparisonFolder, findings: Findings) -> None:
        taken.append(Claimant().take(folder.path))
        write_findings(folder, findings)

    monkeypatch.setattr("convstudy.study.comparisons.import_predictions.write_findings", written)
    assert convstudy("import", "theirs.csv", "--model", "theirs", "--output", "both").status == 0
    assert taken == [None]
    assert not list((tmp_path / "both").glob(".claim-*"))


def test_who_is_interrupted_while_waiting_leaves_the_claim_of_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new"

    def interrupted(folder: Path) -> None:
        folder.mkdir()
        assert Claimant().take(folder)
        raise KeyboardInterrupt

    monkeypatch.setattr("convstudy.study.comparisons.folder.one_at_a_time", interrupted)
    with pytest.raises(KeyboardInterrupt), ComparisonFolder(new).alone():
        pass
    assert Claimant().take(new) is None


@pytest.mark.parametrize(
    ("change", "words", "message"),
    [
        (lambda table: table.iloc[1:], (), "test images by their ids"),
        (lambda table: table.assign(id=["strange", *table["id"][1:]]), (), "is missing"),
        (lambda table: table.assign(label=(table["label"] + 1) % 10), (), "labels differ"),
        (lambda table: table, ("--model", "net"), "has its own runs of net"),
        (lambda table: table, ("--model", " "), "--model is empty"),
        (lambda table: table, ("--model", "theirs", "--seed", "-1"), "--seed is -1"),
        (lambda table: table, ("--model", "theirs", "--seed", "4294967296"), "--seed is 4294967296"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(
    convstudy: Convstudy,
    compared: Path,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    words: tuple[str, ...],
    message: str,
) -> None:
    table = pd.read_parquet(compared / "net/seed-0/predictions.parquet")
    change(table).to_csv(compared.parent / "theirs.csv", index=False)
    before = (compared / "results.json").read_text()
    said = convstudy("import", "theirs.csv", *(words or ("--model", "theirs")), "--output", "out")
    assert said.status == 2
    assert message in said.err
    assert said.err.count("\n") == 1
    assert (compared / "results.json").read_text() == before
    assert not (compared / "imported.json").exists()


def test_a_seed_is_imported_once(convstudy: Convstudy, compared: Path) -> None:
    table = pd.read_parquet(compared / "net/seed-0/predictions.parquet")
    table.to_csv(compared.parent / "theirs.csv", index=False)
    words = ("import", "theirs.csv", "--model", "theirs", "--output", "out")
    assert convstudy(*words, "--seed", "4").status == 0
    assert "theirs with seed 4" in convstudy(*words, "--seed", "4").err
    before = (compared / "imported.json").read_text()
    same = convstudy(*words)  # the same predictions as another seed
    assert (same.status, same.err.count("\n")) == (2, 1)
    assert "seed 4 of theirs" in same.err
    assert (compared / "imported.json").read_text() == before
    table.iloc[::-1].to_csv(compared.parent / "theirs.csv", index=False)  # in another order they are still the same
    assert "seed 4 of theirs" in convstudy(*words).err
    pd.read_parquet(compared / "net/seed-1/predictions.parquet").to_csv(compared.parent / "theirs.csv", index=False)
    assert convstudy(*words).status == 0
    assert json.loads((compared / "imported.json").read_text())["theirs"]["seeds"] == [4, 5]


def test_predicted_classes_alone_are_refused_twice_and_kept_small(convstudy: Convstudy, tmp_path: Path) -> None:
    lines = [f"{number},{number % 300},{(number * 7) % 300}" for number in range(900)]
    (tmp_path / "theirs.csv").write_text("\n".join(["id,label,prediction", *lines]))
    words = ("import", "theirs.csv", "--model", "theirs", "--output", "both")
    assert convstudy(*words).status == 0
    assert (tmp_path / "both/imported-theirs/seed-0/predictions.parquet").stat().st_size < 40_000
    assert "seed 0 of theirs" in convstudy(*words).err
    results = json.loads((tmp_path / "both/results.json").read_text())
    right = sum(number % 300 == (number * 7) % 300 for number in range(900))
    assert results["models"][0]["top1"]["mean"] == right / 900


def test_a_folder_of_something_else_is_left_alone(convstudy: Convstudy, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    (tmp_path / "theirs.csv").write_text("id,label,prediction\na,0,0\n")
    said = convstudy("import", "theirs.csv", "--model", "theirs", "--output", "mine")
    assert said.err == "error: mine holds no finished comparison; finish it, or choose another --output\n"


@pytest.mark.parametrize("limit", ["MANY", "MANY_CLASSES"])
def test_many_logits_are_kept_in_a_file_of_their_own_and_give_the_same_results(
    convstudy: Convstudy, compared: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    scratch = Path(os.environ["CONVSTUDY_CACHE"]) / "scratch"
    before = {*scratch.glob("*")}
    pd.read_parquet(compared / "net/seed-0/predictions.parquet").iloc[::-1].to_parquet(compared.parent / "t.parquet")
    shutil.copytree(compared, compared.parent / "other")
    assert convstudy("import", "t.parquet", "--model", "theirs", "--output", "out").status == 0
    monkeypatch.setattr(f"convstudy.study.comparisons.predictions_file.{limit}", 1)
    assert convstudy("import", "t.parquet", "--model", "theirs", "--output", "other").status == 0
    assert (compared.parent / "other/imported-theirs/seed-0/logits.npy").exists()
    assert {*scratch.glob("*")} == before
    here, there = (json.loads((compared.parent / name / "results.json").read_text()) for name in ("out", "other"))
    assert here == there
    theirs = here["models"][1]
    assert set(theirs["metrics"]) >= {"top5", "log_loss", "calibration_error"}
    assert theirs["top1"]["mean"] == here["models"][0]["top1"]["per_seed"][0]
    assert convstudy("report", "other").status == 0
