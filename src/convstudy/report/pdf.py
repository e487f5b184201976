"""The report as PDF, printed by an installed browser of the Chromium family."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from convstudy.errors import ToolError
from convstudy.files import whole_file

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
MACOS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
DRAWING = 30_000  # milliseconds for the page to draw its charts
LIMIT = 180  # seconds


def write_pdf(page: Path, path: Path) -> None:
    """Print an HTML page to `path` atomically.

    Raises: ToolError, if no such browser is installed or printing fails.
    """
    browser = next(filter(None, map(shutil.which, (*BROWSERS, MACOS))), None)
    if browser is None:
        raise ToolError(
            f"PDF needs Chromium or Chrome, and neither is installed (looked for {', '.join(BROWSERS)}); install one, "
            f"or open {page} in another browser and print it"
        )
    with whole_file(path, keep_hard_links=True) as draft:
        words = [
            browser,
            "--headless",
            "--disable-gpu",
            "--no-pdf-header-footer",
            f"--virtual-time-budget={DRAWING}",
            f"--print-to-pdf={draft.resolve()}",
            page.resolve().as_uri(),
        ]
        if runs_without_sandbox():
            words.insert(1, "--no-sandbox")
        _run(words, draft)


def runs_without_sandbox() -> bool:
    """Return whether Chromium runs without its sandbox, since as root it does not start otherwise."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _run(words: list[str], draft: Path) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{words[0]} did not print the report within {LIMIT} seconds") from error
    if done.returncode or not draft.is_file() or not draft.stat().st_size:
        last = (done.stderr.strip().splitlines() or ["no output was written"])[-1]
        raise ToolError(f"{words[0]} did not print the report: {last}")
