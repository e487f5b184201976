"""The report of a single run: its results and images, and nothing about other seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from convstudy.report.html import html
from convstudy.study import open_model, open_run, read_run
from tests.conftest import Said
from tests.report.page import parse


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import convstudy as library  # noqa: PLC0415
    from convstudy.training import Recipe  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("single") / "run"
    library.train("net", data="digits", recipe=Recipe(epochs=2), output=folder, on_event=lambda _: None)
    return folder


def test_a_run_has_a_report_of_its_own(trained: Path, convstudy: Callable[..., Said]) -> None:
    found = read_run(open_run(trained))
    (model,) = found.results.models
    record = open_run(trained).record
    assert model.top1.mean == pytest.approx(record["top1"])
    assert (model.parameters, model.macs) == (61_706, 416_520)
    assert found.results.protocol.command.startswith("convstudy train net --data digits ")
    assert "--seeds" not in found.results.protocol.command
    assert found.mistaken
    page = parse(html(found, folder=trained))
    said = page.one("section", class_="card").text
    assert "in one run" in said
    assert "not other seeds" in said
    assert f"convstudy export {trained.name}" in said
    assert {"curves", "confusion", "mistaken", "per-class"} <= {
        section.attributes.get("aria-labelledby") for section in page.all("section")
    }
    written = convstudy("report", str(trained), "--title", "Ours & theirs")
    assert (written.status, written.out) == (0, f"{trained / 'report.html'}\n")
    page = parse((trained / "report.html").read_text(encoding="utf-8"))
    assert page.one("h1").text == "Ours & theirs"
    assert page.one("section", **{"aria-labelledby": "networks"}).all("svg")
    refused = convstudy("report", str(trained), "--format", "json")
    assert (refused.status, refused.err.count("\n")) == (2, 1)


def test_the_model_card_says_what_is_known_and_loads_the_file(
    trained: Path, convstudy: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = convstudy(
        "export", str(trained), "--format", "safetensors", "--card", "-o", str(tmp_path / "net.safetensors")
    )
    assert said.status == 0, said.err
    _, front, text = (tmp_path / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    record = open_run(trained).record
    (entry,) = yaml.safe_load(front)["model-index"]
    assert entry["results"][0]["dataset"]["name"] == "digits"
    assert entry["results"][0]["metrics"][0]["value"] == pytest.approx(record["top1"], abs=1e-4)
    assert f"top-1 {100 * record['top1']:.1f}% on 449 test images (95% CI " in text
    assert "One run says nothing about other seeds" in text
    assert "best" not in text.replace("best validation", "")
    assert "61,706 parameters; 417 K multiply-accumulates" in text
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(text.partition("```python\n")[2].partition("```")[0], found)  # as a reader of the card does
    assert found["classes"] == [str(digit) for digit in range(10)]
    open_model("net", trained=False).build(10, 1).load_state_dict(found["weights"])
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    refused = convstudy(
        "export", str(trained), "--format", "safetensors", "--card", "-o", str(tmp_path / "net.safetensors")
    )
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"
