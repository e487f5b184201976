"""Several processes train one network as one process does: the same losses, each image once, exact evaluation."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from convstudy.inference import predict
from convstudy.processes import Place, place, started_by_torchrun
from convstudy.training import Recipe, TrainingBatches
from convstudy.training.parallel import images_of
from tests.conftest import ROOT
from tests.training.made_up import close, images, plain_network, same
from tests.training.several import RECIPES, results

pytestmark = pytest.mark.slow
ROUNDING = 2e-4  # of losses, relative: sums in another order, grown over two epochs


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two and three processes have told of each job, over gloo."""
    folder = tmp_path_factory.mktemp("several")
    command = [sys.executable, "-m", "tests.training.several", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = torch.load(folder / "all.pt")
    return found


@pytest.mark.parametrize(
    ("name", "processes"), [("net", "two"), ("lenet5", "two"), ("plain", "two"), ("plain", "three")]
)
def test_the_same_seed_gives_the_same_losses_to_rounding(told: dict[str, Any], name: str, processes: str) -> None:
    alone, several = results(name), [each[name] for each in told[processes]]
    assert len(alone["epochs"]) == RECIPES[name].epochs
    for each in several:
        for ours, theirs in zip(each["epochs"], alone["epochs"], strict=True):
            assert ours == pytest.approx(theirs, rel=ROUNDING)
            assert ours[3] == theirs[3]  # right answers
        assert close(each["weights"], alone["weights"], 1e-4)
        assert each["epochs"] == several[0]["epochs"]
        assert same(each["weights"], several[0]["weights"])


@pytest.mark.parametrize("processes", ["two", "three"])
def test_it_goes_on_where_one_process_was_asked_to_stop_and_ends_with_the_same_bits(
    told: dict[str, Any], processes: str
) -> None:
    for each in (process[""] for process in told[f"{processes} resumed"]):
        assert each["stopped"]
        assert each["epochs_resumed"] == each["epochs"]
    [whole, *_] = (process[""] for process in told[f"{processes} resumed"])
    assert same(whole["weights"], whole["weights_resumed"])


def test_the_average_of_gradients_does_not_depend_on_their_place(told: dict[str, Any]) -> None:
    """With gloo's own sum it does from three processes on, and DistributedDataParallel rearranges its buckets."""
    parts = [torch.randn(1003, generator=torch.Generator().manual_seed(rank)) for rank in range(3)]
    for each in (process[""] for process in told["added"]):
        assert torch.equal(each["forwards"], each["backwards"])
        assert torch.allclose(each["forwards"], sum(parts, torch.zeros(1003)) / 3, atol=1e-6)


@pytest.mark.parametrize(("count", "parts"), [(7, [3, 2, 2]), (2, [1, 1, 0]), (1300, [434, 433, 433])])
def test_evaluation_counts_each_image_once(told: dict[str, Any], count: int, parts: list[int]) -> None:
    answers = [process[str(count)] for process in told["answers"]]
    assert [each["part"] for each in answers] == parts
    for each in answers:
        assert torch.allclose(each["logits"], predict(plain_network(), images(count)), atol=1e-6)


def test_what_processes_say_to_each_other(told: dict[str, Any]) -> None:
    for rank, each in enumerate(process[""] for process in told["said"]):
        assert each == {"order": [0, 1, 2], "of_the_first": 0, "own": rank}


@pytest.mark.parametrize(
    ("job", "speaker", "line"),
    [
        (
            "idle",
            0,
            r"ModelError: unused\.weight .*requires_grad",
        ),
        (
            "small",
            0,
            r"RecipeError: batch_size 2 .*1 image;.* 2 processes",
        ),
        ("lost", 0, r"DivergedError: .*nan at epoch 1, step 2,.*1e\+30"),
        ("written", 0, r"StudyError: /dev/null/c\.pt "),
        ("second", 1, "ConvstudyError: the second machine has no such folder"),
    ],
)
def test_one_process_says_what_is_wrong_and_all_end(told: dict[str, Any], job: str, speaker: int, line: str) -> None:
    assert re.match(line, told[job][speaker]["error"])
    assert told[job][1 - speaker] == {"exit": 2}


@pytest.mark.parametrize(("count", "batch_size"), [(61, 7), (60, 6), (5, 2), (3, 32)])
def test_the_images_of_a_step_are_those_of_all_its_parts(count: int, batch_size: int) -> None:
    batches = TrainingBatches(images(count), Recipe(batch_size=batch_size), 0)
    whole = [len(labels) for _, labels in batches.epoch(1)]
    assert [images_of(batches, step) for step in range(1, len(whole) + 1)] == whole


def test_a_stream_s_part_is_its_own_images() -> None:
    whole = images(11)
    streamed = whole.__class__(
        whole.images, whole.labels, whole.mean, whole.std,
        stream=lambda batches: (whole.images[list(places)].numpy() for places in batches),
    )  # fmt: skip
    for part in (whole.part(1, 3), streamed.part(1, 3)):
        assert torch.equal(torch.cat([batch for batch, _ in part.batches(3)]), whole.normalized(whole.images[4:8]))
        assert torch.equal(part.labels, whole.labels[4:8])


def test_one_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place() == Place()
    assert not started_by_torchrun()
    for name, value in {"RANK": 0, "LOCAL_RANK": 0, "MASTER_ADDR": "x", "MASTER_PORT": 1, "WORLD_SIZE": 1}.items():
        monkeypatch.setenv(name, str(value))
    assert not started_by_torchrun()  # torchrun --nproc-per-node 1
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert started_by_torchrun()


def test_networks_keep_their_norms_on_gpus() -> None:
    """What SyncBatchNorm has counted is in the norms that it stood for."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    norm: Any = model[1]
    nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    synchronised: Any = model[1]
    assert type(synchronised).__name__ == "SyncBatchNorm"
    synchronised.running_mean += 1
    synchronised.num_batches_tracked += 1
    assert norm.running_mean.tolist() == [1.0, 1.0]
    assert int(norm.num_batches_tracked) == 1
    assert list(norm.state_dict()) == list(synchronised.state_dict())
