"""Export of a trained network to file formats of other programs."""

from __future__ import annotations

import importlib
import json
import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn

from convstudy.errors import StudyError, optional_module
from convstudy.files import whole_file
from convstudy.study.models.opening import partition_weights
from convstudy.study.models.preprocessing import RESIZING
from convstudy.study.trained.open_run import TrainedRun
from convstudy.wording import plural, shared_name
from convstudy.zoo import open_architecture
from convstudy.zoo.weight_files import OWN

CHECKED_IMAGES = 64
TOLERANCE = 1e-4  # of logits: relative to the largest one if that is above 1, else absolute
ANY_NETWORK = "use the format onnx or safetensors, which support any network"


class ExportFormat(StrEnum):
    """Format of an exported file."""

    ONNX = "onnx"
    SAFETENSORS = "safetensors"
    TORCHVISION = "torchvision"  # a state dict for torchvision's network of the same layers

    @property
    def suffix(self) -> str:
        """Suffix of such files."""
        return {ExportFormat.TORCHVISION: ".pth"}.get(self, f".{self}")


@dataclass(frozen=True)
class Exported:
    """An exported file, and how it was checked."""

    path: Path
    format: ExportFormat
    checked_images: int  # 0: not checked
    largest_difference: float | None  # between the logits of the file and of the network in PyTorch
    note: str = ""  # why it was not checked


def export(run: TrainedRun, form: str, output: Path | None = None, *, check: bool = True) -> Exported:
    """Write a run's network as `onnx`, `safetensors` or `torchvision` (a state dict for torchvision's network).

    With `check`, the file is read back, by onnxruntime or into a new network, and its logits for the run's own test
    images are compared with those of the trained network.

    Raises: StudyError, if `form` is unknown, a package is missing, torchvision has no such network, or the logits
    differ; then no file is left. DataError, if the run's data are not available for the check.
    """
    if form not in set(ExportFormat):
        raise StudyError(f"form is '{form}'; expected {', '.join(ExportFormat)}", setting="form")
    form = ExportFormat(form)
    path = output or run.folder.path / f"{run.model().folder}{form.suffix}"
    network = run.network(torch.device("cpu"))
    images = _test_images(run) if check else None
    with whole_file(path, keep_hard_links=True) as draft:
        reader = WRITERS[form](run, network, draft)
        if images is None:
            return Exported(path, form, 0, None, "as requested")
        if reader is None:
            note = "onnxruntime is not installed; run `pip install convstudy[export]`"
            return Exported(path, form, 0, None, note)
        difference = _difference(network, reader, images, path)
    return Exported(path, form, len(images), difference)


Reader = Callable[[Tensor], Tensor]  # from normalized images to the logits of the network in the file


def _test_images(run: TrainedRun) -> Tensor:
    """Return the first test images of the run's own data, as inputs of its network."""
    test = run.own_test_part()
    resident = run.preprocessing.resident(
        test.images[:CHECKED_IMAGES], test.labels[:CHECKED_IMAGES], torch.device("cpu")
    )
    return resident.normalized(resident.images)


@torch.inference_mode()
def _difference(network: nn.Module, reader: Reader, images: Tensor, path: Path) -> float:
    """Return the largest difference of the logits. Raises: StudyError, if it exceeds the tolerance."""
    expected, found = network(images), reader(images)
    difference = float((found - expected).abs().max())
    if not difference <= TOLERANCE * max(1.0, float(expected.abs().max())):
        raise StudyError(
            f"the logits of {path.name} differ from those of the network by up to {difference:.3g} for "
            f"{plural(len(images), 'test image')}; the file was not kept; try another format"
        )
    return difference


def _metadata(run: TrainedRun) -> dict[str, str]:
    """Return what a reader of the file needs, as text: the classes in the order of the logits, the preprocessing."""
    return {
        "model": shared_name(run.name),
        "classes": json.dumps(run.class_names, ensure_ascii=False),
        "preprocessing": json.dumps(run.preprocessing.to_json()),
        "preprocessing_text": run.preprocessing.text,
        "resizing": RESIZING,
        "transform_input": json.dumps(bool(run.record.get("transform_input"))),
        "convstudy": version("convstudy"),
    }


def _write_onnx(run: TrainedRun, network: nn.Module, path: Path) -> Reader | None:
    """Write a graph from `image` (any batch size x C x H x W, normalized) to `logits`; None without onnxruntime."""
    onnx = _required("onnx")
    _required("onnxscript")
    program = _onnx_program(run, network)
    model = program.model_proto
    _leave_out_origins(model)
    onnx.helper.set_model_props(model, _metadata(run))
    onnx.save(model, str(path))
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError:
        return None
    session = runtime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(["logits"], {"image": images.numpy()})[0])


def _leave_out_origins(part: Any) -> None:
    """Remove what the exporter notes about where each node comes from: paths and source lines of this machine."""
    for field, value in part.ListFields():
        if field.name in {"metadata_props", "doc_string"}:
            part.ClearField(field.name)
        elif field.message_type is not None and field.message_type.name != "TensorProto":
            for each in [value] if hasattr(value, "ListFields") else value:
                _leave_out_origins(each)


def _onnx_program(run: TrainedRun, network: nn.Module) -> torch.onnx.ONNXProgram:
    """Convert a network with torch's exporter, without its output. Raises: StudyError, if it cannot be converted."""
    example = torch.zeros(2, *run.preprocessing.input_shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the exporter's own code
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
        except Exception as error:  # of torch's exporter, for operations that it does not support
            reason = " ".join(str(error).split())[:200]
            raise StudyError(f"{run.name} cannot be exported to ONNX: {type(error).__name__}: {reason}") from error
        finally:
            logging.getLogger("torch.onnx").setLevel(level)
    assert program is not None
    return program


def _write_safetensors(run: TrainedRun, network: nn.Module, path: Path) -> Reader:
    save_model(network, str(path), metadata={"format": "pt", **_metadata(run)})
    loaded = run.model().build(len(run.class_names), run.preprocessing.in_channels).eval()
    load_model(loaded, str(path))
    return loaded


def _write_torchvision(run: TrainedRun, network: nn.Module, path: Path) -> Reader:
    """Write a state dict that torchvision's network loads; what its reader needs else is in its `_metadata`."""
    name = _torchvision_name(run)
    state: Any = network.state_dict()
    state._metadata[OWN] = _metadata(run)
    torch.save(state, path)
    _, at, weights = partition_weights(run.words)
    known = open_architecture(f"torchvision:{name}{at}{weights}", trained=False)
    loaded = run.as_trained(known.layers(len(run.class_names), run.preprocessing.in_channels)).eval()
    _load_weights(loaded, torch.load(path, weights_only=True), source=run.name, target=name)
    return loaded


WRITERS: Mapping[ExportFormat, Callable[[TrainedRun, nn.Module, Path], Reader | None]] = {
    ExportFormat.ONNX: _write_onnx,
    ExportFormat.SAFETENSORS: _write_safetensors,
    ExportFormat.TORCHVISION: _write_torchvision,
}


def _torchvision_name(run: TrainedRun) -> str:
    """Return the name of torchvision's network with the same layers. Raises: StudyError, if there is none."""
    name = partition_weights(run.words)[0]
    own = ":" in name and name.partition(":")[0] != "torchvision"
    torchvision_name = None if own else open_architecture(name).torchvision
    if torchvision_name is None:
        raise StudyError(f"torchvision has no network with the layers of {name}; {ANY_NETWORK}")
    if run.preprocessing.in_channels != 3:
        raise StudyError(
            f"torchvision's {torchvision_name} takes 3 channels, but the images of this run have "
            f"{run.preprocessing.in_channels}; {ANY_NETWORK}"
        )
    return torchvision_name


def _load_weights(network: nn.Module, weights: Mapping[str, Any], *, source: str, target: str) -> None:
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise StudyError(f"torchvision's {target} does not accept the weights of {source}: {reason}") from error


def _required(package: str) -> Any:
    return optional_module(package, extra="export", purpose="the format onnx")
