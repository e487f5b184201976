"""Files of predictions that another program wrote."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from convstudy.errors import StudyError
from convstudy.study.comparisons.predictions_file import OutsidePredictions, read_predictions
from convstudy.study.runs.folder import RunFolder
from convstudy.study.runs.result import OnlyClasses, RunResult, StoredLogits


def read(folder: Path, text: str, class_names: tuple[str, ...] | None = None) -> OutsidePredictions:
    (folder / "theirs.csv").write_text(text)
    return read_predictions(folder / "theirs.csv", class_names)


def test_predicted_classes_as_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, "id,label,prediction\na.png,0,2\n007,1,1\n")
    assert found.ids == ("a.png", "007")
    assert found.labels.tolist() == [0, 1]
    assert isinstance(found.logits, OnlyClasses)
    assert found.logits.predictions.tolist() == [2, 1]
    assert found.class_names == ("0", "1", "2")
    assert not found.scored


def test_predicted_classes_as_names(tmp_path: Path) -> None:
    found = read(tmp_path, "id,label,prediction\n1,dog,cat\n2,cat,cat\n")
    assert found.class_names == ("cat", "dog")
    assert found.labels.tolist() == [1, 0]
    found = read(tmp_path, "id,label,prediction\n1,dog,cat\n2,cat,cat\n", ("dog", "bird", "cat"))
    assert found.labels.tolist() == [0, 2]
    assert found.logits.shape == (2, 3)


def test_logits_in_any_order_of_columns(tmp_path: Path) -> None:
    found = read(tmp_path, "logit_1,id,logit_0,label\n2.5,a,-1,1\n0,b,4,1\n")
    np.testing.assert_array_equal(found.logits, [[-1, 2.5], [4, 0]])
    assert found.scored


def test_probabilities_are_those_that_the_logits_give(tmp_path: Path) -> None:
    found = read(tmp_path, "id,label,probability_0,probability_1,probability_2\na,1,0.2,0.8,0\n")
    assert isinstance(found.logits, np.ndarray)
    np.testing.assert_allclose(softmax(found.logits, axis=1), np.array([[0.2, 0.8, 0]]), atol=1e-6)


def test_parquet(tmp_path: Path) -> None:
    pd.DataFrame({"id": [3, 4], "label": [0, 1], "prediction": [1, 1]}).to_parquet(tmp_path / "theirs.parquet")
    found = read_predictions(tmp_path / "theirs.parquet")
    assert (found.ids, found.labels.tolist()) == (("3", "4"), [0, 1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na,0\n", "has the columns name, label; expected id, label"),
        ("id,label\na,0\n", "has the columns id, label; expected id, label"),
        ("id,label,prediction\n", "has no predictions"),
        ("", "cannot be read as predictions"),
        ("id,label,prediction\na,0,0\na,1,1\n", "has the image a twice"),
        ("id,label,prediction\na,0,0\nb,5,1\n", "theirs.csv, line 3: label 5 "),
        ("id,label,prediction\na,cat,dog\nb,cow,cat\n", "line 2: prediction dog "),
        ("id,label,logit_0,logit_2\na,0,1,2\n", "columns 0, 2"),
        ("id,label,logit_0,logit_1\na,0,1,2\nb,0,x,2\n", "line 3: "),
        ("id,label,probability_0,probability_1\na,0,1.5,-0.5\n", "line 2: "),
        ("id,label,logit_0,logit_1,logit_2\na,0,1,2,3\n", "has scores of 3 classes; expected 2: cat, cow"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(StudyError) as raised:
        read(tmp_path, text, ("cat", "cow"))
    assert message in str(raised.value)
    assert "theirs.csv" in str(raised.value)
    assert "\n" not in str(raised.value).strip()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"gone\.csv"):
        read_predictions(tmp_path / "gone.csv")


def test_names_do_not_say_the_order_of_scores(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="give labels as numbers from 0, in the order of the scores"):
        read(tmp_path, "id,label,logit_0,logit_1,logit_2\na,cat,1,2,3\nb,dog,1,2,3\n")


def test_memory_is_that_of_the_images_and_classes(tmp_path: Path) -> None:
    """A table of classes x classes took 37 GiB for one label of 100,000."""
    with pytest.raises(StudyError, match="class 100000 for 2 images"):
        read(tmp_path, "id,label,prediction\na,100000,1\nb,0,0\n")
    names = tuple(map(str, range(20_000)))
    tracemalloc.start()
    found = read(tmp_path, "id,label,prediction\na,19999,1\nb,0,0\n", names)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.logits.shape == (2, 20_000)
    assert isinstance(found.logits, OnlyClasses)
    assert found.logits.predictions.tolist() == [1, 0]
    assert peak < 10e6


def test_many_columns_are_read_at_once_and_never_listed(tmp_path: Path) -> None:
    count = 30_000
    columns = ",".join(f"logit_{number}" for number in range(count))
    rows = "\n".join(
        f"i{row},{row}," + ",".join(str((number * 7 + row) % 11) for number in range(count)) for row in (0, 1)
    )
    started = time.perf_counter()
    found = read(tmp_path, f"id,label,{columns}\n{rows}\n")
    seconds = time.perf_counter() - started
    assert found.logits.shape == (2, count)
    assert isinstance(found.logits, StoredLogits)
    assert next(found.logits.batches())[1, :3].tolist() == [1, 8, 4]
    assert seconds < 3  # a column at a time it took 5.9
    with pytest.raises(StudyError, match="30,000 classes; expected 2") as caught:
        read(tmp_path, f"id,label,{columns}\n{rows}\n", ("cat", "dog"))
    assert len(str(caught.value)) < 400
    with pytest.raises(StudyError, match="and 29,996 more") as caught:
        read(tmp_path, f"name,{columns}\n{rows}\n")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("labels", "predictions", "names"),
    [
        (["007", "042"], ["042", "042"], ("007", "042")),
        (["10", "20", "9"], ["20", "20", "9"], ("9", "10", "20")),
        (["1.5", "2.0"], ["2.0", "2.0"], ("1.5", "2.0")),
        (["NA", "null"], ["null", "null"], ("NA", "null")),
        (["1", "2", "3"], ["3", "3", "3"], ("1", "2", "3")),
    ],
)
def test_names_that_look_like_numbers_are_names(
    tmp_path: Path, labels: list[str], predictions: list[str], names: tuple[str, ...]
) -> None:
    lines = [f"i{place},{label},{found}" for place, (label, found) in enumerate(zip(labels, predictions, strict=True))]
    for given in (None, names):
        found = read(tmp_path, "\n".join(["id,label,prediction", *lines]), given)
        assert found.class_names == names
        assert [names[number] for number in found.labels] == labels
        assert isinstance(found.logits, OnlyClasses)
        assert [names[number] for number in found.logits.predictions] == predictions


def test_the_labels_decide_between_names_and_numbers(tmp_path: Path) -> None:
    """The class folders 0 to 11 are sorted as text, so that the name 2 is the class 4."""
    names = tuple(sorted(map(str, range(12))))
    numbers = [f"i{number},{number},{(number + 1) % 12}" for number in range(12)]
    (tmp_path / "theirs.csv").write_text("\n".join(["id,label,prediction", *numbers]))
    as_numbers = {f"i{number}": number for number in range(12)}
    as_names = {f"i{number}": names.index(str(number)) for number in range(12)}
    for truth in (as_numbers, as_names):
        found = read_predictions(tmp_path / "theirs.csv", names, truth)
        assert dict(zip(found.ids, found.labels.tolist(), strict=True)) == truth


def test_logits_in_a_file_give_the_values_of_logits_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(50, 12)).astype(np.float32), random.integers(0, 12, 50)
    logits[3] = 0  # equal ones
    written = StoredLogits(tmp_path / "written.npy", (50, 12))
    with written.writing() as write:
        write(0, 5, logits[:, 5:])
        write(7, 0, logits[7:])
        write(0, 0, logits[:7, :5])
    RunFolder(tmp_path).write_many_logits(written)
    assert np.array_equal(np.load(tmp_path / "logits.npy"), logits)
    monkeypatch.setattr("convstudy.study.runs.result.VALUES_AT_ONCE", 7 * 12)
    stored = StoredLogits(tmp_path / "logits.npy", (50, 12))
    here, there = (RunResult(model="a", seed=0, epochs=(), labels=labels, logits=each) for each in (logits, stored))
    assert here.predictions.tolist() == there.predictions.tolist() == logits.argmax(1).tolist()
    odds = softmax(logits.astype(float), axis=1)
    assert here.scores.loss == pytest.approx(-np.log(odds[np.arange(50), labels]))
    assert here.scores.confidence == pytest.approx(odds.max(1))
    best = np.argsort(odds, axis=1, kind="stable")[:, ::-1][:, :5]
    assert here.scores.in_top5.tolist() == (best == labels[:, None]).any(1).tolist()
    for name in ("loss", "confidence", "in_top5"):
        assert getattr(here.scores, name).tolist() == getattr(there.scores, name).tolist()


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("wide", [1000, 2])
def test_other_separators_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, separator: str, wide: int) -> None:
    monkeypatch.setattr("convstudy.study.comparisons.predictions_file.WIDE", wide)
    lines = ["id,label,logit_0,logit_1,logit_2", "a,0,1.5,2,3", "b,2,4,5,6"]
    (tmp_path / "theirs.csv").write_text("\n".join(lines).replace(",", separator))
    found = read_predictions(tmp_path / "theirs.csv")
    assert (found.ids, found.labels.tolist()) == (("a", "b"), [0, 2])
    assert np.asarray(found.logits).tolist() == [[1.5, 2, 3], [4, 5, 6]]


def test_lines_with_more_fields_are_not_shifted(tmp_path: Path) -> None:
    (tmp_path / "theirs.csv").write_text("id,label,prediction\na,0,1,\nb,1,0,\n")
    found = read_predictions(tmp_path / "theirs.csv")
    assert (found.ids, found.labels.tolist()) == (("a", "b"), [0, 1])
    assert isinstance(found.logits, OnlyClasses)
    assert found.logits.predictions.tolist() == [1, 0]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_many_scores_are_read_into_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    scores = np.random.default_rng(1).random((40, 30))
    table = pd.DataFrame(scores, columns=[f"probability_{number}" for number in range(30)])
    table.insert(0, "id", [f"i{number}" for number in range(40)])
    table.insert(1, "label", np.arange(40) % 30)
    path = tmp_path / f"theirs.{form}"
    table.to_csv(path, index=False) if form == "csv" else table.to_parquet(path)
    expected = read_predictions(path).logits
    assert isinstance(expected, np.ndarray)
    for module, name, value in (("predictions_file", "MANY", 100), ("predictions_file", "AT_ONCE", 7)):
        monkeypatch.setattr(f"convstudy.study.comparisons.{module}.{name}", value)
    monkeypatch.setattr("convstudy.study.comparisons.predictions_file.VALUES_AT_ONCE", 7 * 30)
    found = read_predictions(path).logits
    assert isinstance(found, StoredLogits)
    assert np.array_equal(np.concatenate(list(found.batches())), expected)
    found.path.unlink()


def test_a_hundred_thousand_columns_are_not_listed(tmp_path: Path) -> None:
    columns = ",".join(f"column_{number}" for number in range(100_000))
    with pytest.raises(StudyError, match="99,99") as caught:
        read(tmp_path, f"{columns}\n")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("column", ["id", "label", "prediction"])
def test_a_missing_value_is_named_with_its_line(tmp_path: Path, column: str) -> None:
    """Found by fuzzing: a text column of Parquet may lack values."""
    table = pd.DataFrame({"id": list("abc"), "label": list("xyx"), "prediction": list("xyy")})
    table.loc[1, column] = None
    table.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(StudyError, match=f"line 3: {column} is missing"):
        read_predictions(tmp_path / "a.parquet")
