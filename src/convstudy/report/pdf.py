"""The report as PDF: a browser of the Chromium family that is installed prints the HTML page."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from convstudy.errors import ToolError
from convstudy.files import whole_file

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
MACOS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
DRAWING = 30_000  # milliseconds that the page has to draw its charts in
LIMIT = 180  # seconds


def write_pdf(page: Path, path: Path) -> None:
    """Print the page of a report to `path`, whole or not at all.

    Raises: ToolError, when no such browser is installed or it does not print.
    """
    browser = next(filter(None, map(shutil.which, (*BROWSERS, MACOS))), None)
    if browser is None:
        raise ToolError(
            f"no browser is installed that prints PDF (looked for {', '.join(BROWSERS)}); install one, or open "
            f"{page} and print it there"
        )
    with whole_file(path) as draft:
        words = [
            browser,
            "--headless",
            "--disable-gpu",
            "--no-pdf-header-footer",
            f"--virtual-time-budget={DRAWING}",
            f"--print-to-pdf={draft.resolve()}",
            page.resolve().as_uri(),
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            words.insert(1, "--no-sandbox")  # Chromium refuses to run as root with one
        _run(words, draft)


def _run(words: list[str], draft: Path) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{words[0]} did not print the report within {LIMIT} seconds") from error
    if done.returncode or not draft.is_file() or not draft.stat().st_size:
        last = (done.stderr.strip().splitlines() or ["it wrote nothing"])[-1]
        raise ToolError(f"{words[0]} did not print the report: {last}")
