"""The documentation site: it is built without a warning, so every link inside it leads somewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from convstudy.zoo.catalog import catalog
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_spec("sphinx") is None and "CI" not in os.environ:
        pytest.skip("Sphinx is not installed: uv run --group docs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(ROOT / "docs"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_has_a_page_for_each_network(site: Path) -> None:
    pages = {listed.name: (site / "networks" / f"{listed.name}.html").read_text("utf-8") for listed in catalog()}
    assert [name for name, page in pages.items() if '<div class="network"><svg' not in page] == []
    assert "21,797,672" in pages["resnet34"]  # torchvision's number of parameters, in its weights' metadata
    assert "<strong>does not hold</strong>" in pages["lecture"]  # 208 parameters of the first layer
    assert "<mfrac>" in (site / "formulas" / "counting.html").read_text("utf-8")
