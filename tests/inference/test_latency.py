"""How long one image takes, and how many a second are answered in batches: what is timed, not how long it took."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from convstudy.inference import Throughput, latency_of, throughput_of
from convstudy.inference import latency as latency_module
from convstudy.inference import throughput as throughput_module
from convstudy.inference.latency import evaluating, of_times

CPU = torch.device("cpu")
SHAPE = (3, 6, 6)


class Counting(nn.Module):
    """Notes how many images it got at once."""

    def __init__(self, room: int = 10**9) -> None:
        super().__init__()
        self.got, self.room = list[int](), room

    def forward(self, x: Tensor) -> Tensor:
        assert not self.training
        assert x.shape[1:] == SHAPE
        assert x.std() > 0.5  # noise: black images make quick work of rectifiers
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.got.append(len(x))
        return x


def normalizing() -> nn.Sequential:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.BatchNorm2d(4).eval())
    return network.train(True)


def test_latency_is_of_one_image_after_a_warm_up() -> None:
    network = Counting().train()
    found = latency_of(network, SHAPE, CPU)
    assert network.got == [1] * (latency_module.WARM_UP_PASSES + found.passes)
    assert found.passes == 100
    assert found.p95_ms is not None
    assert 0 < found.median_ms <= found.p95_ms
    assert network.training


def test_a_slow_network_is_timed_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency_module, "timed_pass", lambda *_: 0.9)
    found = latency_of(Counting(), SHAPE, CPU)
    assert (found.median_ms, found.p95_ms, found.passes) == (900.0, None, 3)


@given(st.lists(st.floats(1e-6, 1e3), min_size=20, max_size=200))
def test_the_percentile_is_numpys(seconds: list[float]) -> None:
    found = of_times(seconds)
    assert found.p95_ms == pytest.approx(1000 * np.percentile(seconds, 95))
    assert found.p95_ms is not None
    assert found.p95_ms >= found.median_ms * (1 - 1e-12)


def test_what_does_not_get_faster_is_not_tried_further(monkeypatch: pytest.MonkeyPatch) -> None:
    def tried(seconds: Callable[[int], float]) -> dict[int, float]:
        monkeypatch.setattr(throughput_module, "timed_pass", lambda _, images: seconds(len(images)))
        found = throughput_of(nn.Identity(), (1, 2, 2), CPU)
        rates = dict(found.rates)
        assert found.batch_size in rates
        assert found.images_per_second == rates[found.batch_size] == max(rates.values())
        assert all(rate == pytest.approx(size / seconds(size)) for size, rate in rates.items())
        return rates

    assert list(tried(lambda size: 1e-4)) == [2**power for power in range(11)]  # for nothing: as many as may be
    assert list(tried(lambda size: 1e-4 * size)) == [1, 2, 4]  # a batch gains nothing
    assert list(tried(lambda size: 1e-4 * (size + 8 * (size == 2)))) == [1, 2, 4]
    uneven = tried(lambda size: 1e-4 * (1 + size / 8) * (1 + 3 * (size == 4)))  # one slow size ends nothing
    assert max(uneven) > 4
    assert list(tried(lambda size: 0.6 * size)) == [1]  # a larger one would take too long
    assert list(tried(lambda size: 0.3 * size)) == [1, 2]


def test_of_equally_fast_batches_the_smallest_is_the_best() -> None:
    found = Throughput(((1, 50.0), (2, 90.0), (4, 90.0), (8, 30.0)))
    assert (found.batch_size, found.images_per_second) == (2, 90.0)


def test_it_ends_where_memory_is_full() -> None:
    network = Counting(room=2)
    sizes = [size for size, _ in throughput_of(network, SHAPE, CPU).rates]
    assert sizes == [1, 2]
    with pytest.raises(torch.OutOfMemoryError):
        throughput_of(Counting(room=0), SHAPE, CPU)


def test_another_error_is_not_swallowed() -> None:
    class Picky(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if len(x) > 1:
                raise RuntimeError("one image only")
            return x

    with pytest.raises(RuntimeError, match="one image only"):
        throughput_of(Picky(), SHAPE, CPU)


@pytest.mark.parametrize("measure", [latency_of, throughput_of])
def test_nothing_is_disturbed(measure: Callable[..., object]) -> None:
    network = normalizing()
    network[3].eval()  # frozen statistics, as of a backbone
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    random = torch.get_rng_state()
    measure(network, SHAPE, CPU)
    assert torch.equal(torch.get_rng_state(), random)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())


def test_the_mode_comes_back_after_an_error() -> None:
    network = normalizing()
    seen: list[bool] = []

    def fail() -> None:
        with evaluating(network):
            seen.extend(module.training for module in network.modules())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not any(seen)
    assert all(module.training for module in network.modules())
