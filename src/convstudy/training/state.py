"""What a training has come to: all that changes from step to step, and all that is needed to go on."""

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
from convstudy.training.optimiser import optimiser
from convstudy.training.recipe import Recipe
from convstudy.wording import plural


@dataclass
class TrainingState:
    """A network in training, with all that belongs to it."""

    network: nn.Module
    optimiser: Optimizer
    average: AveragedModel | None
    history: list[Epoch] = field(default_factory=list)
    step: int = 0  # of the epoch that has begun
    tally: dict[str, Any] | None = None  # of its steps so far
    seconds: float = 0.0  # that they took
    best: dict[str, Tensor] | None = None  # weights of the epoch with the lowest validation loss, for early stopping
    parts: int = 1  # that a batch goes through the network in
    notes: list[str] = field(default_factory=list)  # what has been changed for want of memory, for people
    tell: Callable[[str], None] = lambda _: None  # whom a note is told to
    wrapped: DistributedDataParallel | None = None  # the network, where several processes train it
    compiled: nn.Module | None = None  # the network or what it is wrapped in, as torch compiles it

    @classmethod
    def of(cls, network: nn.Module, recipe: Recipe) -> TrainingState:
        """The state before the first step."""
        average = average_of(network, recipe.ema_decay, warmup=recipe.ema_warmup) if recipe.ema_decay else None
        return cls(network, optimiser(network, recipe), average, parts=recipe.accumulate)

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated and kept: the average of the weights, where there is one."""
        return self.network if self.average is None else self.average.module

    @property
    def parallel(self) -> nn.Module:
        """What a batch goes through in training."""
        return next(each for each in (self.compiled, self.wrapped, self.network) if each is not None)

    @property
    def world(self) -> int:
        """The processes whose gradients are averaged."""
        return 1 if self.wrapped is None else place().world

    def exchanging(self, last: bool) -> AbstractContextManager[None]:
        """For a part of a batch: processes exchange their gradients after its last part only."""
        wait: AbstractContextManager[None] = nullcontext() if self.wrapped is None or last else self.wrapped.no_sync()
        return wait

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers and names only, so that it loads without running pickled code.

        Of several processes all have to ask for it, and it is that of the first one with the random states of all.
        """
        random, *others = gathered(_random_states())
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
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
        """Go back to a state."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.history = [Epoch(**epoch) for epoch in state["history"]]
        self.best = state["best"]
        self.parts, self.notes = state.get("parts", self.parts), list(state.get("notes", ()))
        self.step, self.tally, self.seconds = state["step"], state["tally"], state["seconds"]
        _set_random_states([state["random"], *state.get("random_of_others", ())][place().rank])

    def take_more_parts(self, images: int) -> None:
        """Let batches go through in twice as many parts, for the memory had no room for those of a batch of `images`.

        Raises: StudyError, when a part is one image already, or when other processes wait for this one.
        """
        at_once = -(-images // self.parts)
        if self.wrapped is not None:
            here = place()
            raise StudyError(
                f"process {here.rank} of {here.world} is out of memory with {plural(at_once, 'image')} at once; "
                f"--accumulate {2 * self.parts} and a new --output take half as many"
            )
        if at_once == 1:
            raise StudyError(
                "out of memory with a single image at once; a smaller network or a "
                "smaller --resize needs less, and other programs may hold memory, too"
            )
        self.parts *= 2
        self.notes.append(
            f"out of memory at {at_once} images: batches in {self.parts} parts from epoch {len(self.history) + 1} on, "
            "the same steps"
        )
        self.tell(self.notes[-1])
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def end_epoch(self, epoch: Epoch, patience: int) -> None:
        """Note an epoch; keep its weights, where training may stop early and it is the best so far."""
        self.history.append(epoch)
        self.step, self.tally, self.seconds = 0, None, 0.0
        if patience and best_epoch(self.history) == epoch.epoch:
            self.best = {name: value.clone() for name, value in self.evaluated.state_dict().items()}

    def finish(self) -> None:
        """Leave in the network what training has come to: the best epoch's weights, the average, or the last ones."""
        if self.best is not None:
            self.network.load_state_dict(self.best)
        elif self.average is not None:
            self.network.load_state_dict(self.average.module.state_dict())


def _random_states() -> dict[str, Any]:
    """Of torch's global streams, which dropout draws from; all else is drawn by seed and epoch."""
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
    """The first epoch with the lowest validation loss, from 1.

    >>> losses = [0.5, 0.3, 0.4, 0.3]
    >>> best_epoch([Epoch(number, 0.1, 1.0, 0.5, loss, 0.5, 1.0) for number, loss in enumerate(losses, start=1)])
    2
    """
    return min(
        history, key=lambda epoch: math.inf if math.isnan(epoch.validation_loss) else epoch.validation_loss
    ).epoch


def out_of_patience(history: list[Epoch], patience: int) -> bool:
    """Whether `patience` epochs have gone by without a lower validation loss."""
    return bool(patience and history) and len(history) - best_epoch(history) >= patience
