"""`convstudy export` as its user meets it: files that other programs read."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from tests.conftest import Said
from torchvision import models
from torchvision.transforms.v2 import functional

Convstudy = Callable[..., Said]


def stored_logits(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "predictions.parquet").set_index("id").filter(like="logit_")


def by_hand(path: Path, preprocessing: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """What the metadata say, done with PIL and NumPy alone: images of 24 x 20, enlarged by torchvision to the input."""
    image = Image.open(path).convert("RGB").crop((2, 0, 22, 20))
    assert image.size == (preprocessing["image_side"],) * 2
    planes = torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())
    side = preprocessing["input_side"]
    enlarged = functional.resize(planes, [side, side], antialias=True).numpy()
    mean, std = (np.array(preprocessing[key], np.float32).reshape(-1, 1, 1) for key in ("mean", "std"))
    scaled: np.ndarray[Any, np.dtype[np.float32]] = ((enlarged / np.float32(255) - mean) / std).astype(np.float32)
    return scaled


def test_onnx_gives_the_logits_of_the_run_to_who_reads_its_metadata(
    convstudy: Convstudy, run: Path, tmp_path: Path
) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")
    said = convstudy("export", run, "--format", "onnx")
    assert said.status == 0, said.err
    path = tmp_path / said.out.strip()
    assert path == tmp_path / run / "small.py-Small.onnx"
    assert said.err.startswith("checked on 15 test images: the logits differ by at most ")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["classes"]) == ["blue", "green", "red"]
    assert "bilinear, antialiased" in about["preprocessing_text"]
    assert about["resizing"] == "bilinear, antialiased"
    assert about["preprocessing_text"].startswith("RGB; center square resized to 20x20, then to 32x32; ")
    stored = stored_logits(tmp_path / run)
    preprocessing = json.loads(about["preprocessing"])
    images = np.stack([by_hand(tmp_path / "pictures" / name, preprocessing) for name in stored.index])
    for batch in (images, images[:1]):
        [logits] = session.run(["logits"], {"image": batch})
        assert logits == pytest.approx(stored.to_numpy()[: len(batch)], abs=1e-4)


def test_safetensors_hold_the_weights_the_classes_and_the_preprocessing(
    convstudy: Convstudy, run: Path, tmp_path: Path
) -> None:
    said = convstudy("export", run, "--format", "safetensors", "--output", "model.safetensors")
    assert (said.status, said.out) == (0, "model.safetensors\n")
    assert said.err == "checked on 15 test images: the logits differ by at most 0.0e+00\n"
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        about = file.metadata()
        assert json.loads(about["classes"]) == ["blue", "green", "red"]
        assert (
            json.loads(about["preprocessing"]) == json.loads((tmp_path / run / "run.json").read_text())["preprocessing"]
        )
        with safe_open(tmp_path / run / "weights.safetensors", "pt") as weights:
            assert set(file.keys()) == set(weights.keys())
            assert all(torch.equal(file.get_tensor(key), weights.get_tensor(key)) for key in file.keys())  # noqa: SIM118


def test_torchvision_s_own_network_takes_the_weights(convstudy: Convstudy, pictures: Path, tmp_path: Path) -> None:
    words = ("--data", "pictures", "--epochs", "1", "--device", "cpu", "--threads", "1", "--output", "out")
    assert convstudy("train", "resnet18", *words).status == 0
    said = convstudy("export", "out", "--format", "torchvision")
    assert (said.status, said.out) == (0, "out/resnet18.pth\n")
    about = torch.load(tmp_path / "out/resnet18.pth", weights_only=True)._metadata["convstudy"]
    assert json.loads(about["classes"]) == ["blue", "green", "red"]
    assert json.loads(about["preprocessing"]) == json.loads((tmp_path / "out/run.json").read_text())["preprocessing"]
    network = models.resnet18(num_classes=3)
    network.load_state_dict(torch.load(tmp_path / "out/resnet18.pth", weights_only=True))
    preprocessing = json.loads((tmp_path / "out/run.json").read_text())["preprocessing"]
    stored = stored_logits(tmp_path / "out")
    images = torch.from_numpy(np.stack([by_hand(tmp_path / "pictures" / name, preprocessing) for name in stored.index]))
    with torch.inference_mode():
        assert network.eval()(images).numpy() == pytest.approx(stored.to_numpy(), abs=1e-3)


def test_a_file_that_gives_other_logits_is_not_kept(
    convstudy: Convstudy, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors import torch as stored  # noqa: PLC0415

    def torn(network: torch.nn.Module, path: str, metadata: dict[str, str]) -> None:
        state = {key: value.clone() for key, value in network.state_dict().items()}
        state["5.bias"] += 0.01
        stored.save_file(state, path, metadata)

    monkeypatch.setattr(importlib.import_module("convstudy.study.trained.export"), "save_model", torn)
    said = convstudy("export", run, "--format", "safetensors", "--output", "model.safetensors")
    assert said.status == 2
    assert said.err.startswith(
        "error: the logits of model.safetensors differ from those of the network by up to 0.01 for 15 test"
    )
    assert not list(tmp_path.glob("*model.safetensors*"))


def test_what_is_missing_is_named(
    convstudy: Convstudy, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    said = convstudy("export", run)
    assert (said.status, said.err) == (
        2,
        'error: the format onnx needs onnxscript; pip install "convstudy[export]"\n',
    )
    said = convstudy("export", run, "--format", "torchvision")
    assert "torchvision has no network with the layers of small.py:Small" in said.err
    (tmp_path / "pictures").rename(tmp_path / "moved")
    said = convstudy("export", run, "--format", "safetensors")
    assert "error: no data set or folder is named 'pictures'" in said.err
    said = convstudy("export", run, "--format", "safetensors", "--no-check")
    assert (said.status, said.err) == (0, "not checked: as requested\n")


def test_without_onnxruntime_the_file_is_written_and_the_check_is_skipped_aloud(
    convstudy: Convstudy, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxscript", reason="the extra `export` is not installed")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    said = convstudy("export", run)
    assert said.status == 0
    assert said.err == "not checked: onnxruntime is not installed; run `pip install convstudy[export]`\n"
    assert (tmp_path / said.out.strip()).stat().st_size > 0


@pytest.mark.parametrize("name", ["lenet5"])
def test_networks_of_the_zoo_go_to_onnx(convstudy: Convstudy, tmp_path: Path, name: str) -> None:
    pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")
    words = ("--data", "digits", "--train-images", "100", "--epochs", "1", "--device", "cpu", "--threads", "1")
    assert convstudy("train", name, *words, "--output", "out").status == 0
    said = convstudy("export", "out")
    assert said.status == 0, said.err
    assert "64 test images" in said.err
