"""LeNet-5 (LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition, section II.B)."""

from __future__ import annotations

import math
from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from convstudy.claims.claim import Claim
from convstudy.zoo.architecture import Architecture

# Table I: which maps of S2 each of the 16 maps of C3 sees.
S2_MAPS_OF_C3 = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5)),
)

# The ten digits as 7 x 12 bitmaps, drawn in the manner of Figure 3: the targets of the 84 units of F6.
BITMAPS = """
..###.. ...##.. .#####. #######  ....##. ####### ..####. ####### .#####. .#####.
.#...#. ..###.. #.....# .....##  ...#.#. #...... .#..... ......# #.....# #.....#
#.....# .#.##.. ......# ....##.  ..#..#. #...... #...... .....#. #.....# #.....#
#.....# ...##.. ......# ...##..  .#...#. #...... #...... .....#. #.....# #.....#
#.....# ...##.. .....#. ..####.  #....#. #.####. #.###.. ....#.. .#...#. #.....#
#.....# ...##.. ....#.. .....##  #....#. ##...## ##...#. ....#.. ..###.. .######
#.....# ...##.. ...#... ......#  ####### ......# #.....# ...#... .#...#. ......#
#.....# ...##.. ..#.... ......#  .....#. ......# #.....# ...#... #.....# ......#
#.....# ...##.. .#..... ......#  .....#. ......# #.....# ..#.... #.....# ......#
.#...#. ...##.. #...... #....##  .....#. #.....# #.....# ..#.... #.....# .....#.
..###.. .######  ####### .#####. .....#. .#####. .#####. .#..... .#####. .####..
....... ....... ....... .......  ....... ....... ....... ....... ....... .......
"""


class ScaledTanh(nn.Module):
    """The squashing function f(a) = 1.7159 tanh(2a/3) (appendix A)."""

    def forward(self, x: Tensor) -> Tensor:
        """Map any shape to the same shape."""
        return 1.7159 * torch.tanh(x * (2 / 3))


class SubSampling(nn.Module):
    """The sum over 2x2 inputs, times a trainable coefficient, plus a trainable bias, each one per map (S2 and S4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.full((channels, 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to N x C x H/2 x W/2."""
        return F.avg_pool2d(x, 2) * (4 * self.coefficient) + self.bias  # 4 means are the sum: exactly, as 4 is 2^2


class SparseConvolution(nn.Module):
    """A 5x5 convolution whose maps each see only some of the input maps (C3, Table I).

    It is computed as a full convolution with zeros for missing connections, which trains 60 times faster than gathering
    the maps. Its counts are those of the paper's connections.
    """

    connected: Tensor

    def __init__(self, maps: tuple[tuple[int, ...], ...], in_channels: int) -> None:
        super().__init__()
        self.maps = maps
        self.in_channels = in_channels
        self.kernels = nn.Parameter(torch.empty(sum(map(len, maps)), 5, 5))
        self.bias = nn.Parameter(torch.zeros(len(maps)))
        places = [number * in_channels + seen for number, of_one in enumerate(maps) for seen in of_one]
        self.register_buffer("connected", torch.tensor(places), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw each map's kernels uniformly from +-2.4 / fan-in, where fan-in counts its inputs (appendix A)."""
        for kernels in torch.split(self.kernels.detach(), [len(seen) for seen in self.maps]):
            limit = 2.4 / kernels.numel()
            kernels.uniform_(-limit, limit)

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to N x len(maps) x H-4 x W-4."""
        if x.is_meta and not torch.is_grad_enabled():
            return self._as_connected(x)
        every = len(self.maps) * self.in_channels
        weight = self.kernels.new_zeros(every, 5, 5).index_copy(0, self.connected, self.kernels)
        return F.conv2d(x, weight.view(len(self.maps), self.in_channels, 5, 5), self.bias)

    def _as_connected(self, x: Tensor) -> Tensor:
        """Compute the same result map by map, with only the products that the paper has, for counting them."""
        kernels = torch.split(self.kernels, [len(seen) for seen in self.maps])
        answers = [
            F.conv2d(x[:, list(seen)], kernel[None], bias)
            for seen, kernel, bias in zip(self.maps, kernels, torch.split(self.bias, 1), strict=True)
        ]
        return torch.cat(answers, 1)


class RadialBasis(nn.Module):
    """The output layer: per class, the closeness of F6 to the class's fixed code of 84 signs (equation 7).

    The paper's unit returns the squared distance, y = sum of (x - w)^2, which is small for the right class; a logit
    must be large. It is therefore the log-likelihood of a Gaussian around the code. Its standard deviation of 2 keeps
    training stable at learning rates up to 0.1 (momentum 0.9, batches of 64); with 1, training diverges at 0.05.
    """

    codes: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("codes", class_codes(num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map N x 84 to N x classes."""
        return -((x[:, None] - self.codes) ** 2).sum(2) / (2 * 2**2)


def class_codes(num_classes: int) -> Tensor:
    """Return 84 signs per class: the bitmaps for up to ten classes, random signs from a fixed seed for the others.

    >>> codes = class_codes(12)
    >>> codes.shape, codes.abs().unique().tolist()
    (torch.Size([12, 84]), [1.0])
    """
    rows = [row.split() for row in BITMAPS.split("\n") if row]
    digits = [[1.0 if mark == "#" else -1.0 for row in rows for mark in row[digit]] for digit in range(10)]
    others = np.random.default_rng(0).choice([-1.0, 1.0], (max(num_classes - 10, 0), 84))
    return torch.tensor(np.concatenate([digits, others])[:num_classes], dtype=torch.float32)


def lenet5(num_classes: int, in_channels: int) -> nn.Sequential:
    """Build LeNet-5 (Figure 2) for 32x32 images."""
    network = nn.Sequential(
        OrderedDict(
            c1=nn.Conv2d(in_channels, 6, 5),  # 6 x 28 x 28
            tanh1=ScaledTanh(),
            s2=SubSampling(6),  # 6 x 14 x 14
            tanh2=ScaledTanh(),
            c3=SparseConvolution(S2_MAPS_OF_C3, 6),  # 16 x 10 x 10
            tanh3=ScaledTanh(),
            s4=SubSampling(16),  # 16 x 5 x 5
            tanh4=ScaledTanh(),
            c5=nn.Conv2d(16, 120, 5),  # 120 x 1 x 1
            tanh5=ScaledTanh(),
            flatten=nn.Flatten(),  # 120
            f6=nn.Linear(120, 84),  # 84
            tanh6=ScaledTanh(),
            output=RadialBasis(num_classes),  # classes
        )
    )
    for parameter in network.parameters():
        if parameter.ndim in {2, 4}:  # uniform in +-2.4 / fan-in (appendix A)
            limit = 2.4 / math.prod(parameter.shape[1:])
            nn.init.uniform_(parameter, -limit, limit)
    return network


NETWORKS = (
    Architecture(
        name="lenet5",
        layers=lenet5,
        title="LeNet-5, for handwritten digits",
        source="LeCun et al. 1998, section II.B",
        input_shape=(1, 32, 32),
        num_classes=10,
        smallest_side=32,
        fixed_side=32,
        claims=(
            Claim("parameters", "60,000", "LeCun et al. 1998, section II.B, trainable free parameters"),
            *(
                Claim(f"parameters of {layer}", printed, "LeCun et al. 1998, section II.B")
                for layer, printed in {
                    "c1": "156",
                    "s2": "12",
                    "c3": "1,516",
                    "s4": "32",
                    "c5": "48,120",
                    "f6": "10,164",
                }.items()
            ),
            *(
                Claim(f"connections of {layer}", printed, "LeCun et al. 1998, section II.B")
                for layer, printed in {
                    "c1": "122,304",
                    "s2": "5,880",
                    "c3": "151,600",
                    "s4": "2,000",
                    "c5": "48,120",
                }.items()
            ),
            Claim("connections", "340,908", "LeCun et al. 1998, section II.B, the whole network"),
        ),
        departures=(
            "logits are an eighth of the negative squared distances; cross entropy replaces the loss of equation 9",
            "the bitmaps are drawn in the manner of Figure 3; classes beyond ten get random codes of a fixed seed",
        ),
    ),
)
