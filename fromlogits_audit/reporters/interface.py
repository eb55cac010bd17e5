"""What every reporter is: a module with ``render(report, style) -> str`` that prints nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.report import Report

FORMATS = ("text", "concise", "json", "sarif", "github", "gitlab", "junit")
"""The names of the formats; each is the module of that name beside this one."""

MACHINE_FORMATS = frozenset({"json", "sarif", "github", "gitlab", "junit"})
"""Formats that a program reads: nothing may be added before or after the document."""


@dataclass(frozen=True)
class Style:
    """How a report is shown. ``width`` is in terminal cells and bounds source excerpts only."""

    colour: bool = False
    width: int = 120
    quiet: bool = False
    show_sites: bool = False
    statistics: bool = False


class Reporter(Protocol):
    """Renders a report. The text ends with a newline, unless there is nothing to say."""

    def __call__(self, report: Report, style: Style) -> str: ...


def reporter(name: str) -> Reporter:
    """The reporter of a format in FORMATS. Imported here, so that JSON never loads a terminal library."""
    if name not in FORMATS:
        raise ValueError(f"no such format: {name}")
    return cast(Reporter, import_module(f"fromlogits_audit.reporters.{name}").render)
