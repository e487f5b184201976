"""Settings of the documentation site: `uv run --group docs sphinx-build -W docs site`."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "src")]  # the modules beside this file; tests; convstudy

from network_pages import write_pages  # noqa: E402

project = "convstudy"
author = "The convstudy developers"
release = version = importlib.metadata.version("convstudy")

extensions = ["mathml", "myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "convstudy"
html_static_path = ["_static", "networks/drawings.css"]
html_css_files = ["site.css", "drawings.css"]
html_math_renderer = "mathml"
html_show_copyright = False
html_show_sphinx = False

nitpicky = True
nitpick_ignore_regex = [("py:class", ".*")]  # annotations name types of other libraries, and records without a page
smartquotes_action = "D"  # dashes alone
myst_enable_extensions = ["attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 4  # as on GitHub
nb_execution_mode = "off"  # the tests execute the notebooks
default_role = "code"  # docstrings have Markdown's backticks


write_pages(HERE / "networks")
