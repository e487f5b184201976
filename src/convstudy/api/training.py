"""Training and use of one network from Python, as with `convstudy train`, `evaluate`, `predict` and `export`."""

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
from convstudy.study.trained.export import Exported, ExportFormat, export
from convstudy.study.trained.open_run import TrainedRun
from convstudy.study.trained.open_run import open_run as open_trained
from convstudy.study.trained.predict import Answer, answers, answers_for_arrays, image_files
from convstudy.training import Recipe

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn


@dataclass(frozen=True)
class Run:
    """A finished run: a trained network, its accuracy, and everything that is needed to use it."""

    trained: TrainedRun

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.trained.folder.path

    @property
    def top1(self) -> float:
        """Top-1 accuracy on the test set, as a fraction of 1."""
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
        """Return the trained network in evaluation mode.

        Raises: ModelError, if the stored weights do not fit the network; StudyError, if the network was given as an
        object and is needed again.
        """
        return self.trained.network(choose_device(device))

    def evaluate(self, data: Any = None, *, device: str = "auto", **options: Any) -> Evaluated:
        """Return top-1 accuracy, in total with its interval and per class, on the run's own test set or on other data.

        `data` is anything that `load_data` accepts, with the same classes. They need no training set; without a test
        set, all images are used. `seen` in the result counts the images that this run was trained on.

        Raises: DataError, if the classes differ from those of the run; StudyError, if the run's own data have changed.
        """
        given = data.data_set if isinstance(data, LoadedData) else data
        return evaluate(self.trained, choose_device(device), data=given, **options)

    def predict(self, images: Any, *, topk: int = 3, device: str = "auto") -> tuple[Answer, ...]:
        """Return predictions for images: the `topk` most likely classes with their probabilities, in descending order.

        `images` is a path, a folder, a pattern or a sequence of these; or an array N x H x W (x channels) or
        N x channels x H x W of bytes, or of floats in 0..1 or 0..255, of any size. The answer for a file that cannot be
        decoded has a `problem` and the label None.

        Raises: DataError, if no image can be decoded or the array has another shape; StudyError, if `topk` is not
        positive.
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
        """Write the network as `onnx`, `safetensors` or `torchvision`; by default, the file's suffix decides.

        Raises: StudyError, if the format is unknown, torchvision has no such network, or the logits differ; ToolError,
        if a package is missing.
        """
        by_suffix = {each.suffix: each for each in ExportFormat} | {".pt": ExportFormat.TORCHVISION}
        chosen = form or by_suffix.get(Path(path).suffix)
        if chosen is None:
            raise StudyError(
                f"{path} has no suffix of a known format; expected {', '.join(by_suffix)}, or pass `form`",
                setting="form",
            )
        return export(self.trained, chosen, Path(path), check=check)

    def __repr__(self) -> str:
        return f"<Run of {self}>"

    def __str__(self) -> str:
        """Return network, seed, top-1 and folder, in one line."""
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
    """Train a network, test it once, and write its folder, as `convstudy train` does; open the run if it is finished.

    `network` is a name, a class or function, which is called with `num_classes` and `in_channels` as far as it accepts
    them, or a built network, which is copied. `data` is anything that `load_data` accepts. `settings` are those of a
    study, such as `input_size`, `device`, `threads`, `freeze` or `unfreeze_at`, or a `preset` of the recipe. `on_event`
    receives the events of the run in place of the progress display. Repeating the call continues an interrupted run.

    Raises: a ConvstudyError, if an argument cannot be used; DivergedError, if the loss becomes NaN or infinite.
    """
    threads = settings.pop("threads", None)
    call = call_of(network, data, recipe, {"seeds": 1, "first_seed": seed, **settings})
    run = prepare_run(
        call.plan,
        None if output is None else Path(output),
        threads=threads,
        models=call.models,
        data=call.data,
    )
    run.claim()
    with shown(on_event) as display:
        run.perform(display)
    trained = open_trained(run.folder.path, trusted=True)
    given = next(iter(call.models.values()), None)
    return Run(replace(trained, given=given, given_data=call.data))


def open_run(path: str | Path, *, network: Network | None = None, data: Any = None, trust: bool = False) -> Run:
    """Open the folder of a finished run, or of a comparison with a single run.

    If the run's network or data were given as objects, pass them again, because the folder does not store them. With
    `trust`, the Python file in a run folder that somebody else wrote is run when the network is used.

    Raises: StudyError, if there is no finished run, or more than one, or `network` has other code than the run.
    """
    trained = open_trained(Path(path), trusted=trust)
    given = None if network is None else model_of(trained.name, network)
    if given is not None and given.code != trained.record["code"]:
        raise StudyError(f"{path} was trained with other code of {trained.name}; pass the `network` of that run")
    return Run(replace(trained, given=given, given_data=None if data is None else load_given(data)))


def _are_paths(images: Any) -> bool:
    return isinstance(images, Sequence) and bool(images) and all(isinstance(each, str | Path) for each in images)
