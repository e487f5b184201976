"""Blocks that are inserted into a trained network, and what they do to it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from convstudy.zoo.residual import BasicBlock, PlainBlock

STAGES = ("layer1", "layer2", "layer3")  # of the residual networks for CIFAR-10
Block = Callable[[int], nn.Module]


class LectureBlock(nn.Module):
    """The lecture's residual block: a[l+2] = relu(W[l+2] a[l+1] + b[l+2] + a[l]), without batch normalization."""

    shortcut = True

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        for layer in (self.conv1, self.conv2):
            assert layer.bias is not None
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def branch(self, x: Tensor) -> Tensor:
        """Return W[l+2] a[l+1] + b[l+2], what is added to the shortcut: N x C x H x W, as the input."""
        out: Tensor = self.conv2(F.relu(self.conv1(x)))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to N x C x H x W."""
        return F.relu(self.branch(x) + x if self.shortcut else self.branch(x))


class LecturePlainBlock(LectureBlock):
    """The same two layers without the shortcut."""

    shortcut = False


def zeroed(block: nn.Module) -> nn.Module:
    """Set the last weights of a block to zero: the scale of its last normalization, or its last convolution.

    Source: Goyal et al. 2017, section 5.1, for the scale.
    """
    last = block.bn2 if isinstance(block, PlainBlock) else block.get_submodule("conv2")
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
    return block


KINDS: dict[tuple[str, str], Block] = {  # by block and start
    ("residual", "zero"): lambda channels: zeroed(BasicBlock(channels, channels, 1)),
    ("plain", "zero"): lambda channels: zeroed(PlainBlock(channels, channels, 1)),
    ("residual", "random"): lambda channels: BasicBlock(channels, channels, 1),
    ("plain", "random"): lambda channels: PlainBlock(channels, channels, 1),
}


@dataclass(frozen=True)
class Inserted:
    """A network with inserted blocks."""

    network: nn.Module
    blocks: tuple[nn.Module, ...]


def with_blocks(network: nn.Module, block: Block, per_stage: int, seed: int) -> Inserted:
    """Return a copy of a residual network for CIFAR-10 with `per_stage` new blocks at the end of each stage.

    The weights of the new blocks are drawn from the seed.

    >>> from convstudy.zoo import build
    >>> trained = build("resnet20", num_classes=10, in_channels=1).eval()
    >>> images = torch.randn(2, 1, 16, 16)
    >>> deeper = with_blocks(trained, KINDS["residual", "zero"], 3, seed=0)
    >>> len(deeper.blocks), torch.equal(deeper.network(images), trained(images))
    (9, True)
    """
    deeper = copy.deepcopy(network)
    blocks = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for stage in (deeper.get_submodule(name) for name in STAGES):
            assert isinstance(stage, nn.Sequential)
            *_, last = stage
            assert isinstance(last, PlainBlock)
            weight, channels = last.conv2.weight, last.conv2.out_channels
            for _ in range(per_stage):
                made = block(channels).to(weight).train(network.training)
                stage.append(made)
                blocks.append(made)
    return Inserted(deeper, tuple(blocks))


@torch.no_grad()
def branch_share(inserted: Inserted, images: Tensor) -> float:
    """Return the norm of the residual branch over that of the block's input, mean over the inserted blocks.

    0 is the identity (after the ReLU, whose input is then not negative); `images` are N x C x H x W, normalized.
    """
    shares: list[float] = []

    def look(block: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(block, LectureBlock)
        shares.append(float(block.branch(inputs[0]).norm() / inputs[0].norm()))

    hooks = [block.register_forward_pre_hook(look) for block in inserted.blocks]
    inserted.network.eval()(images)
    for hook in hooks:
        hook.remove()
    return sum(shares) / len(shares)
