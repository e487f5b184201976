"""Common training loops for image classification, each as in its documentation or reference script.

All train the same network on the same uint8 images with the same crop, flip, loss and optimizer, and keep the workers
of the DataLoader between epochs, which is the faster option. Each epoch is timed by a `Clock`, so that one-time work of
a library before its epochs is not included.
"""

from __future__ import annotations

import importlib
import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import psutil
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from convstudy.freed_memory import freed_memory_kept
from convstudy.inference import ResidentImages
from convstudy.training import Recipe, TrainingBatches, train
from convstudy.training.precision import mixed_precision
from convstudy.training.rewriting import rewritten

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
CPU = torch.device("cpu")
READY = 8  # batches of the bare steps, more than the fast caches hold
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]  # N x H x W x C
Batch = tuple[Tensor, Tensor]


@dataclass
class Clock:
    """Wall seconds and CPU-seconds, including workers, of a `with` block."""

    wall: float = 0.0
    cpu: float = 0.0
    _before: tuple[float, float] = (0.0, 0.0)

    def __enter__(self) -> None:
        _wait_for_gpu()
        self._before = time.perf_counter(), _cpu_seconds()

    def __exit__(self, *_: object) -> None:
        _wait_for_gpu()
        wall, cpu = self._before
        self.wall, self.cpu = time.perf_counter() - wall, _cpu_seconds() - cpu


def _wait_for_gpu() -> None:
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()


def _cpu_seconds() -> float:
    """Return the CPU-seconds of this process, its workers, and workers that have ended."""
    workers = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return sum(os.times()[:4]) + float(sum(times.user + times.system for times in workers))


@dataclass(frozen=True)
class Work:
    """A training: how to build the network, images and labels, recipe, DataLoader workers, and the device."""

    build: Callable[[], nn.Module]
    pixels: Pixels
    labels: list[int]
    recipe: Recipe
    workers: int
    device: torch.device = CPU

    @property
    def layout(self) -> torch.memory_format:
        return torch.channels_last if self.recipe.channels_last else torch.contiguous_format

    @property
    def side(self) -> int:
        return self.pixels.shape[1]

    def network(self) -> nn.Module:
        torch.manual_seed(0)
        return self.build().to(self.device).to(memory_format=self.layout).train()

    def sgd(self, network: nn.Module) -> torch.optim.Optimizer:
        """Return the optimizer as in torchvision's reference and Lightning's examples."""
        recipe = self.recipe
        return torch.optim.SGD(
            network.parameters(), recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=True
        )

    def augmentation(self, *last: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return crop and flip of a PIL image, followed by `last`."""
        padding = round(self.recipe.crop_padding * self.side)
        crop = transforms.RandomCrop(self.side, padding=padding)
        return transforms.Compose([crop, transforms.RandomHorizontalFlip(), *last])  # type: ignore[no-any-return]

    def loader(self, images: Dataset[Any]) -> DataLoader[Any]:
        return DataLoader(
            images,
            batch_size=self.recipe.batch_size,
            shuffle=True,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=self.device.type == "cuda",
        )

    def moved(self, batch: Batch) -> Batch:
        """Return a batch on the device: images in the memory format of the network, and labels."""
        images, labels = (each.to(self.device, non_blocking=True) for each in batch)
        return images.contiguous(memory_format=self.layout), labels


class PilImages(Dataset[tuple[Any, int]]):
    """Images in memory, each converted to PIL and transformed separately, as in torchvision's CIFAR10."""

    def __init__(self, pixels: Pixels, labels: list[int], transform: Callable[[Any], Any]) -> None:
        self.pixels, self.labels, self.transform = pixels, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


Epoch = Callable[[Clock], None]
OF_A_RUN = ExitStack()  # what a run of convstudy keeps from its first epoch to its last, in the process of a loop


def convstudy(work: Work) -> Epoch:
    network, recipe = work.network(), replace(work.recipe, epochs=1)
    resident = ResidentImages.of(
        np.ascontiguousarray(work.pixels.transpose(0, 3, 1, 2)),
        np.array(work.labels),
        mean=MEAN,
        std=STD,
        device=work.device,
        layout=work.layout,
    )
    batches = TrainingBatches(resident, recipe, seed=0)
    OF_A_RUN.enter_context(freed_memory_kept())

    def epoch(clock: Clock) -> None:
        with clock:
            train(network, batches, None)

    return epoch


def bare_steps(work: Work) -> Epoch:
    """Return an epoch of training steps on batches that are ready: no data loading and no other overhead."""
    network, recipe = work.network(), work.recipe
    optimizer = torch.optim.SGD(network.parameters(), recipe.lr, recipe.momentum, nesterov=True, fused=True)
    batches = [torch.randn(recipe.batch_size, 3, work.side, work.side) for _ in range(READY)]
    ready = [batch.contiguous(memory_format=work.layout) for batch in batches]
    labels = torch.arange(recipe.batch_size) % 10

    def epoch(clock: Clock) -> None:
        with clock:
            for step in range(len(work.labels) // recipe.batch_size):
                optimizer.zero_grad()
                with mixed_precision(labels.device, recipe.amp):
                    output = network(ready[step % READY])
                loss = F.cross_entropy(output.float(), labels, label_smoothing=recipe.label_smoothing)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    return epoch


def steps_as_run(work: Work) -> Epoch:
    """Return the same steps with what convstudy changes in them: the order of layers, and memory that is kept."""
    network = work.network()
    steps = bare_steps(replace(work, build=lambda: network))
    OF_A_RUN.enter_context(freed_memory_kept())

    def epoch(clock: Clock) -> None:
        with rewritten(network) if work.recipe.channels_last else nullcontext():
            steps(clock)

    return epoch


def plain_pytorch(work: Work) -> Epoch:
    """Return an epoch of the PyTorch tutorial's loop, which reads the loss every tenth step."""
    network = work.network()
    optimizer = work.sgd(network)
    transform = work.augmentation(transforms.ToTensor(), transforms.Normalize(MEAN, STD))
    loader = work.loader(PilImages(work.pixels, work.labels, transform))

    def epoch(clock: Clock) -> None:
        with clock:
            for step, batch in enumerate(loader):
                images, labels = work.moved(batch)
                optimizer.zero_grad()
                with mixed_precision(work.device, work.recipe.amp):
                    output = network(images)
                loss = F.cross_entropy(output.float(), labels, label_smoothing=work.recipe.label_smoothing)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                if step % 10 == 0:
                    loss.item()

    return epoch


def torchvision_reference(work: Work) -> Epoch:
    """Return an epoch of pytorch/vision, references/classification (presets.py and train.py), without printing."""
    network = work.network()
    optimizer = work.sgd(network)
    criterion = nn.CrossEntropyLoss(label_smoothing=work.recipe.label_smoothing)
    transform = work.augmentation(
        transforms.PILToTensor(), transforms.ConvertImageDtype(torch.float), transforms.Normalize(MEAN, STD)
    )
    loader = work.loader(PilImages(work.pixels, work.labels, transform))
    meters: dict[str, deque[float]] = {name: deque(maxlen=20) for name in ("loss", "acc1", "acc5")}

    def epoch(clock: Clock) -> None:
        with clock:
            for images, labels in loader:
                output = network(images)
                loss = criterion(output, labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                acc1, acc5 = _accuracy(output, labels)
                for name, value in (("loss", loss), ("acc1", acc1), ("acc5", acc5)):
                    meters[name].append(value.item())

    return epoch


@torch.inference_mode()
def _accuracy(output: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return top-1 and top-5, as utils.accuracy with topk=(1, 5)."""
    correct = output.topk(5, 1, True, True)[1].t() == labels[None]
    return correct[:1].flatten().sum(dtype=torch.float32), correct[:5].flatten().sum(dtype=torch.float32)


def timm_train(work: Work) -> Epoch:
    """Return an epoch of timm's train.py: its loader with prefetcher, loss, optimizer, meters, `--amp`."""
    data, loss, optim, utils = (importlib.import_module(f"timm.{name}") for name in ("data", "loss", "optim", "utils"))
    network, recipe = work.network(), work.recipe
    images = PilImages(work.pixels, work.labels, lambda image: image)
    loader = data.create_loader(
        images,
        input_size=(3, work.side, work.side),
        batch_size=recipe.batch_size,
        is_training=True,
        mean=MEAN,
        std=STD,
        num_workers=work.workers,
        device=work.device,
        persistent_workers=work.workers > 0,
    )
    images.transform = work.augmentation(data.transforms.ToNumpy())  # in place of timm's own, for ImageNet
    criterion = loss.LabelSmoothingCrossEntropy(recipe.label_smoothing)
    optimizer = optim.create_optimizer_v2(
        network, opt="sgd", lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    losses = utils.AverageMeter()

    def autocast() -> AbstractContextManager[object]:
        return torch.autocast(work.device.type, torch.bfloat16) if recipe.amp else nullcontext()

    def epoch(clock: Clock) -> None:
        with clock:
            optimizer.zero_grad()
            for inputs, labels in loader:
                given = inputs.contiguous(memory_format=work.layout)
                with autocast():
                    value = criterion(network(given), labels)
                value.backward()
                optimizer.step()
                losses.update(value.item(), len(given))
                optimizer.zero_grad()

    return epoch


def lightning_trainer(work: Work) -> Epoch:
    """Return an epoch of Lightning's Trainer with default settings, without files, progress bar and model summary."""
    lightning = importlib.import_module("lightning")
    network = work.network()

    class Module(lightning.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def training_step(self, batch: Batch, _: int) -> Tensor:
            images, labels = batch
            loss = F.cross_entropy(self.network(images), labels, label_smoothing=work.recipe.label_smoothing)
            self.log("train_loss", loss)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return work.sgd(self.network)

    class Timing(lightning.Callback):  # type: ignore[misc,name-defined]
        def __init__(self, clock: Clock) -> None:
            self.clock = clock

        def on_train_epoch_start(self, *_: object) -> None:
            self.clock.__enter__()

        def on_train_epoch_end(self, *_: object) -> None:
            self.clock.__exit__()

    transform = work.augmentation(transforms.ToTensor(), transforms.Normalize(MEAN, STD))
    loader = work.loader(PilImages(work.pixels, work.labels, transform))
    module = Module()

    def epoch(clock: Clock) -> None:
        lightning.Trainer(
            max_epochs=1,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[Timing(clock)],
        ).fit(module, loader)

    return epoch


def channels_last(side: Callable[[Work], Epoch]) -> Callable[[Work], Epoch]:
    return lambda work: side(replace(work, recipe=replace(work.recipe, channels_last=True)))


def amp(side: Callable[[Work], Epoch]) -> Callable[[Work], Epoch]:
    return lambda work: side(replace(work, recipe=replace(work.recipe, amp=True)))


PEERS: dict[str, Callable[[Work], Epoch]] = {
    "plain PyTorch": plain_pytorch,
    "torchvision's reference": torchvision_reference,
    "timm's train.py": timm_train,
    "timm, --channels-last": channels_last(timm_train),
    "Lightning": lightning_trainer,
}
