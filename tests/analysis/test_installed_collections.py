"""Networks of optional packages, against what they publish or what follows from their formulas."""

from __future__ import annotations

import importlib

import pytest
import torch

from convstudy.analysis import count


def test_yolo_v8n(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Ultralytics publishes 3.2 million parameters and 8.7 GFLOPs at 640x640."""
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path_factory.mktemp("yolo")))
    pytest.importorskip("ultralytics", reason="optional: YOLO from its configuration")
    network = importlib.import_module("ultralytics.nn.tasks").DetectionModel("yolov8n.yaml", verbose=False).eval()
    table = count(network, (3, 640, 640))
    assert (round(table.totals.parameters / 1e6, 1), round(2 * table.totals.macs / 1e9, 1)) == (3.2, 8.7)
    assert not table.is_lower_bound


def test_graph_convolution() -> None:
    """A layer to 4 features multiplies each of 5 nodes' 3 features; sums over edges are no products."""
    pytest.importorskip("torch_geometric", reason="optional: layers on graphs")
    layer = importlib.import_module("torch_geometric.nn").GCNConv(3, 4)
    edges = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])
    table = count(layer, torch.zeros(5, 3), edges)
    assert (table.totals.parameters, table.totals.macs) == (3 * 4 + 4, 5 * 3 * 4)
