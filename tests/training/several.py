"""Jobs done by several processes as torchrun starts them: `python -m tests.training.several FOLDER`."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import traceback
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import torch
import torch._dynamo
import torchvision.transforms.v2  # noqa: F401, training imports both: here once, for all processes that are forked
from torch import Tensor, nn

from convstudy.errors import ConvstudyError
from convstudy.inference import predict_together
from convstudy.processes import first, first_then_others, gathered, joined, place
from convstudy.study import open_model
from convstudy.training import Progress, Recipe, TrainingBatches, train
from convstudy.training.parallel import added_by_rank
from tests.training.made_up import images, network, plain_network, weights

RECIPES = {
    "net": Recipe(epochs=2, batch_size=16, lr=0.02, horizontal_flip=True, clip_grad=0.5),
    "lenet5": Recipe(epochs=2, batch_size=10, lr=0.01, ema_decay=0.9, accumulate=2),
    "plain": Recipe(epochs=2, batch_size=7, lr=0.02, mixup=0.4, balance="loss", erasing=0.3, patience=1),
}
RESUMED = Recipe(epochs=3, batch_size=8, lr=0.02, ema_decay=0.9, accumulate=2)


def build(name: str) -> tuple[nn.Module, Any]:
    """A network without batch normalization and dropout, and 61 images for it: no multiple of anything."""
    if name == "plain":
        return plain_network(), images(61)
    torch.manual_seed(0)
    model = open_model(name)
    channels, side, _ = model.input_shape
    return model.build(10, channels), images(61, side=side, channels=channels, classes=10)


def results(name: str) -> dict[str, Any]:
    """What a training comes to: the metrics of its epochs but for the seconds, and the weights."""
    trained, data = build(name)
    history = train(trained, TrainingBatches(data, RECIPES[name], 3), data.part(0, 3))
    return {"epochs": [astuple(replace(epoch, seconds=0)) for epoch in history], "weights": weights(trained)}


def unbroken_and_resumed(where: str) -> dict[str, Any]:
    """With dropout and batch normalization: a whole training, and one that the last process was asked to stop."""
    folder, batches = Path(where), TrainingBatches(images(97), RESUMED, 1)
    folder.mkdir(exist_ok=True)

    def press(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (2, 10) and place().rank == place().world - 1:
            signal.raise_signal(signal.SIGINT)

    whole, broken, resumed = network(), network(), network()
    history = train(whole, batches, images(21), checkpoint=folder / "whole.pt")
    stopped = False
    try:
        train(broken, batches, images(21), checkpoint=folder / "broken.pt", on_step=press)
    except KeyboardInterrupt:
        stopped = True
    torch.manual_seed(5)
    again = train(resumed, batches, images(21), checkpoint=folder / "broken.pt")
    return {
        "stopped": stopped,
        "epochs": [astuple(replace(epoch, seconds=0)) for epoch in history],
        "epochs_resumed": [astuple(replace(epoch, seconds=0)) for epoch in again],
        "weights": weights(whole),
        "weights_resumed": weights(resumed),
    }


class Idle(nn.Module):
    """Has a layer that it does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = plain_network(), nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.used(x)
        return answer


def refusal(name: str) -> None:
    if name == "idle":
        train(Idle(), TrainingBatches(images(40), RESUMED, 1), images(8))
    elif name == "small":
        train(plain_network(), TrainingBatches(images(5), replace(RESUMED, batch_size=2), 1), images(8))
    elif name == "lost":
        train(plain_network(), TrainingBatches(images(40), replace(RESUMED, lr=1e30), 1), images(8))
    elif name == "written":
        train(plain_network(), TrainingBatches(images(40), RESUMED, 1), images(8), checkpoint=Path("/dev/null/c.pt"))
    elif name == "second":

        def work() -> None:
            if not place().first:
                raise ConvstudyError("the second machine has no such folder")

        first_then_others(work)


def answers(count: int) -> dict[str, Any]:
    model = plain_network().eval()
    return {
        "logits": predict_together(model, images(count)),
        "part": len(images(count).part(place().rank, place().world)),
    }


def said(_: Any) -> dict[str, Any]:
    order: list[int] = gathered(place().rank)
    return {"order": order, "of_the_first": first(lambda: place().rank), "own": first_then_others(lambda: place().rank)}


def added(_: Any) -> dict[str, Any]:
    """Gradients averaged in one order and backwards, as buckets that are arranged otherwise have them."""
    own = torch.randn(1003, generator=torch.Generator().manual_seed(place().rank))
    return {"forwards": added_by_rank(own).wait(), "backwards": added_by_rank(own.flip(0)).wait().flip(0)}


JOBS: dict[str, Any] = {
    "added": added,
    "answers": answers,
    "refusal": refusal,
    "resumed": unbroken_and_resumed,
    "results": results,
    "said": said,
}


def _work(rank: int, world: int, port: int, folder: Path, job: str, words: list[Any]) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": str(world),
        "LOCAL_RANK": str(rank),
        "LOCAL_WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    told: dict[str, Any] = {}
    try:
        with joined():
            for word in words:
                told["" if isinstance(word, Path) else str(word)] = JOBS[job](word)
    except ConvstudyError as error:
        told = {"error": f"{type(error).__name__}: {error}"}
    except SystemExit as error:
        told = {"exit": error.code}
    except BaseException:
        told = {"trace": traceback.format_exc()}
    torch.save(told, folder / f"{job}-{rank}.pt")
    os._exit(0)


def do_together(world: int, folder: Path, job: str, words: list[Any]) -> list[dict[str, Any]]:
    """What each process told, by its rank."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_work, args=(rank, world, port, folder, job, words)) for rank in range(world)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [torch.load(folder / f"{job}-{rank}.pt") for rank in range(world)]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    torch.save(
        {
            "two": do_together(2, folder, "results", list(RECIPES)),
            "three": do_together(3, folder, "results", ["plain"]),
            "two resumed": do_together(2, folder, "resumed", [folder / "two"]),
            "three resumed": do_together(3, folder, "resumed", [folder / "three"]),
            "answers": do_together(3, folder, "answers", [7, 2, 1300]),
            "added": do_together(3, folder, "added", [""]),
            "said": do_together(3, folder, "said", [""]),
            **{
                name: do_together(2, folder, "refusal", [name])
                for name in ("idle", "small", "lost", "written", "second")
            },
        },
        folder / "all.pt",
    )
