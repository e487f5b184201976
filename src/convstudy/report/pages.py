"""The environment in which the templates of all pages are read."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined


def template_environment() -> Environment:
    """Return a new environment, in which every value is escaped and an unknown name is an error."""
    return Environment(
        loader=PackageLoader("convstudy.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
