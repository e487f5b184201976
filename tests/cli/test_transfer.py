"""`convstudy train` from trained weights: a new head, a frozen backbone, the weights' own preprocessing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import torchvision
from safetensors.torch import load_file
from tests.cli.conftest import write_images
from tests.conftest import Said
from torch import nn
from torchvision.models import GoogLeNet_Weights, ResNet18_Weights

from convstudy.study.trained.open_run import open_run
from convstudy.zoo.weight_files import stated

Convstudy = Callable[..., Said]

SHORT = ("--epochs", "1", "--device", "cpu", "--threads", "1", "--output")


@pytest.fixture
def pretrained(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> str:
    """`net` with weights of a run on three colours; beside it `two/`, other images of two of them."""
    assert convstudy("train", "net", "--data", "pictures", *SHORT, "before").status == 0
    write_images(tmp_path / "two", count=20, size=(40, 40), seed=7)
    for path in sorted((tmp_path / "two/green").iterdir()):
        path.unlink()
    (tmp_path / "two/green").rmdir()
    return "net@before/weights.safetensors"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch's hub cache, with a file in place of torchvision's weights of resnet18."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    torch.manual_seed(3)
    path: Path = tmp_path / "hub/checkpoints" / ResNet18_Weights.DEFAULT.url.rpartition("/")[2]
    path.parent.mkdir(parents=True)
    torch.save(torchvision.models.resnet18().state_dict(), path)
    return path


def record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


def test_it_begins_from_the_weights_with_a_new_head(convstudy: Convstudy, pretrained: str, tmp_path: Path) -> None:
    said = convstudy("train", pretrained, "--data", "two", "--lr", "1e-12", *SHORT, "after")
    assert said.status == 0, said.err
    before, after = (load_file(tmp_path / name / "weights.safetensors") for name in ("before", "after"))
    kept = {key for key in before if before[key].shape == after[key].shape and torch.allclose(before[key], after[key])}
    [head] = [name for name, layer in nets().items() if isinstance(layer, nn.Linear) and layer.out_features == 3]
    assert set(before) - kept == {f"{head}.weight", f"{head}.bias"}
    assert len(after[f"{head}.bias"]) == 2
    for key in ("mean", "std"):  # the weights' own preprocessing travels with them
        assert record(tmp_path / "after")["preprocessing"][key] == record(tmp_path / "before")["preprocessing"][key]


def nets() -> dict[str, nn.Module]:
    from convstudy.zoo import build  # noqa: PLC0415

    return dict(build("net", num_classes=3, in_channels=3).named_modules())


def test_a_frozen_backbone_stays_to_the_bit_and_its_head_learns(
    convstudy: Convstudy, pretrained: str, tmp_path: Path
) -> None:
    words = ("train", pretrained, "--data", "two", "--freeze", "backbone", "--epochs", "30", "--device", "cpu")
    said = convstudy(*words, "--output", "after")
    assert said.status == 0, said.err
    before, after = (load_file(tmp_path / name / "weights.safetensors") for name in ("before", "after"))
    same = {key for key in before if before[key].shape == after[key].shape and torch.equal(before[key], after[key])}
    assert len(set(before) - same) == 2
    epochs = pd.read_csv(tmp_path / "after/epochs.csv")
    assert epochs["train_loss"].iloc[-1] < epochs["train_loss"].iloc[0]
    assert record(tmp_path / "after")["freeze"] is True
    assert record(tmp_path / "after")["recipe"]["crop_padding"] == 0
    found = json.loads(convstudy("evaluate", "after", "--format", "json").out)
    assert found["top1"]["value"] == record(tmp_path / "after")["top1"]
    other = convstudy("train", pretrained, "--data", "two", "--epochs", "30", "--device", "cpu", "--output", "after")
    assert "after holds another run: " in other.err


@pytest.mark.parametrize(
    ("flags", "stopped_after"), [((), 2), (("--unfreeze-at", "2"), 1), (("--unfreeze-at", "2"), 3)]
)
def test_frozen_and_interrupted_it_ends_the_same(
    convstudy: Convstudy,
    pretrained: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: tuple[str, ...],
    stopped_after: int,
) -> None:
    from convstudy.report.terminal.training_display import TrainingDisplay  # noqa: PLC0415
    from convstudy.study.runs.events import EpochEnded, Event  # noqa: PLC0415

    words = ("train", pretrained, "--data", "two", "--freeze", "backbone", "--epochs", "4", "--threads", "1", *flags)
    assert convstudy(*words, "--output", "whole").status == 0
    show = TrainingDisplay.__call__

    def interrupted(self: TrainingDisplay, event: Event) -> None:
        show(self, event)
        if isinstance(event, EpochEnded) and event.epoch.epoch == stopped_after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(TrainingDisplay, "__call__", interrupted)
        assert convstudy(*words, "--output", "broken").status == 130
    assert convstudy("train", "--resume", "broken").status == 0
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert (whole / "weights.safetensors").read_bytes() == (broken / "weights.safetensors").read_bytes()
    assert list(pd.read_csv(broken / "epochs.csv")["epoch"]) == [1, 2, 3, 4]
    assert {path.name for path in whole.iterdir()} == {path.name for path in broken.iterdir()}


def test_from_unfreeze_at_on_the_whole_network_learns(convstudy: Convstudy, pretrained: str, tmp_path: Path) -> None:
    words = ("train", pretrained, "--data", "two", "--freeze", "backbone", "--threads", "1", "--epochs", "3")
    assert convstudy(*words, "--unfreeze-at", "2", "--output", "after").status == 0
    before, after = (load_file(tmp_path / name / "weights.safetensors") for name in ("before", "after"))
    assert all(before[key].shape != after[key].shape or not torch.equal(before[key], after[key]) for key in before)
    kept = record(tmp_path / "after")
    assert (kept["freeze"], kept["unfreeze_at"], kept["recipe"]["crop_padding"]) == (True, 2, 0.125)
    epochs = pd.read_csv(tmp_path / "after/epochs.csv")
    assert list(epochs["epoch"]) == [1, 2, 3]
    for unfreeze_at, expected in (
        ("3", "from 1 to below 3, the value of --epochs"),
        ("-1", "a whole number, 0 or more"),
    ):
        said = convstudy(*words, "--unfreeze-at", unfreeze_at, "--output", "other")
        assert said.status == 2
        assert said.err.startswith(f"error: --unfreeze-at is {unfreeze_at}; expected ")
        assert expected in said.err


def test_a_comparison_trains_the_heads_of_frozen_backbones(
    convstudy: Convstudy, pretrained: str, tmp_path: Path
) -> None:
    assert convstudy("train", "lecture", "--data", "pictures", *SHORT, "also").status == 0
    networks = {pretrained: "before", "lecture@also/weights.safetensors": "also"}
    frozen = ("--data", "two", "--freeze", "backbone", "--epochs", "3", "--device", "cpu", "--threads", "1")
    command = ("compare", *networks, *frozen, "--seeds", "1", "--output", "out")
    said = convstudy(*command, "--jobs", "2")
    assert said.status == 0, said.err
    assert convstudy("train", pretrained, *frozen, "--output", "alone").status == 0
    runs = {record(path.parent)["model"]: path.parent for path in (tmp_path / "out").glob("*/seed-0/run.json")}
    assert set(runs) == set(networks)
    alone = (tmp_path / "alone/weights.safetensors").read_bytes()
    assert (runs[pretrained] / "weights.safetensors").read_bytes() == alone
    for name, whence in networks.items():
        before, after = (load_file(path / "weights.safetensors") for path in (tmp_path / whence, runs[name]))
        kept = {key for key in before if before[key].shape == after[key].shape and torch.equal(before[key], after[key])}
        assert len(set(before) - kept) == 2
        assert record(runs[name])["freeze"] is True
    protocol = json.loads((tmp_path / "out/results.json").read_text())["protocol"]
    assert (protocol["recipe"]["freeze"], protocol["recipe"]["unfreeze_at"]) == ("backbone", 0)
    assert "--freeze backbone" in protocol["command"]
    again = convstudy("compare", "-c", "out/study.yaml", "--output", "out")
    assert again.status == 0, again.err
    other = convstudy(*command, "--unfreeze-at", "2")
    assert "out holds another comparison" in other.err


def test_imagenet_weights_bring_their_preprocessing_and_a_warning_at_32_pixels(
    convstudy: Convstudy, pictures: Path, hub: Path, tmp_path: Path
) -> None:
    words = ("train", "resnet18@imagenet", "--data", "pictures", "--freeze", "backbone")
    said = convstudy(*words, *SHORT, "out")
    assert said.status == 0, said.err
    assert said.err.startswith("warning: resnet18@imagenet: ")
    assert "images of 224x224" in said.err
    assert "32x32" in said.err
    preprocessing = record(tmp_path / "out")["preprocessing"]
    assert (preprocessing["mean"], preprocessing["std"]) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    stored, ours = torch.load(hub, weights_only=True), load_file(tmp_path / "out/weights.safetensors")
    assert {key for key in ours if not torch.equal(ours[key], stored[key])} == {"fc.weight", "fc.bias"}
    resized = convstudy(*words, "--resize", "112", *SHORT, "larger")
    assert (resized.status, resized.err) == (0, "")
    assert record(tmp_path / "larger")["preprocessing"]["input_side"] == 112
    hub.unlink()  # a finished run needs its own weights only
    assert convstudy("predict", "out", "pictures/test/red/0.png").status == 0


def test_grey_images_reach_a_network_of_colours_as_three_equal_channels(
    convstudy: Convstudy, hub: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")
    words = ("train", "resnet18@imagenet", "--data", "digits", "--resize", "8", "--freeze", "backbone")
    said = convstudy(*words, *SHORT, "out")
    assert said.status == 0, said.err
    kept = record(tmp_path / "out")
    assert (kept["preprocessing"]["in_channels"], kept["data"]["in_channels"]) == (3, 1)
    assert json.loads(convstudy("evaluate", "out", "--format", "json").out)["top1"]["value"] == kept["top1"]
    assert "checked on 64 test images" in convstudy("export", "out").err


def test_a_network_without_a_linear_head_is_not_frozen(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    source = "\n\ndef headless(num_classes):\n    return nn.Sequential(nn.Conv2d(3, num_classes, 32), nn.Flatten())\n"
    (tmp_path / "small.py").write_text((tmp_path / "small.py").read_text() + source)
    said = convstudy("train", "small.py:headless", "--data", "pictures", "--freeze", "backbone", *SHORT, "out")
    assert (said.status, said.err) == (
        2,
        "error: --freeze backbone trains the last linear layer, but small.py:headless does not end in a linear layer; "
        "remove this setting\n",
    )


def test_a_classifier_is_kept_for_the_same_classes_only_and_it_is_said(
    convstudy: Convstudy, pretrained: str, tmp_path: Path
) -> None:
    before = load_file(tmp_path / "before/weights.safetensors")
    renamed = tmp_path / "renamed"
    shutil.copytree(tmp_path / "pictures", renamed)
    for part in ("train", "test"):
        (renamed / part / "green").rename(renamed / part / "lime")
    torch.save(before, tmp_path / "unknown.pth")
    heads = {key for key in before if len(before[key]) == 3}
    assert len(heads) == 2
    for model, data, kept, words in (
        (pretrained, "pictures", True, ("is kept",)),
        (pretrained, "renamed", False, ("is new", "class 2", "'green'", "'lime'")),
        (pretrained, "two", False, ("is new", "3 classes")),
        ("net@unknown.pth", "pictures", False, ("is new", "not known")),
    ):
        output = f"{Path(model).name}-{data}"
        said = convstudy("train", model, "--data", data, "--lr", "1e-12", *SHORT, output)
        assert said.status == 0, said.err
        after = load_file(tmp_path / output / "weights.safetensors")
        same = {
            key for key in before if before[key].shape == after[key].shape and torch.allclose(before[key], after[key])
        }
        assert same == (set(before) if kept else set(before) - heads)
        [note] = record(tmp_path / output)["notes"]
        shown = " ".join(said.out.split())
        assert all(word in note and word in shown for word in words)


def test_a_name_with_nothing_behind_its_at_sign_trains_nothing(convstudy: Convstudy, tmp_path: Path) -> None:
    for command in (("train", "resnet18@"), ("compare", "net", "resnet18@")):
        said = convstudy(*command, "--data", "digits", *SHORT, "out")
        assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
        assert "resnet18@imagenet" in said.err
    assert not (tmp_path / "out").exists()


def test_a_run_of_an_inception_network_treats_its_input_as_in_training_when_it_is_opened_again(
    convstudy: Convstudy, pictures: Path, hub: Path, tmp_path: Path
) -> None:
    file = hub.with_name(GoogLeNet_Weights.DEFAULT.url.rpartition("/")[2])
    torch.manual_seed(4)
    torch.save(torchvision.models.googlenet(init_weights=False).state_dict(), file)
    words = ("--data", "pictures", "--freeze", "backbone", *SHORT)
    assert convstudy("train", "torchvision:googlenet@imagenet", *words, "out").status == 0
    file.unlink()
    assert record(tmp_path / "out")["transform_input"] is True
    said = convstudy("export", "out", "--format", "torchvision", "--output", "model.pth")  # compares the logits
    assert said.status == 0, said.err
    assert stated(tmp_path / "model.pth").transform_input
    assert stated(tmp_path / "out/weights.safetensors").transform_input
    stored = pd.read_parquet(tmp_path / "out/predictions.parquet").filter(like="logit_").to_numpy()
    run = open_run(tmp_path / "out")
    test = run.own_test_part(tmp_path / "pictures")
    with torch.inference_mode():
        resident = run.preprocessing.resident(test.images, test.labels, torch.device("cpu"))
        logits = run.network(torch.device("cpu"))(resident.normalized(resident.images))
    assert logits.numpy() == pytest.approx(stored, abs=1e-4)
