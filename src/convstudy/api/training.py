"""One network trained, and used: what `convstudy train`, `evaluate`, `predict` and `export` do, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convstudy.api.data import LoadedData
from convstudy.api.plans import call_of
from convstudy.api.progress import shown
from convstudy.data.in_memory import load_given
from convstudy.errors import StudyError
from convstudy.study import choose_device, prepare_run
from convstudy.study.models.objects import Network, model_of
from convstudy.study.runs.events import OnEvent
from convstudy.study.trained.evaluate import Evaluated, evaluate
from convstudy.study.trained.export import Exported, export
from convstudy.study.trained.open_run import TrainedRun
from convstudy.study.trained.open_run import open_run as open_trained
from convstudy.study.trained.predict import Answer, answers, answers_for_arrays, image_files
from convstudy.training import Recipe

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn


@dataclass(frozen=True)
class Run:
    """A finished run: a trained network, what it reached, and all that is needed to use it."""

    trained: TrainedRun

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.trained.folder.path

    @property
    def top1(self) -> float:
        """Top-1 accuracy on the test set, a fraction of 1."""
        return float(self.trained.record["top1"])

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in the order of the logits."""
        return self.trained.class_names

    @cached_property
    def history(self) -> pd.DataFrame:
        """The metrics of each epoch."""
        import pandas as pd

        return pd.DataFrame([asdict(epoch) for epoch in self.trained.folder.epochs_so_far()])

    def network(self, device: str = "auto") -> nn.Module:
        """Return the trained network, in evaluation mode.

        Raises: ModelError, when the stored weights do not fit the network that its name gives now.
        """
        return self.trained.network(choose_device(device))

    def evaluate(self, data: Any = None, *, device: str = "auto", **options: Any) -> Evaluated:
        """Return top-1 with its interval, and each class, on the run's own test set or on other data.

        `data` is anything that `load_data` takes, of the same classes; without a test part, every image of it is used.

        Raises: DataError, when the classes are not the run's; StudyError, when the run's own data have changed.
        """
        if data is None or isinstance(data, str):
            return evaluate(self.trained, choose_device(device), data=data, **options)
        given = data.data_set if isinstance(data, LoadedData) else data
        return evaluate(self.trained, choose_device(device), data=load_given(given, **options))

    def predict(self, images: Any, *, topk: int = 3, device: str = "auto") -> tuple[Answer, ...]:
        """Return what the network says of images: classes with their probabilities, the likeliest first.

        `images` are a path, a folder, a pattern or a sequence of these; or an array N x H x W (x channels) or
        N x channels x H x W of bytes, or of floats in 0..1 or 0..255, of any size.

        Raises: DataError, for an image that cannot be decoded, or an array of another shape.
        """
        on = choose_device(device)
        network, preprocessing = self.trained.network(on), self.trained.preprocessing
        words = [images] if isinstance(images, str | Path) else images
        if _are_paths(words):
            return tuple(
                answers(
                    network,
                    image_files([str(word) for word in words]),
                    class_names=self.class_names,
                    preprocessing=preprocessing,
                    topk=topk,
                    device=on,
                )
            )
        return answers_for_arrays(
            network,
            np.asarray(images),
            class_names=self.class_names,
            preprocessing=preprocessing,
            topk=topk,
            device=on,
        )

    def export(self, path: str | Path, form: str | None = None, *, check: bool = True) -> Exported:
        """Write the network as `onnx`, `safetensors` or `torchvision`; without `form`, as the file's suffix says.

        Raises: StudyError, when a package is missing, torchvision has no such network, or the logits differ.
        """
        by_suffix = {".onnx": "onnx", ".safetensors": "safetensors", ".pth": "torchvision", ".pt": "torchvision"}
        chosen = form or by_suffix.get(Path(path).suffix)
        if chosen is None:
            raise StudyError(f"{path} has no suffix that says the format; expected {', '.join(by_suffix)}, or `form`")
        return export(self.trained, chosen, Path(path), check=check)

    def __str__(self) -> str:
        """Return the network, its seed, its top-1 and its folder, in one line."""
        record = self.trained.record
        return f"{record['model']}, seed {record['seed']}: top-1 {100 * self.top1:.1f}% ({self.path})"

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self))}</p>"


def train(
    network: Network,
    *,
    data: Any = "digits",
    recipe: Recipe | None = None,
    seed: int = 0,
    output: str | Path | None = None,
    on_event: OnEvent | None = None,
    **settings: Any,
) -> Run:
    """Train a network, test it once, and leave a folder, as `convstudy train` does; a finished run is opened again.

    `network` is a name, a class or function that takes `num_classes` and `in_channels` where it can, or a built
    network, which is copied. `data` is anything that `load_data` takes. Settings are those of a study, such as
    `input_size`, `device`, `threads`, `freeze` or `unfreeze_at`. `on_event` takes the events of the run instead of a
    display. Interrupted, the same call continues the run.

    Raises: a ConvstudyError, for anything that cannot be used; DivergedError, when the loss is NaN or infinite.
    """
    threads = settings.pop("threads", None)
    asked = {"seeds": 1, "first_seed": seed, **settings}
    call = call_of([network] if isinstance(network, str) else network, data, recipe, asked)
    run = prepare_run(
        call.plan,
        None if output is None else Path(output),
        threads=threads,
        measure_layout=threads is None and recipe is None,
        models=call.models,
        data=call.data,
    )
    run.claim()
    with shown(on_event) as display:
        run.perform(display)
    trained = open_trained(run.folder.path)
    given = next(iter(call.models.values()), None)
    return Run(replace(trained, given=given, given_data=call.data))


def open_run(path: str | Path, *, network: Network | None = None, data: Any = None) -> Run:
    """Open the folder of a finished run, or of a comparison with a single run.

    `network` and `data` are needed again if the run was given them as objects, which its folder does not hold.

    Raises: StudyError, when there is no finished run, or more than one.
    """
    trained = open_trained(Path(path))
    given = None if network is None else model_of(trained.name, network)
    if given is not None and given.code != trained.record["code"]:
        raise StudyError(f"{path} was trained with other code of {trained.name} than is given now; pass that one")
    return Run(replace(trained, given=given, given_data=None if data is None else load_given(data)))


def _are_paths(images: Any) -> bool:
    return isinstance(images, Sequence) and bool(images) and all(isinstance(each, str | Path) for each in images)
