"""The state of a training run: everything that changes from step to step and is needed to continue."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from convstudy.errors import StudyError
from convstudy.processes import gathered, place
from convstudy.training.average import average_of
from convstudy.training.epoch import Epoch
from convstudy.training.optimizer import build_optimizer
from convstudy.training.recipe import Recipe
from convstudy.wording import plural


@dataclass
class TrainingState:
    """A network in training with everything that belongs to it."""

    network: nn.Module
    optimizer: Optimizer
    average: AveragedModel | None
    history: list[Epoch] = field(default_factory=list)
    step: int = 0  # last completed step of the current epoch
    tally: dict[str, Any] | None = None  # of the completed steps of the current epoch
    seconds: float = 0.0  # duration of these steps
    best: dict[str, Tensor] | None = None  # weights of the epoch with the lowest validation loss, for early stopping
    parts: int = 1  # micro-batches per batch
    notes: list[str] = field(default_factory=list)  # changes made because memory ran out, for people
    on_note: Callable[[str], None] = lambda _: None  # receives each note
    wrapped: DistributedDataParallel | None = None  # the network, if several processes train it
    compiled: nn.Module | None = None  # the network or its wrapper, compiled by torch

    @classmethod
    def of(cls, network: nn.Module, recipe: Recipe) -> TrainingState:
        """Create the state before the first step."""
        average = average_of(network, recipe.ema_decay, warmup=recipe.ema_warmup) if recipe.ema_decay else None
        return cls(network, build_optimizer(network, recipe), average, parts=recipe.accumulate)

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated and stored: the weight average if there is one."""
        return self.network if self.average is None else self.average.module

    @property
    def parallel(self) -> nn.Module:
        """The module that processes batches in training."""
        return next(each for each in (self.compiled, self.wrapped, self.network) if each is not None)

    @property
    def world(self) -> int:
        """The number of processes whose gradients are averaged."""
        return 1 if self.wrapped is None else place().world

    def exchanging(self, last: bool) -> AbstractContextManager[None]:
        """Return the context for one micro-batch: processes exchange gradients after the last one only."""
        wait: AbstractContextManager[None] = nullcontext() if self.wrapped is None or last else self.wrapped.no_sync()
        return wait

    def state_dict(self) -> dict[str, Any]:
        """Return tensors, numbers and names only, so that the state loads without running pickled code.

        All processes must call this; the result is the state of the first one with the random states of all.
        """
        random, *others = gathered(_random_states())
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "history": [asdict(epoch) for epoch in self.history],
            "best": self.best,
            "parts": self.parts,
            "notes": self.notes,
            "step": self.step,
            "tally": self.tally,
            "seconds": self.seconds,
            "random": random,
            "random_of_others": others,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.history = [Epoch(**epoch) for epoch in state["history"]]
        self.best = state["best"]
        self.parts, self.notes = state.get("parts", self.parts), list(state.get("notes", ()))
        self.step, self.tally, self.seconds = state["step"], state["tally"], state["seconds"]
        _set_random_states([state["random"], *state.get("random_of_others", ())][place().rank])

    def take_more_parts(self, images: int) -> None:
        """Double the number of micro-batches per batch, because a batch of `images` did not fit into memory.

        Raises: StudyError, if a micro-batch is a single image already, or if other processes wait for this one.
        """
        at_once = -(-images // self.parts)
        if self.wrapped is not None:
            here = place()
            raise StudyError(
                f"process {here.rank} of {here.world} is out of memory with {plural(at_once, 'image')} at once; "
                f"start a new run with accumulate {2 * self.parts}, which halves the micro-batches"
            )
        if at_once == 1:
            raise StudyError(
                "out of memory with a single image at once; use a smaller network or smaller images, or close other "
                "programs"
            )
        self.parts *= 2
        self.notes.append(
            f"out of memory at {at_once} images: micro-batches halved, {self.parts} per batch from epoch "
            f"{len(self.history) + 1} on; the optimizer's steps are unchanged"
        )
        self.on_note(self.notes[-1])
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def end_epoch(self, epoch: Epoch, patience: int) -> None:
        """Record an epoch, and keep its weights if early stopping is enabled and it is the best so far."""
        self.history.append(epoch)
        self.step, self.tally, self.seconds = 0, None, 0.0
        if patience and best_epoch(self.history) == epoch.epoch:
            self.best = {name: value.clone() for name, value in self.evaluated.state_dict().items()}

    def finish(self) -> None:
        """Load the final weights into the network: those of the best epoch, the average, or the last ones."""
        if self.best is not None:
            self.network.load_state_dict(self.best)
        elif self.average is not None:
            self.network.load_state_dict(self.average.module.state_dict())


def _random_states() -> dict[str, Any]:
    """Return the states of torch's global generators, used by dropout; everything else is drawn by seed and epoch."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return {"cpu": torch.get_rng_state(), "cuda": []}
    alone = place().alone
    return {
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if alone else [torch.cuda.get_rng_state()],
    }


def _set_random_states(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["cpu"])
    if states["cuda"] and torch.cuda.is_available():
        if place().alone:
            torch.cuda.set_rng_state_all(states["cuda"])
        else:
            torch.cuda.set_rng_state(states["cuda"][0])


def best_epoch(history: list[Epoch]) -> int:
    """Return the first epoch with the lowest validation loss, from 1.

    >>> losses = [0.5, 0.3, 0.4, 0.3]
    >>> best_epoch([Epoch(number, 0.1, 1.0, 0.5, loss, 0.5, 1.0) for number, loss in enumerate(losses, start=1)])
    2
    """
    return min(
        history, key=lambda epoch: math.inf if math.isnan(epoch.validation_loss) else epoch.validation_loss
    ).epoch


def out_of_patience(history: list[Epoch], patience: int) -> bool:
    """Return whether `patience` epochs have passed without a lower validation loss."""
    return bool(patience and history) and len(history) - best_epoch(history) >= patience
