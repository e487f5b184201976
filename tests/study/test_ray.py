"""A study on a Ray cluster of two nodes, one of which dies in the middle: the same results as local processes."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Said

pytest.importorskip("ray", reason="Ray is not installed: the extra `ray`")

Convstudy = Callable[..., Said]
WORDS = ("--seeds", "3", "--epochs", "3", "--warmup-epochs", "0", "--train-images", "100", "--device", "cpu")
MEASURED = re.compile(r"seconds|per_second|latency|memory|environment|test_set|inference_batch_size")


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(each) for key, each in value.items() if not MEASURED.search(key)}
    return [without_times(each) for each in value] if isinstance(value, list) else value


def results(folder: Path) -> Any:
    return without_times(json.loads((folder / "results.json").read_text()))


def weights(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("weights.safetensors")}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray's own threads and files
def test_a_node_that_dies_is_survived_and_the_results_are_those_of_local_processes(
    convstudy: Convstudy, tmp_path: Path
) -> None:
    from ray.cluster_utils import Cluster  # noqa: PLC0415

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()

    def kill() -> None:
        while len(list(tmp_path.glob("ray/*/seed-*/epochs.csv"))) < 2:
            time.sleep(0.01)
        cluster.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    try:
        ray = ("--engine", "ray", "--address", cluster.address)
        said = convstudy("compare", "lecture", "net", *WORDS, *ray, "--output", "ray")
        killer.join(10)
    finally:
        cluster.shutdown()
    assert said.status == 0, said.err
    assert convstudy("compare", "lecture", "net", *WORDS, "--jobs", "1", "--output", "local").status == 0
    assert len(weights(tmp_path / "ray")) == 6
    assert weights(tmp_path / "ray") == weights(tmp_path / "local")
    assert results(tmp_path / "ray") == results(tmp_path / "local")
    assert not list((tmp_path / "ray").rglob("seed-*/.claim-*"))


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_is_not_there_is_named(convstudy: Convstudy) -> None:
    said = convstudy("compare", "lecture", *WORDS, "--engine", "ray", "--address", "127.0.0.1:1", "--output", "out")
    assert said.status == 2
    assert "127.0.0.1:1" in said.err
    assert said.err.count("\n") == 1
