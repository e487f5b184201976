"""Table of the numbers that each counting tool reports for difficult networks, beside the closed form.

    uv run --group benchmarks python benchmarks/peers_mistakes.py

Each tool runs in a separate interpreter and gets a new instance of each network. `–`: the tool does not report this
figure; a word: it failed; `≥`: it reports that something was not counted. Values that equal the closed form are bold.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from convstudy.analysis import count
from mistaken_networks import Calls, Deformable, Recurrent, beside_products, in_training, reused, tied
from peers import TOOLS, available, image, silence

Shape = tuple[int, ...]
IMAGE = (3, 224, 224)
CHANGED = {"changed by counting": (3, 10, 10), "changed by a count that fails": (4, 10, 10)}


@dataclass(frozen=True)  # positional, as a row of a table
class Row:
    """A network, the shape of its input, the correct figure, and the test of convstudy that checks it."""

    title: str
    network: Callable[[], nn.Module]
    shape: Shape
    expected: int
    test: str
    figure: str = "macs"


def vit_b_16() -> int:
    """Count patches, twelve layers of projections, attention and two dense layers, and the head (Dosovitskiy 2021)."""
    tokens, width, hidden = 14 * 14 + 1, 768, 3072
    layer = tokens * width * (4 * width) + 2 * tokens * tokens * width + 2 * tokens * width * hidden
    return 196 * width * 3 * 16 * 16 + 12 * layer + width * 1000


def swin_t() -> int:
    """Count patches of 4x4, stages with windows of 7x7, mergings, and the head (Liu et al. 2021, equation 2)."""
    stages = [(56, 96, 2), (28, 192, 2), (14, 384, 6), (7, 768, 2)]
    layers = sum(depth * side**2 * width * (12 * width + 2 * 49) for side, width, depth in stages)
    merges = sum(side**2 * 2 * width * width for side, width, _ in stages[1:])
    return 56**2 * 96 * 3 * 16 + layers + merges + 768 * 1000


INCEPTIONS = {  # input channels, 1x1, 3x3 reduced, 3x3, "5x5" reduced, "5x5" (3x3 in torchvision), pooled
    28: [(192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64)],
    14: [
        (480, 192, 96, 208, 16, 48, 64),
        (512, 160, 112, 224, 24, 64, 64),
        (512, 128, 128, 256, 24, 64, 64),
        (512, 112, 144, 288, 32, 64, 64),
        (528, 256, 160, 320, 32, 128, 128),
    ],
    7: [(832, 256, 160, 320, 32, 128, 128), (832, 384, 192, 384, 48, 128, 128)],
}


def googlenet_in_training() -> int:
    """Count the stem, Table 1 of Szegedy et al. 2014, the head, and the two auxiliary branches used in training."""
    stem = 112**2 * 64 * 3 * 49 + 56**2 * (64 * 64 + 192 * 64 * 9)
    modules = sum(
        side**2 * (channels * (one + reduced + few + pooled) + 9 * (reduced * three + few * five))
        for side, rows in INCEPTIONS.items()
        for channels, one, reduced, three, few, five, pooled in rows
    )
    branches = 16 * 128 * (512 + 528) + 2 * (2048 * 1024 + 1024 * 1000)
    return stem + modules + branches + 1024 * 1000


def model(name: str, *, training: bool = False, **options: Any) -> Callable[[], nn.Module]:
    return lambda: cast(nn.Module, torchvision.models.get_model(name, **options)).train(training)


ROWS = [
    Row("`vit_b_16`, evaluation", model("vit_b_16"), IMAGE, vit_b_16(), "test_vit_b_16_in_evaluation"),
    Row("`swin_t`, evaluation", model("swin_t"), IMAGE, swin_t(), "test_swin_t"),
    Row(
        "`googlenet`, training",
        model("googlenet", training=True, init_weights=False, aux_logits=True),
        IMAGE,
        googlenet_in_training(),
        "test_googlenet_in_training",
        "macs in training",
    ),
    Row(
        "transposed convolution, stride 2",
        lambda: nn.Sequential(nn.ConvTranspose2d(8, 4, 3, stride=2)),
        (8, 7, 7),
        7 * 7 * 8 * 4 * 9,
        "test_transposed_convolution",
    ),
    Row(
        'kernel 4, `padding="same"`',
        lambda: nn.Sequential(nn.Conv2d(3, 8, 4, padding="same")),
        (3, 10, 10),
        8 * 100 * 3 * 16,
        "test_padding_same",
    ),
    Row(
        "`F.conv2d`",
        lambda: Calls(F.conv2d, torch.zeros(4, 3, 5, 5)),
        (3, 8, 8),
        4 * 16 * 75,
        "test_operations_without_a_module",
    ),
    Row(
        "`einsum`",
        lambda: Calls(lambda x, w: torch.einsum("bij,jk->bik", x, w), torch.zeros(5, 7)),
        (3, 5),
        3 * 5 * 7,
        "test_operations_without_a_module",
    ),
    Row(
        "`LSTM`",
        Recurrent,
        (11, 5),
        11 * 4 * 7 * (5 + 7),
        "test_recurrent_layers",
    ),
    Row(
        "deformable convolution",
        Deformable,
        (3, 10, 10),
        64 * (18 + 8) * 27,
        "test_deformable_convolution",
    ),
    Row(
        "bias, norm, ReLU, pooling, softmax",
        beside_products,
        (3, 10, 10),
        64 * 8 * 27,
        "test_biases_norms_and_pooling_are_no_macs",
    ),
    Row(
        "parameters of two layers with one weight",
        tied,
        (8,),
        64 + 8 + 8,
        "test_shared_weights_count_once",
        "parameters",
    ),
    Row(
        "activations of a layer called twice",
        reused,
        (3, 8, 8),
        3 * 192,
        "test_a_reused_layers_activations_count_each_time",
        "activations",
    ),
]
Figure = Callable[[Any, nn.Module, Shape], float]
PARAMETERS: dict[str, Figure] = {
    "convstudy": lambda _, network, shape: count(network, shape).totals.parameters,
    "torchinfo": lambda tool, network, shape: tool.summary(network, input_size=(1, *shape), verbose=0).total_params,
    "fvcore": lambda tool, network, _: tool.parameter_count(network)[""],
    "ptflops": lambda tool, network, shape: tool.get_model_complexity_info(
        network, shape, print_per_layer_stat=False, as_strings=False, backend="aten"
    )[1],
    "calflops": lambda tool, network, shape: tool.calculate_flops(
        network, input_shape=(1, *shape), print_results=False, output_as_string=False
    )[2],
    "thop": lambda tool, network, shape: tool.profile(network, inputs=(image(network, shape),), verbose=False)[1],
    "torchscan": lambda tool, network, shape: tool.crawl_module(network, shape)["totals"]["parameters"]["value"],
    "torchlens": lambda tool, network, shape: tool.trace(network, image(network, shape)).num_params,
}
ACTIVATIONS: dict[str, Figure] = {  # torchinfo doubles bytes for gradients; both tools omit layers without weights
    "convstudy": lambda _, network, shape: sum(row.activation_size for row in count(network, shape).rows[1:]),
    "torchinfo": lambda tool, network, shape: (
        tool.summary(network, input_size=(1, *shape), verbose=0).total_output_bytes / 8
    ),
    "fvcore": lambda tool, network, shape: tool.ActivationCountAnalysis(network, image(network, shape)).total(),
}
IN_TRAINING: dict[str, Figure] = {  # counts in training mode; the other tools have no such option
    "convstudy": lambda _, network, shape: count(network, shape, training=True).totals.macs,
    "torchinfo": lambda tool, network, shape: (
        tool.summary(network, input_size=(1, *shape), verbose=0, mode="train").total_mult_adds
    ),
}


def figure(tool: str, row: Row) -> str:
    """Return the figure that a tool reports for a row's network."""
    special = {"parameters": PARAMETERS, "activations": ACTIVATIONS, "macs in training": IN_TRAINING}.get(row.figure)
    run, module = TOOLS[tool]
    try:
        if special and tool in special:
            return f"{special[tool](import_module(module), row.network(), row.shape):,.0f}"
        if row.figure in {"parameters", "activations"}:
            return "–"
        if tool == "torchscan":
            total = import_module(module).crawl_module(row.network(), row.shape)["totals"]["macs"]
            return f"{'' if total['status'] == 'complete' else '≥ '}{total['known_value']:,}"
        return f"{run(row.network(), row.shape):,.0f}"
    except Exception as error:
        return type(error).__name__


def changed(tool: str, shape: Shape) -> str:
    """Return what a tool has changed in a network in training mode after counting it or failing."""
    network = in_training()
    before = state(network)
    with suppress(Exception):
        TOOLS[tool][0](network, shape)
    after = state(network)
    return ", ".join(name for name in before if before[name] != after[name]) or "nothing"


def state(network: nn.Module) -> dict[str, Any]:
    """Return the observable state of a network."""
    values = network.state_dict()
    return {
        "mode": [module.training for module in network.modules()],
        "keys of the state": list(values),
        "statistics": {name: values[name].tolist() for name in ("1.running_mean", "1.num_batches_tracked")},
        "hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules()],
        "attributes": [sorted(module.__dict__) for module in network.modules()],
        "random state": torch.get_rng_state().tolist(),
    }


def figures(tool: str, first: int) -> None:
    """Print the figures of one tool, starting with a row, one per line."""
    torch.set_num_threads(1)
    for row in ROWS[first:]:
        with silence():
            text = figure(tool, row)
        print(text, flush=True)
    for shape in list(CHANGED.values())[max(first - len(ROWS), 0) :]:
        with silence():
            text = changed(tool, shape)
        print(text, flush=True)


def isolated_figures(tool: str) -> list[str]:
    """Return the figures of one tool from a separate interpreter, as some tools patch torch or crash the process."""
    found: list[str] = []
    while len(found) < len(ROWS) + len(CHANGED):
        call = f"import peers_mistakes; peers_mistakes.figures({tool!r}, {len(found)})"
        command = [sys.executable, "-W", "ignore", "-c", call]
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
        found += [line for line in done.stdout.splitlines() if line]
        if done.returncode:
            found.append(f"crash ({signal.Signals(-done.returncode).name})" if done.returncode < 0 else "failed")
    return found


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    tools = [tool for tool, reason in available().items() if not reason]
    found = {tool: isolated_figures(tool) for tool in tools}
    print(f"| | correct | {' | '.join(tools)} | test |\n|---|---|" + "---|" * len(tools) + "---|")
    rights = [(row.title, f"{row.expected:,}", row.test) for row in ROWS]
    rights += [(title, "nothing", "test_left_as_found.py") for title in CHANGED]
    for number, (title, right, test) in enumerate(rights):
        cells = [found[tool][number] for tool in tools]
        marked = [f"**{cell}**" if cell == right else cell for cell in cells]
        print(f"| {title} | {right} | {' | '.join(marked)} | `{test}` |")


if __name__ == "__main__":
    main()
