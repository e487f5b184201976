"""A trained network in files that other programs read."""

from __future__ import annotations

import importlib
import json
import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn

from convstudy.errors import StudyError
from convstudy.files import whole_file
from convstudy.study.trained.open_run import TrainedRun
from convstudy.wording import plural
from convstudy.zoo import open_architecture

SUFFIXES = {"onnx": ".onnx", "safetensors": ".safetensors", "torchvision": ".pth"}
CHECKED_IMAGES = 64
TOLERANCE = 1e-4  # of logits, as a part of the largest of them, or as it is where that is below 1


@dataclass(frozen=True)
class Exported:
    """A file, and how it was checked."""

    path: Path
    format: str
    checked_images: int  # 0: not checked
    largest_difference: float | None  # of logits, against the network in PyTorch
    note: str = ""  # why it was not checked


def export(run: TrainedRun, form: str, output: Path | None = None, *, check: bool = True) -> Exported:
    """Write a run's network as `onnx`, `safetensors` or `torchvision` (a state dict that torchvision's network takes).

    With `check`, the file is read back by another program (onnxruntime, torchvision) or afresh, and its logits for the
    run's own test images are held against those of the network.

    Raises: StudyError, when a package is missing, torchvision has no such network, or the logits differ, in which case
    no file is left; DataError, when the run's data are not there to check with.
    """
    if form not in SUFFIXES:
        raise StudyError(f"--format is '{form}'; expected {', '.join(SUFFIXES)}")
    path = output or run.folder.path / f"{run.model().folder}{SUFFIXES[form]}"
    network = run.network(torch.device("cpu"))
    images = _test_images(run) if check else None
    write = {"onnx": _write_onnx, "safetensors": _write_safetensors, "torchvision": _write_torchvision}[form]
    with whole_file(path) as draft:
        answers = write(run, network, draft)
        if images is None:
            return Exported(path, form, 0, None, "as asked")
        if answers is None:
            return Exported(
                path, form, 0, None, "onnxruntime is not installed; `pip install convstudy[export]` brings it"
            )
        difference = _difference(network, answers, images, path)
    return Exported(path, form, len(images), difference)


Answers = Callable[[Tensor], Tensor]  # normalized images to logits, by what reads the file


def _test_images(run: TrainedRun) -> Tensor:
    """The first test images of the run's own data, as its network takes them."""
    test = run.own_test_part()
    resident = run.preprocessing.resident(
        test.images[:CHECKED_IMAGES], test.labels[:CHECKED_IMAGES], torch.device("cpu")
    )
    return resident.normalized(resident.images)


@torch.inference_mode()
def _difference(network: nn.Module, answers: Answers, images: Tensor, path: Path) -> float:
    expected, got = network(images), answers(images)
    difference = float((got - expected).abs().max())
    if not difference <= TOLERANCE * max(1.0, float(expected.abs().max())):
        raise StudyError(
            f"{path.name} gives other logits than the network, by up to {difference:.3g} for "
            f"{plural(len(images), 'test image')}; the file is not kept"
        )
    return difference


def _metadata(run: TrainedRun) -> dict[str, str]:
    """What a reader of the file needs, as strings: the classes in the order of the logits, and the preprocessing."""
    return {
        "model": run.name,
        "classes": json.dumps(run.class_names, ensure_ascii=False),
        "preprocessing": json.dumps(run.preprocessing.to_json()),
        "preprocessing_text": run.preprocessing.text,
        "convstudy": version("convstudy"),
    }


def _write_onnx(run: TrainedRun, network: nn.Module, path: Path) -> Answers | None:
    """One input, `image` (batch x C x H x W, normalized), and one output, `logits`; the batch is of any size."""
    _needed("onnx")
    _needed("onnxscript")
    onnx = importlib.import_module("onnx")
    example = torch.zeros(2, *run.preprocessing.input_shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of its own exporter
        level = logging.getLogger("torch.onnx").level
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=["image"],
                output_names=["logits"],
                verbose=False,
            )
        except Exception as error:  # of torch's exporter, for what it cannot follow
            reason = " ".join(str(error).split())[:200]
            raise StudyError(f"{run.name} cannot be exported to ONNX: {type(error).__name__}: {reason}") from error
        finally:
            logging.getLogger("torch.onnx").setLevel(level)
    assert program is not None
    model = program.model_proto
    onnx.helper.set_model_props(model, _metadata(run))
    onnx.save(model, str(path))
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError:
        return None
    session = runtime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(["logits"], {"image": images.numpy()})[0])


def _write_safetensors(run: TrainedRun, network: nn.Module, path: Path) -> Answers:
    save_model(network, str(path), metadata={"format": "pt", **_metadata(run)})
    again = run.model().build(len(run.class_names), run.preprocessing.in_channels).eval()
    load_model(again, str(path))
    return again


def _write_torchvision(run: TrainedRun, network: nn.Module, path: Path) -> Answers:
    torchvision_models = importlib.import_module("torchvision.models")
    name = _torchvision_name(run)
    torch.save(network.state_dict(), path)
    again: nn.Module = torchvision_models.get_model(name, weights=None, num_classes=len(run.class_names)).eval()
    _fit(again, torch.load(path, weights_only=True), run.name, name)
    return again


def _torchvision_name(run: TrainedRun) -> str:
    word = run.name.partition("@")[0]
    own = ":" in word and word.partition(":")[0] != "torchvision"
    name = None if own else open_architecture(word).torchvision
    if name is None:
        raise StudyError(
            f"torchvision has no network of the layers of {word}; `--format onnx` and `--format safetensors` take any"
        )
    if run.preprocessing.in_channels != 3:
        raise StudyError(
            f"torchvision's {name} takes 3 channels, and this run's images have {run.preprocessing.in_channels}; "
            "`--format onnx` and `--format safetensors` take any"
        )
    return name


def _fit(network: nn.Module, weights: Mapping[str, Any], ours: str, theirs: str) -> None:
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise StudyError(f"torchvision's {theirs} does not take the weights of {ours}: {reason}") from error


def _needed(package: str) -> ModuleType:
    try:
        return importlib.import_module(package)
    except ImportError:
        raise StudyError(
            f"--format onnx needs {package}, which is not installed; `pip install convstudy[export]` brings it"
        ) from None
