"""Workflow commands: GitHub shows them as annotations of a pull request.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions. A notebook's line is that
of the ``.ipynb`` file, which is what the pull request shows; the message names the cell.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.report import Report
from fromlogits_audit.reporters import wording
from fromlogits_audit.reporters.excerpt import visible
from fromlogits_audit.reporters.interface import Style
from fromlogits_audit.reporters.services import message


def render(report: Report, style: Style) -> str:
    """One command a finding. ``style`` changes nothing."""
    return "".join(f"{_command(finding, report)}\n" for finding in report.findings)


def _command(finding: Finding, report: Report) -> str:
    place = report.stored(finding.location)
    properties = {"title": f"{finding.code} {finding.name}", "file": visible(finding.location.path)}
    if place.line:
        properties |= {"line": str(place.line), "endLine": str(max(place.line, place.end_line))}
        # GitHub refuses columns of an annotation that spans lines.
        if place.end_line == place.line and place.end_column > place.column:
            properties |= {"col": str(place.column), "endColumn": str(place.end_column)}
    kind = "error" if finding.severity is Severity.ERROR else "warning"
    named = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {named}::{_data(_text(finding))}"


def _text(finding: Finding) -> str:
    """The message, then the trace, one hop a line."""
    hops = [f"{wording.place(step.location)}: {step.note}" for step in finding.trace]
    return "\n".join([message(finding), *hops])


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
