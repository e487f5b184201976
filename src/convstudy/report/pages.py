"""The environment in which the templates of all pages are read."""

from __future__ import annotations

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from convstudy.errors import printable_lines


def template_environment() -> Environment:
    """Return a new environment, in which every value is escaped and an unknown name is an error.

    Letters that cannot be seen, such as controls of the writing direction in a name, are written as escapes.
    """
    templates = Environment(
        loader=PackageLoader("convstudy.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_visible,
    )
    templates.filters["options"] = _options
    return templates


def _visible(value: Any) -> Any:
    return printable_lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _options(text: str) -> Markup:
    """Mark the options of a command and `top-1` in a text, so that no line is broken at their hyphens."""
    parts = re.split(r"(?<![^\s(])(--?[a-z][a-z-]*|top-[15]\b)", printable_lines(text))
    return Markup("").join(
        Markup('<span class="option">{}</span>').format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )
