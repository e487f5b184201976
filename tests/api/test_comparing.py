"""`convstudy.compare` and `train` from Python: objects for names, and the same result as the command line's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import convstudy
from convstudy import Recipe
from convstudy.errors import DataError, ModelError, StudyError
from convstudy.study.models.objects import model_of, source_digest
from convstudy.study.runs.events import EpochEnded, RunEnded, ignore
from tests.api import own
from tests.api.own import Tiny
from tests.conftest import Said

RECIPE = Recipe(epochs=1, batch_size=16, warmup_epochs=0.5)
FLAGS = ("--epochs", "1", "--batch-size", "16", "--warmup-epochs", "0.5", "--device", "cpu")
QUIET: dict[str, Any] = {"recipe": RECIPE, "device": "cpu", "on_event": ignore}


def arrays(count: int = 60) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    labels = np.arange(count) % 3
    images = random.integers(0, 60, (count, 32, 32)) + 90 * labels[:, None, None]
    return images.astype(np.uint8), labels


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> convstudy.ComparisonResult:
    folder = tmp_path_factory.mktemp("compared") / "out"
    return convstudy.compare(
        {"mine": Tiny, "lecture": "lecture"}, data=arrays(), seeds=2, jobs=1, output=folder, **QUIET
    )


def test_it_equals_the_command_line_bit_for_bit(
    compared: convstudy.ComparisonResult, convstudy: Callable[..., Said], tmp_path: Path
) -> None:
    images, labels = arrays()
    np.savez(tmp_path / "arrays.npz", images=images, labels=labels)
    (tmp_path / "own.py").write_text(Path(own.__file__).read_text())
    said = convstudy(
        "compare", "own.py:Tiny", "lecture", "--data", "arrays.npz", "--seeds", "2", *FLAGS, "--output", "out"
    )
    assert said.status == 0, said.err
    for here, there in (("mine", "own.py-Tiny"), ("lecture", "lecture")):
        for seed in (0, 1):
            mine = compared.path / here / f"seed-{seed}"
            its = tmp_path / "out" / there / f"seed-{seed}"
            assert (mine / "weights.safetensors").read_bytes() == (its / "weights.safetensors").read_bytes()
            one, other = (pd.read_parquet(run / "predictions.parquet").drop(columns="id") for run in (mine, its))
            pd.testing.assert_frame_equal(one, other)


def test_what_it_gives(compared: convstudy.ComparisonResult, tmp_path: Path) -> None:
    assert compared.finished
    assert (compared.path / "report.html").exists()
    [pair] = compared.pairs
    assert pair.verdict in {"better", "undecided"}
    [sentence] = compared.verdicts
    assert sentence in " ".join(str(compared).split())
    frame = compared.to_pandas()
    assert frame["network"].tolist() == ["mine", "lecture"]
    assert (frame["top1"] == frame[["top1_seed_0", "top1_seed_1"]].mean(axis=1)).all()
    assert sentence in compared._repr_html_()
    assert compared.report(tmp_path / "mine.html").stat().st_size > 10_000
    again = convstudy.open_comparison(compared.path)
    assert again.results == compared.results
    assert not (compared.path / "study.yaml").exists()  # objects have no name that a file could repeat


def test_the_same_call_does_nothing_again_and_other_code_is_another_study(
    compared: convstudy.ComparisonResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks: dict[str, Any] = {"mine": Tiny, "lecture": "lecture"}
    seen: list[object] = []
    asked = {**QUIET, "on_event": seen.append}
    again = convstudy.compare(networks, data=arrays(), seeds=2, jobs=1, output=compared.path, **asked)
    assert not [event for event in seen if isinstance(event, EpochEnded | RunEnded)]
    assert again.pairs == compared.pairs
    monkeypatch.setattr(own, "CHANNELS", 5)  # what the class uses belongs to it
    with pytest.raises(StudyError, match=r"holds another comparison: code\.mine is "):
        convstudy.compare(networks, data=arrays(), seeds=2, jobs=1, output=compared.path, **QUIET)


def test_a_run_of_it_is_opened_with_its_network(compared: convstudy.ComparisonResult) -> None:
    named = compared.run("lecture", 1)
    assert named.evaluate(arrays(30)).images == 30
    with pytest.raises(StudyError, match="was given as an object"):
        convstudy.open_comparison(compared.path).run("mine", 0).network()
    opened = compared.run("mine", 0)
    assert opened.evaluate().top1.value == opened.top1
    run = convstudy.open_run(compared.path / "mine/seed-0", network=Tiny, data=arrays())
    assert run.evaluate().top1.value == run.top1
    with pytest.raises(StudyError, match="no run of other with seed 0; expected mine, lecture and seeds 0, 1"):
        compared.run("other", 0)
    with pytest.raises(StudyError, match="other code of mine"):
        convstudy.open_run(compared.path / "mine/seed-0", network=Failing)


def test_train_evaluate_predict_export(tmp_path: Path) -> None:
    images, labels = arrays()
    built = Tiny(3)
    before = {name: value.clone() for name, value in built.state_dict().items()}
    run = convstudy.train(built, data=(images, labels), output=tmp_path / "run", threads=1, **QUIET)
    assert all(torch.equal(value, before[name]) for name, value in built.state_dict().items())
    assert run.history["epoch"].tolist() == [1]
    assert "Tiny, seed 0: top-1 " in str(run)
    assert run.evaluate().top1.value == run.top1
    of_rows = run.predict(images[:5], topk=2)
    assert [len(answer.ranked) for answer in of_rows] == [2] * 5
    with pytest.raises(StudyError, match="topk is 0") as caught:
        run.predict(images[:5], topk=0)
    assert caught.value.setting == "topk"
    from PIL import Image  # noqa: PLC0415

    Image.fromarray(images[0]).save(tmp_path / "one.png")
    [of_file] = run.predict(tmp_path / "one.png", topk=2)
    assert [label for label, _ in of_file.ranked] == [label for label, _ in of_rows[0].ranked]
    alone, beside = ([probability for _, probability in each.ranked] for each in (of_file, of_rows[0]))
    assert alone == pytest.approx(beside, abs=1e-6)  # a batch of another size may be rounded otherwise
    assert run.export(tmp_path / "net.safetensors").largest_difference == 0
    assert (tmp_path / "net.safetensors").exists()
    with pytest.raises(StudyError, match="no suffix of a known format"):
        run.export(tmp_path / "net.bin")


def test_a_built_network_starts_with_its_own_weights(tmp_path: Path) -> None:
    torch.manual_seed(3)
    built = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 3))
    still = Recipe(epochs=1, batch_size=16, warmup_epochs=0.0, lr=1e-12, weight_decay=0.0)
    run = convstudy.train(built, data=arrays(), output=tmp_path / "run", threads=1, **{**QUIET, "recipe": still})
    torch.testing.assert_close(run.network("cpu").state_dict(), built.state_dict())


@pytest.mark.parametrize(
    "data",
    [
        lambda images, labels: TensorDataset(torch.from_numpy(images), torch.from_numpy(labels)),
        lambda images, labels: {"train": (images[:45], labels[:45]), "test": (images[45:], labels[45:])},
        lambda images, labels: [(image, int(label)) for image, label in zip(images, labels, strict=True)],
        lambda images, labels: (torch.from_numpy(images) / 255, torch.from_numpy(labels)),
    ],
    ids=["torch", "parts", "items", "floats"],
)
def test_data_in_every_form_are_the_same_pixels(data: Callable[..., Any]) -> None:
    images, labels = arrays()
    expected, got = convstudy.load_data(arrays()).data_set, convstudy.load_data(data(images, labels)).data_set
    one, other = (
        np.sort(np.concatenate([part.images.reshape(len(part), -1) for part in (each.train, each.test)]), axis=0)
        for each in (expected, got)
    )
    np.testing.assert_array_equal(one, other)
    assert (len(got.train), len(got.test)) == (45, 15)


def test_a_hugging_face_data_set_and_a_torchvision_one(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra `hf` is not installed")
    images, labels = arrays()
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b", "c"])})
    from PIL import Image  # noqa: PLC0415

    pictures = [Image.fromarray(image) for image in images]
    of_hub = datasets.Dataset.from_dict({"image": pictures, "label": labels.tolist()}, features=features)
    found = convstudy.load_data(of_hub)
    assert found.class_names == ("a", "b", "c")
    assert str(found) == "datasets: 3 classes, 1 x 32 x 32; 45 training, 15 test images"


def test_data_are_inspected() -> None:
    images, labels = arrays()
    twice = {"train": (images, labels), "test": (images[:15], labels[:15])}
    assert "leak" in {finding.kind for finding in convstudy.load_data(twice).inspect()}


SCRIPT = """
import numpy as np
from torch import nn
import convstudy

def small(num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(1024, num_classes))

labels = np.arange(60) % 3
images = (np.random.default_rng(0).integers(0, 60, (60, 32, 32)) + 90 * labels[:, None, None]).astype(np.uint8)
recipe = convstudy.Recipe(epochs=1, warmup_epochs=0.5)
print("once")
found = convstudy.compare([small, "lecture"], data=(images, labels), seeds=1, recipe=recipe, jobs=2, output="out")
print(found.to_pandas()["network"].tolist())
"""


@pytest.mark.parametrize("way", ["script", "console"])
def test_a_script_needs_no_guard_for_its_worker_processes(tmp_path: Path, way: str) -> None:
    (tmp_path / "mine.py").write_text(SCRIPT)
    how = ["mine.py"] if way == "script" else ["-c", SCRIPT]
    done = subprocess.run([sys.executable, *how], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["once", "['small', 'lecture']"]
    assert "lecture, seed 0: epoch 1 of 1" in done.stderr


def test_a_wrong_call_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="two networks are named Tiny"):
        convstudy.compare([Tiny, Tiny], data=arrays(), **QUIET)
    with pytest.raises(ModelError, match="mine is of type int; expected"):
        convstudy.compare({"mine": 3}, data=arrays(), **QUIET)  # type: ignore[dict-item]
    with pytest.raises(ModelError, match=r"mine takes \(width\); expected num_classes and in_channels"):
        convstudy.compare({"mine": lambda width: nn.Linear(width, 3)}, data=arrays(), **QUIET)
    with pytest.raises(DataError, match="the data are of type int; expected a name or a path"):
        convstudy.load_data(3)
    with pytest.raises(DataError, match="differ in shape"):
        convstudy.load_data([(np.zeros((4, 4)), 0), (np.zeros((5, 4)), 1)])
    with pytest.raises(DataError, match="a split 'trial'"):
        convstudy.load_data({"trial": arrays()})
    with pytest.raises(StudyError, match="2 of 2 runs failed: mine, seed 0: ValueError: no"):
        convstudy.compare({"mine": Failing}, data=arrays(), seeds=2, jobs=1, output=tmp_path / "out", **QUIET)


class Failing(Tiny):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and x.device.type == "cpu":
            raise ValueError("no")
        for layer in self:
            x = layer(x)
        return x


def test_the_digest_of_a_network_is_of_its_source_and_what_it_uses() -> None:
    here: dict[str, Any] = {}
    exec("from torch import nn\ndef f(num_classes): return nn.Linear(4, num_classes)", here)
    there: dict[str, Any] = {}
    exec("from torch import nn\ndef f(num_classes): return nn.Linear(5, num_classes)", there)
    assert source_digest(here["f"]) != source_digest(there["f"])
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    assert model_of("a", one).code != model_of("a", other).code
    other.load_state_dict(one.state_dict())
    assert model_of("a", one).code == model_of("a", other).code


def test_predictions_of_anyone_are_compared_as_a_comparison_does(compared: convstudy.ComparisonResult) -> None:
    runs: dict[str, list[np.ndarray[Any, Any]]] = {"mine": [], "lecture": []}
    for name, answers in runs.items():
        for seed in (0, 1):
            table = pd.read_parquet(compared.path / name / f"seed-{seed}/predictions.parquet")
            answers.append(table.filter(like="logit_").to_numpy().argmax(1))
    predictions = {name: np.stack(of_one) for name, of_one in runs.items()}
    found = convstudy.statistics.compare_predictions(table["label"], predictions)
    [pair], [expected] = found.pairs, compared.pairs
    assert (pair.value, pair.low, pair.high, pair.p_value) == (
        expected.difference,
        expected.low,
        expected.high,
        expected.p_value,
    )
    assert pair.verdict == expected.verdict
    top1 = {model.name: model.top1 for model in compared.results.models}
    assert [(each.low, each.high) for each in found.top1.values()] == [(t.low, t.high) for t in top1.values()]
    with pytest.raises(DataError, match="expected seeds x 3 predicted classes"):
        convstudy.statistics.compare_predictions([0, 1, 2], {"a": [0, 1]})
