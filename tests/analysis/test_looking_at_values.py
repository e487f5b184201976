"""Networks that look at values: the step on which each is counted, and its MACs, worked out here by hand."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention.flex_attention import flex_attention
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from convstudy.analysis import Inputs, InputTensor, LayerTable, bottlenecks, count, explain, training_memory
from convstudy.errors import ModelError, ShapeError

WIDTH, HIDDEN, STEPS = 8, 16, 10
ATTENTION = STEPS * WIDTH * 4 * WIDTH + 2 * STEPS * STEPS * WIDTH  # projections, then two products of the heads
ENCODER_LAYER = ATTENTION + 2 * STEPS * WIDTH * HIDDEN
DECODER_LAYER = ENCODER_LAYER + ATTENTION  # and the attention to the encoder, here of as many positions


class Masked(nn.Module):
    """A Transformer encoder with a causal mask, made or kept in different ways."""

    mask: Tensor

    def __init__(self, how: str) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(WIDTH, 2, HIDDEN, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.how = how
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(STEPS))

    def forward(self, x: Tensor) -> Tensor:
        make = nn.Transformer.generate_square_subsequent_mask
        mask = {
            "device": lambda: make(STEPS, device=x.device),
            "moved": lambda: make(STEPS).to(x.device),
            "buffer": lambda: self.mask,
            "triu": lambda: torch.triu(torch.ones(STEPS, STEPS, device=x.device), 1).bool(),
            "new": lambda: x.new_ones(STEPS, STEPS).tril() == 0,
        }[self.how]()
        output: Tensor = self.encoder(x, mask=mask)
        return output


@pytest.mark.parametrize("how", ["device", "moved", "buffer", "triu", "new"])
@pytest.mark.parametrize("training", [True, False])
def test_an_encoder_with_a_causal_mask(how: str, training: bool) -> None:
    table = count(Masked(how), (STEPS, WIDTH), training=training)
    assert (table.totals.macs, table.failure, table.uncounted) == (2 * ENCODER_LAYER, "", ())
    assert table.step != "forward pass"


def test_a_transformer_with_a_causal_mask() -> None:
    class Translator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = nn.Transformer(WIDTH, 2, 2, 3, HIDDEN, batch_first=True)

        def forward(self, source: Tensor, target: Tensor) -> Tensor:
            mask = self.transformer.generate_square_subsequent_mask(target.shape[1], device=target.device)
            output: Tensor = self.transformer(source, target, tgt_mask=mask)
            return output

    table = count(Translator(), (STEPS, WIDTH), (STEPS, WIDTH))
    assert (table.totals.macs, table.failure) == (2 * ENCODER_LAYER + 3 * DECODER_LAYER, "")
    assert table.step != "forward pass"


LENGTHS = [6, 4, 1]
PACKED = sum(LENGTHS) * 4 * HIDDEN * (WIDTH + HIDDEN)


class Packed(nn.Module):
    def __init__(self, lengths: list[int] | None = None, *, falling: bool = True) -> None:
        super().__init__()
        self.lstm = nn.LSTM(WIDTH, HIDDEN, batch_first=True)
        self.lengths, self.falling = lengths, falling

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        given: Any = self.lengths if lengths is None else lengths
        packed = pack_padded_sequence(x, given, batch_first=True, enforce_sorted=self.falling)
        output, _ = self.lstm(packed)
        padded: Tensor = pad_packed_sequence(output, batch_first=True)[0]
        return padded


@pytest.mark.parametrize("network", [Packed(LENGTHS), Packed([1, 6, 4], falling=False)])
def test_packed_sequences_of_known_lengths(network: Packed) -> None:
    table = count(network, torch.zeros(3, 7, WIDTH))
    assert (table.totals.macs, table.failure) == (PACKED, "")
    assert table.output_shapes == ((3, 6, HIDDEN),)


def test_packed_sequences_with_lengths_as_an_input() -> None:
    table = count(Packed(), torch.zeros(3, 7, WIDTH), torch.tensor(LENGTHS))
    assert (table.totals.macs, table.failure) == (PACKED, "")
    with pytest.raises(ShapeError, match=r"\[4, 6, 1\]"):
        count(Packed([4, 6, 1]), torch.zeros(3, 7, WIDTH))


def test_a_norm_whose_average_counts_its_batches() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=None))
    table = count(network, (3, 8, 8), training=True)
    assert (table.totals.macs, table.step) == (6 * 6 * 4 * 27, "fake tensors")
    assert [tensor.sum().item() for tensor in network[1].buffers()] == [0, 4, 0]


class Repeated(nn.Module):
    """Repeats a layer as often as a buffer or a parameter of its own says."""

    times: Tensor

    def __init__(self, times: Tensor) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, WIDTH)
        if isinstance(times, nn.Parameter):
            self.times = times
        else:
            self.register_buffer("times", times)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(int(self.times.item())):
            x = self.layer(x)
        return x


@pytest.mark.parametrize("times", [torch.tensor(3), nn.Parameter(torch.tensor(3.0))])
def test_a_network_that_reads_its_own_tensor(times: Tensor) -> None:
    table = count(Repeated(times), (WIDTH,))
    assert (table.totals.macs, table.step) == (3 * WIDTH * WIDTH, "fake tensors")


class Experts(nn.Module):
    """A mixture of experts, whose loop looks up which tokens go where (top 2 of 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(WIDTH, 4)
        self.experts = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(-1, WIDTH)
        weights, chosen = self.router(tokens).softmax(-1).topk(2)
        output = torch.zeros_like(tokens)
        for number, expert in enumerate(self.experts):
            rows, slots = torch.where(chosen == number)
            if rows.numel():
                output.index_add_(0, rows, expert(tokens[rows]) * weights[rows, slots, None])
        return output


def test_a_mixture_of_experts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the router chooses, each of the tokens goes to two experts."""
    notes: list[str] = []
    count(Experts(), (STEPS, WIDTH), on_note=notes.append)
    assert notes == []
    monkeypatch.setattr("convstudy.analysis.ladder.MUCH", 0)
    table = count(Experts(), (STEPS, WIDTH), on_note=notes.append)
    assert (table.totals.macs, table.step) == (STEPS * WIDTH * 4 + 2 * STEPS * WIDTH * WIDTH, "forward pass")
    assert table.totals.parameters == (WIDTH + 1) * 4 + 4 * (WIDTH + 1) * WIDTH
    explain(Experts(), (STEPS, WIDTH), "router", on_note=notes.append)
    bottlenecks(Experts(), (STEPS, WIDTH), on_note=notes.append)
    assert [note for note in notes if "MB" not in note] == []
    assert len(notes) == 3


class Asking(nn.Module):
    """Masks tokens of a list and asks whether any is left, as attention of transformers does."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        mask = torch.isin(tokens, torch.tensor([1, 2], device=tokens.device))
        embedded: Tensor = self.embedding(tokens) * (~mask)[..., None]
        return embedded * torch._is_all_true(mask)


def test_questions_about_masks_have_no_macs() -> None:
    table = count(Asking(), InputTensor((STEPS,), torch.int64))
    assert (table.totals.macs, table.uncounted, table.is_lower_bound) == (0, (), False)


class Transposing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 3)


def test_a_wrong_shape_is_one_error_without_a_logged_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ShapeError, match="got 3"):
        count(Transposing(), (STEPS, WIDTH))
    assert capfd.readouterr().err == ""


@torch.library.custom_op("convstudy_tests::halved", mutates_args=())
def halved(x: Tensor) -> Tensor:
    return x / 2


class Calls(nn.Module):
    """A dense layer, and a function of the network itself and of what the layer returns."""

    def __init__(self, function: Callable[[Calls, Tensor], Tensor]) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, WIDTH)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, self.layer(x))


def branch(network: Calls, x: Tensor) -> Tensor:
    output: Tensor = torch.cond(x.sum() > -1000, lambda x: network.layer(x).clone(), lambda x: x * 2, (x,))
    return output


def asserting(network: Calls, x: Tensor) -> Tensor:
    assert not torch.isnan(x).any()
    assert x.max() < 1000, f"too large: {x.max().item()}"
    return network.layer(x)  # type: ignore[no-any-return]


def mixed(network: Calls, x: Tensor) -> Tensor:
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        return network.layer(x)  # type: ignore[no-any-return]


def flexible(network: Calls, x: Tensor) -> Tensor:
    heads = x.view(1, STEPS, 2, WIDTH // 2).transpose(1, 2)
    output: Tensor = flex_attention(heads, heads, heads)
    return output


LAYER = STEPS * WIDTH * WIDTH
CASES: dict[str, tuple[Callable[[Calls, Tensor], Tensor], int, str]] = {
    "torch.cond": (branch, 2 * LAYER, "forward pass"),
    "asserts": (asserting, 2 * LAYER, "forward pass"),
    "autocast": (mixed, 2 * LAYER, "fake tensors"),
    "flex_attention": (flexible, LAYER + 2 * STEPS * STEPS * WIDTH, ""),
    "a log of values": (lambda net, x: net.layer(x * float(f"{x.mean():.2f}")), 2 * LAYER, "forward pass"),
    "past torch": (lambda net, x: net.layer(x + float(x.numpy().max())), 2 * LAYER, "forward pass"),
    "a constant": (lambda net, x: net.layer(x) if torch.ones(3, device=x.device).all() else x, 2 * LAYER, ""),
    "constants in a loop": (
        lambda net, x: [net.layer(x[:, number]) for number in torch.arange(3, device=x.device).tolist()].pop(),
        LAYER + 3 * WIDTH * WIDTH,
        "fake tensors",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_looking(name: str) -> None:
    function, macs, step = CASES[name]
    with warnings.catch_warnings(action="ignore"):
        table = count(Calls(function), (STEPS, WIDTH))
    assert (table.totals.macs, table.failure, table.uncounted) == (macs, "", ())
    assert table.step == step or (not step and table.step != "forward pass")


def test_what_was_written_over_a_constant_is_no_constant() -> None:
    """A value that depends on the input must not be read from the zeros over which it was written."""

    def function(network: Calls, x: Tensor) -> Tensor:
        kept = torch.zeros(1, STEPS, device=x.device)
        kept[:, 0] = x.abs().sum() + 1
        return network.layer(x) if kept.tolist()[0][0] > 0 else x

    for look in (function, lambda net, x: net.layer(x) if _written(x).any() else x):
        table = count(Calls(look), (STEPS, WIDTH))
        assert (table.totals.macs, table.step) == (2 * LAYER, "forward pass")


def _written(x: Tensor) -> Tensor:
    kept = torch.zeros(STEPS, device=x.device)
    kept.view(2, -1)[0].copy_(x[0, :5, 0].abs() + 1)
    return kept


def test_an_operation_without_a_fake_kernel_is_run_and_named() -> None:
    table = count(Calls(lambda net, x: net.layer(halved(x))), (STEPS, WIDTH))
    assert (table.totals.macs, table.step) == (2 * LAYER, "forward pass")
    assert [unknown.operation for unknown in table.uncounted] == ["convstudy_tests::halved"]


def test_a_spectrogram_with_a_window() -> None:
    class Spectrogram(nn.Module):
        window: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("window", torch.hann_window(16))
            self.head = nn.Linear(9, 2)

        def forward(self, x: Tensor) -> Tensor:
            spectrum = torch.stft(x, 16, hop_length=8, window=self.window, return_complex=True).abs()
            logits: Tensor = self.head(spectrum.mean(-1))
            return logits

    table = count(Spectrogram(), (64,))
    assert (table.totals.macs, table.failure) == (9 * 2, "")
    assert {unknown.operation for unknown in table.uncounted} == {"aten::_fft_r2c"}
    assert table.step != "forward pass"


def test_a_sparse_adjacency() -> None:
    """A graph convolution: each of the stored edges multiplies a row of features."""

    class Graph(nn.Module):
        adjacency: Tensor

        def __init__(self) -> None:
            super().__init__()
            edges = torch.tensor([[0, 1, 2, 3, 3], [1, 2, 3, 0, 1]])
            self.register_buffer("adjacency", torch.sparse_coo_tensor(edges, torch.ones(5), (4, 4)).coalesce())
            self.layer = nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            return torch.sparse.mm(self.adjacency, self.layer(x))  # type: ignore[no-any-return]

    with warnings.catch_warnings(action="ignore"):
        table = count(Graph(), torch.zeros(4, WIDTH))
    assert (table.totals.macs, table.failure, table.uncounted) == (4 * WIDTH * WIDTH + 5 * WIDTH, "", ())


def test_jagged_nested_tensors() -> None:
    """Two sequences of 3 and 5 tokens: a dense layer works on all eight."""
    with warnings.catch_warnings(action="ignore"):
        tokens = torch.nested.nested_tensor([torch.zeros(3, WIDTH), torch.zeros(5, WIDTH)], layout=torch.jagged)
        table = count(nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.ReLU()), tokens)
    assert (table.totals.macs, table.failure) == (8 * WIDTH * HIDDEN, "")
    assert [row.output_shape for row in table] == [(8, WIDTH), (8, HIDDEN), (8, HIDDEN)]


@pytest.mark.skipif(not torch.backends.quantized.supported_engines, reason="no kernels for quantized networks")
def test_int8_modules() -> None:
    import torch.ao.nn.quantized as int8  # noqa: PLC0415

    quantized: Any = int8

    class Int8(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.quantize = quantized.Quantize(0.1, 0, torch.quint8)
            self.conv = quantized.Conv2d(3, 4, 3)
            self.linear = quantized.Linear(4, 2)
            self.dynamic = quantized.dynamic.Linear(2, 5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(self.quantize(x)).dequantize().mean((2, 3))
            output: Tensor = self.dynamic(self.linear(self.quantize(x)).dequantize())
            return output

    with warnings.catch_warnings(action="ignore"):
        table = count(Int8(), (3, 8, 8))
    assert (table.totals.macs, table.failure, table.step) == (6 * 6 * 4 * 27 + 4 * 2 + 2 * 5, "", "forward pass")
    assert table.totals.parameters == (27 + 1) * 4 + (4 + 1) * 2 + (2 + 1) * 5


def test_a_grid_of_an_affine_map_multiplies_matrices() -> None:
    class Transformer(nn.Module):
        """A spatial transformer (Jaderberg et al. 2015)."""

        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3 * 8 * 8, 6)

        def forward(self, x: Tensor) -> Tensor:
            grid = F.affine_grid(self.head(x.flatten(1)).view(-1, 2, 3), list(x.shape), align_corners=False)
            return F.grid_sample(x, grid, align_corners=False)

    table = count(Transformer(), (3, 8, 8))
    assert (table.totals.macs, table.uncounted) == (192 * 6 + 64 * 3 * 2, ())


def test_grouped_products() -> None:
    class Grouped(nn.Module):
        """Ten tokens, of which three experts take 4, 4 and 2."""

        ends: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(3, 16, 32, dtype=torch.bfloat16))
            self.register_buffer("ends", torch.tensor([4, 8, 10], dtype=torch.int32))

        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = torch.ops.aten._grouped_mm(x, self.weight, self.ends)
            return output

    table = count(Grouped(), torch.zeros(10, 16, dtype=torch.bfloat16))
    assert (table.totals.macs, table.failure, table.uncounted) == (10 * 16 * 32, "", ())


class Failing(nn.Module):
    """Fails in its second layer for a reason that no step can mend."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.first, self.second, self.third = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        x = self.second(self.first(x))
        if x.sum() < 1000:
            raise self.error
        return self.third(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("error", [TypeError("no kernel"), NotImplementedError(), RuntimeError("CUDA is not there")])
def test_where_all_steps_fail_the_layers_up_to_there_are_a_lower_bound(error: Exception) -> None:
    table = count(Failing(error), (WIDTH,))
    assert (table.totals.macs, table.is_lower_bound) == (2 * WIDTH * WIDTH, True)
    assert table.totals.parameters == 3 * (WIDTH + 1) * WIDTH
    assert type(error).__name__ in table.failure or str(error).split(".", maxsplit=1)[0] in table.failure
    assert "lower bound" in str(table)
    assert table["third"].note == "not called"
    assert table.to_dict()["lower_bound"] is True


def test_memory_that_is_not_there_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    from convstudy.analysis import ladder  # noqa: PLC0415

    class Memory:
        available = 100

    monkeypatch.setattr(vars(ladder)["psutil"], "virtual_memory", Memory)
    table = count(Experts(), (STEPS, WIDTH))
    assert (table.totals.macs, table.is_lower_bound) == (STEPS * WIDTH * 4, True)
    assert "needs" in table.failure


def test_what_fails_before_its_first_layer_is_refused() -> None:
    class Missing(nn.Module):
        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            return x + mask

    with pytest.raises(ModelError, match="mask"):
        count(Missing(), (WIDTH,))


@pytest.mark.parametrize(
    ("network", "inputs"),
    [
        (Masked("device"), Inputs(((STEPS, WIDTH),))),
        (Repeated(torch.tensor(3)), Inputs(((WIDTH,),))),
        (Calls(asserting), Inputs(((STEPS, WIDTH),))),
    ],
)
def test_training_memory_climbs_the_same_steps(network: nn.Module, inputs: Any) -> None:
    assert training_memory(network, inputs, batch_size=2).saved_activations > 0


def test_a_token_model_takes_integers() -> None:
    network = nn.Sequential(nn.Embedding(50, WIDTH), nn.Linear(WIDTH, 2))
    table: LayerTable = count(network, InputTensor((STEPS,), torch.int64))
    assert (table.totals.macs, table.step) == (STEPS * WIDTH * 2, "shapes")
