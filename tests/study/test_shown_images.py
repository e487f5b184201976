"""The images that a report shows, what is stored of them, and the maps of a real comparison's networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from convstudy.cli.compare import carry_out
from convstudy.data import ImageSet, load
from convstudy.data.image_set import numbered
from convstudy.inference import grad_cam
from convstudy.study import ComparisonFolder, Plan, open_run, read_findings, write_findings
from convstudy.study.comparisons.activation_maps import with_maps
from convstudy.study.comparisons.images_file import with_images
from convstudy.study.comparisons.results import Findings, NetworkAnswer
from convstudy.study.comparisons.shown_images import GivenAnswers
from convstudy.study.runs.result import RunResult
from convstudy.training import Recipe
from tests.report.made_up import made_up_findings

FLAT = """
from torch import nn

def flat(num_classes, in_channels):
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * 1024, num_classes))
"""
LABELS = np.array([0, 1, 2, 3])
TEST = ImageSet(np.arange(16, dtype=np.uint8).reshape(4, 1, 2, 2), LABELS, numbered("test", 4))


def run(model: str, seed: int, *answers: int) -> RunResult:
    logits = np.eye(4, dtype=np.float32)[list(answers)]
    return RunResult(model=model, seed=seed, epochs=(), labels=LABELS, logits=logits)


RUNS = [run("a", 0, 0, 1, 1, 0), run("a", 1, 0, 1, 1, 0), run("b", 0, 0, 2, 2, 1), run("b", 1, 0, 1, 2, 0)]


def test_images_that_most_runs_got_wrong_come_first() -> None:
    shown = GivenAnswers(TEST, RUNS).most_mistaken()
    assert [(image.id, image.wrong, image.runs, image.usual_answer) for image in shown] == [
        ("test/3", 4, 4, 0),
        ("test/2", 2, 4, 1),
        ("test/1", 1, 4, 2),
    ]
    np.testing.assert_array_equal(shown[0].image[..., 0], [[12, 13], [14, 15]])


def test_images_on_which_networks_are_sure_of_different_answers_come_first() -> None:
    answers = GivenAnswers(TEST, [*RUNS, run("a", 2, 0, 1, 1, 0), run("b", 2, 0, 2, 2, 1)])
    assert answers.differing().tolist() == [False, True, True, True]
    shown = answers.most_disagreed()
    assert shown[0].answers == (NetworkAnswer("a", 1, 3, 3), NetworkAnswer("b", 2, 3, 3))
    assert [image.id for image in shown] == ["test/2", "test/1", "test/3"]  # all three seeds of b, then two of three
    assert shown[1].answers[1] == NetworkAnswer("b", 2, 2, 3)


def test_one_network_agrees_with_itself() -> None:
    assert GivenAnswers(TEST, RUNS[2:]).most_disagreed() == ()


def test_images_answers_and_maps_come_back_as_they_were(tmp_path: Path) -> None:
    findings = made_up_findings(networks=3)
    write_findings(ComparisonFolder(tmp_path), findings)
    bare = replace(findings, mistaken=(), disagreed=(), disagreements=0, map_sources=())
    read = with_images(bare, ComparisonFolder(tmp_path))
    assert (read.disagreements, read.map_sources) == (findings.disagreements, findings.map_sources)
    for there, here in zip((*read.mistaken, *read.disagreed), (*findings.mistaken, *findings.disagreed), strict=True):
        assert replace(there, image=here.image, maps=()) == replace(here, maps=())
        np.testing.assert_array_equal(there.image, here.image)
        for one, other in zip(there.maps, here.maps, strict=True):
            assert (one.model, one.answer) == (other.model, other.answer)
            np.testing.assert_array_equal(one.values, other.values)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[ComparisonFolder, Findings]:
    root = tmp_path_factory.mktemp("compared")
    (root / "own.py").write_text(FLAT)
    own = f"{root}/own.py:flat"
    plan = Plan(("net", own), seeds=1, recipe=Recipe(epochs=1, warmup_epochs=0.5), device="cpu", jobs=1)
    carry_out(plan, root / "out")
    folder = ComparisonFolder(root / "out")
    return folder, read_findings(folder)


def test_maps_are_of_the_stored_weights_through_the_runs_own_preprocessing(
    compared: tuple[ComparisonFolder, Findings],
) -> None:
    folder, findings = compared
    trained = open_run(folder.run("net", 0).path)
    network, device = trained.network(torch.device("cpu")), torch.device("cpu")
    test = trained.own_test_part()
    assert load("digits").test.ids == test.ids
    for shown in findings.mistaken[:6]:
        place = test.ids.index(shown.id)
        images = trained.preprocessing.resident(test.images[[place]], test.labels[[place]], device)
        batch, _ = next(images.batches(1))
        answer = network(batch).argmax(1)
        (map_,) = shown.maps
        assert (map_.model, map_.answer) == ("net", answer.item()) == ("net", shown.answers[0].answer)
        found = grad_cam(network, batch, answer)
        assert found is not None
        expected = found.maps[0] / found.maps[0].max()
        np.testing.assert_allclose(map_.values / 255, expected, atol=0.5 / 255 + 1e-4)
    assert all(not shown.maps for shown in findings.mistaken[12:])


def test_a_network_without_feature_maps_or_weights_is_told(compared: tuple[ComparisonFolder, Findings]) -> None:
    folder, findings = compared
    net, flat = findings.map_sources
    assert (net.layer, net.reason) == ("pool2", "")
    assert flat.layer is None
    assert "feature maps" in flat.reason
    weights = folder.run("net", 0).path / "weights.safetensors"
    kept = weights.read_bytes()
    weights.unlink()
    try:
        (source,) = with_maps(findings, {"net": folder.run("net", 0)}).map_sources
    finally:
        weights.write_bytes(kept)
    assert source.layer is None
    assert "weights.safetensors is missing" in source.reason
