"""A study on a Ray cluster of two nodes, one of which dies in the middle: the same results as local processes."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from convstudy.study.runs import ray_engine
from tests.conftest import Said
from tests.started import Started
from tests.study.test_failed_runs import HANG, LeapingClock, check_that_the_run_of_seed_0_took_too_long, moody

pytest.importorskip("ray", reason="Ray is not installed: the extra `ray`")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray's own threads and files

Convstudy = Callable[..., Said]
WORDS = ("--seeds", "3", "--epochs", "3", "--warmup-epochs", "0", "--train-images", "100", "--device", "cpu")
HEAD = {"num_cpus": 1, "include_dashboard": False}
MEASURED = re.compile(r"seconds|per_second|latency|memory|environment|test_set|inference_batch_size")


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(each) for key, each in value.items() if not MEASURED.search(key)}
    return [without_times(each) for each in value] if isinstance(value, list) else value


def results(folder: Path) -> Any:
    return without_times(json.loads((folder / "results.json").read_text()))


def weights(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("weights.safetensors")}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster with one node of one CPU, whose processes run at the usual priority."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415

    monkeypatch.setenv(ray_engine.NICENESS, "0")
    cluster = Cluster(initialize_head=True, head_node_args=HEAD)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


@pytest.mark.slow
def test_a_node_that_dies_is_survived_and_the_results_are_those_of_local_processes(
    convstudy: Convstudy, tmp_path: Path, cluster: Any
) -> None:
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()

    def kill() -> None:
        while len(list(tmp_path.glob("ray/*/seed-*/epochs.csv"))) < 2:
            time.sleep(0.01)
        cluster.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    said = convstudy(
        "compare", "lecture", "net", *WORDS, "--engine", "ray", "--address", cluster.address, "--output", "ray"
    )
    killer.join(10)
    assert said.status == 0, said.err
    assert convstudy("compare", "lecture", "net", *WORDS, "--jobs", "1", "--output", "local").status == 0
    assert len(weights(tmp_path / "ray")) == 6
    assert weights(tmp_path / "ray") == weights(tmp_path / "local")
    assert results(tmp_path / "ray") == results(tmp_path / "local")
    assert not list((tmp_path / "ray").rglob("seed-*/.claim-*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("process", "named"),
    [("gcs_server", "the head of the Ray cluster at "), ("raylet", "Ray's raylet of this machine at ")],
)
def test_a_cluster_that_dies_is_named_and_the_next_start_goes_on(
    convstudy: Convstudy, tmp_path: Path, cluster: Any, process: str, named: str
) -> None:
    words = ("compare", "lecture", "--seeds", "2", *WORDS[2:], "--output")
    with Started(tmp_path, *words, "ray", "--engine", "ray", "--address", cluster.address) as running:
        until = time.monotonic() + 180
        while not list(tmp_path.glob("ray/*/seed-*/checkpoint.pt")) and running.poll() is None:
            assert time.monotonic() < until, running.err
            time.sleep(0.01)
        cluster.head_node.all_processes[process][0].process.kill()
    assert running.poll() == 2, running.err
    assert running.err.startswith(f"error: {named}")
    assert running.err.endswith(
        "has died (Connection refused); repeat the command once a cluster is there, and its "
        "runs continue from their checkpoints\n"
    )
    assert running.err.count("\n") == 1
    assert "state-dump" not in running.out  # of the raylet's log
    for folder in ("ray", "local"):
        said = convstudy(*words, folder, "--jobs", "1")
        assert said.status == 0, said.err
    assert weights(tmp_path / "ray") == weights(tmp_path / "local")
    assert results(tmp_path / "ray") == results(tmp_path / "local")


@pytest.mark.slow
def test_a_run_that_hangs_is_stopped_after_its_hours_of_which_those_in_the_queue_do_not_count(
    convstudy: Convstudy, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "time", LeapingClock(tmp_path))
    moody(tmp_path, HANG, seed=0)
    limits = ("--jobs", "2", "--run-hours", "1", "--retries", "1")
    ray = ("--engine", "ray", "--address", cluster.address)
    said = convstudy(
        "compare", "own.py:Moody", *WORDS, "--seeds", "2", "--epochs", "1", *limits, *ray, "--output", "out"
    )
    check_that_the_run_of_seed_0_took_too_long(said, tmp_path)


def test_a_cluster_that_is_not_there_is_named(convstudy: Convstudy) -> None:
    said = convstudy("compare", "lecture", *WORDS, "--engine", "ray", "--address", "127.0.0.1:1", "--output", "out")
    assert said.status == 2
    assert "127.0.0.1:1" in said.err
    assert said.err.count("\n") == 1
