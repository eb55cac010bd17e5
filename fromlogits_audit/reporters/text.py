"""The report for people: the source with carets, the trace, the mend, and what was checked."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import groupby

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Location, Step
from fromlogits_audit.report import Report
from fromlogits_audit.reporters import models, wording
from fromlogits_audit.reporters.excerpt import excerpt, visible
from fromlogits_audit.reporters.interface import Style
from fromlogits_audit.reporters.line import Line

_SEVERITY = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.OFF: "bold"}
_GUTTER = "bold blue"
_PLACE = "bold"
_HELP = "bold cyan"
_LEAST_WIDTH = 40
# The first sentence of a message says what is wrong; what that does here follows as a note.
_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z])")


def render(report: Report, style: Style) -> str:
    """Every finding with its excerpts, the sites if asked for, and the closing lines."""
    lines: list[Line] = [] if style.quiet else [Line.of(line) for line in models.tables(report)]
    for finding in report.findings:
        lines += [*_finding(finding, report, style), Line()]
    if style.show_sites and report.sites:
        lines += [*(Line.of(wording.site_line(judged)) for judged in report.sites), Line()]
    if style.statistics and report.findings:
        lines += [*(Line.of(line) for line in wording.statistics(report)), Line()]
    if not style.quiet:
        lines += _summary(report, style)
    return _printed(lines, style)


def _printed(lines: list[Line], style: Style) -> str:
    """The lines as text, with colours only where ``style`` wants them. Nothing is wrapped or cut."""
    if not style.colour:
        return "".join(f"{line.plain}\n" for line in lines)
    # Only colours need the terminal library: without them the report is there sooner.
    from rich.console import Console
    from rich.text import Text

    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=True,
        color_system="standard",
        legacy_windows=False,
        _environ={},
    )
    for line in lines:
        console.print(Text.assemble(*line.parts), soft_wrap=True, markup=False, highlight=False, emoji=False)
    return file.getvalue()


def _summary(report: Report, style: Style) -> Iterator[Line]:
    first, *others = wording.summary(report, sites_shown=style.show_sites)
    severities = {finding.severity for finding in report.findings}
    worst = max(severities, key=lambda severity: severity.rank, default=None)
    yield Line.of((first, _SEVERITY[worst] if worst else "bold green"))
    yield from (Line.of(line) for line in others)


def _finding(finding: Finding, report: Report, style: Style) -> Iterator[Line]:
    """One finding: headline, place, excerpt, trace, help."""
    gutter = _gutter(finding)
    problem, *consequence = _SENTENCE.split(visible(finding.message), maxsplit=1)
    yield Line.of(
        (f"{finding.severity.value}[{finding.code}]", _SEVERITY[finding.severity]),
        f" {finding.name}: ",
        (problem, "bold"),
    )
    yield _pointer(gutter, "-->", finding.location)
    here = [step.note for step in finding.trace if step.location == finding.location]
    yield from _excerpt(
        finding.location, "^", "; ".join(here), _SEVERITY[finding.severity], gutter, report, style
    )
    if report.models is not None:
        for note in here:
            yield Line.of((" " * gutter + " | ", _GUTTER), visible(note))
    elsewhere = [step for step in finding.trace if step.location != finding.location]
    for location, steps in groupby(elsewhere, key=lambda step: step.location):
        yield from _step(Step(location, ", then ".join(step.note for step in steps)), gutter, report, style)
    notes = [("note", text) for text in consequence]
    for kind, text in [*notes, ("help", visible(finding.help))] if finding.help else notes:
        yield Line.of((" " * gutter + " = ", _GUTTER), (f"{kind}: ", _HELP), text)


def _gutter(finding: Finding) -> int:
    """How many digits the line numbers of a finding need."""
    lines = [finding.location.line, *(step.location.line for step in finding.trace)]
    return len(str(max(lines)))


def _pointer(gutter: int, arrow: str, location: Location) -> Line:
    return Line.of((f"{' ' * gutter}{arrow} ", _GUTTER), (wording.place(location), _PLACE))


def _step(step: Step, gutter: int, report: Report, style: Style) -> Iterator[Line]:
    yield _pointer(gutter, ":::", step.location)
    if report.line(step.location) is None:
        yield Line.of((" " * gutter + " | ", _GUTTER), visible(step.note))
    else:
        yield from _excerpt(step.location, "-", step.note, _GUTTER, gutter, report, style)


def _excerpt(
    location: Location, mark: str, label: str, colour: str, gutter: int, report: Report, style: Style
) -> Iterator[Line]:
    """The source line with the span underlined; of a span over several lines, the first."""
    line = report.line(location)
    if line is None:
        return
    end = location.end_column - 1 if location.end_line == location.line else len(line.rstrip())
    shown = excerpt(line.rstrip(), location.column - 1, end, max(_LEAST_WIDTH, style.width - gutter - 3))
    empty = (" " * gutter + " | ", _GUTTER)
    yield Line.of((" " * gutter + " |", _GUTTER))
    yield Line.of((f"{location.line:>{gutter}} | ", _GUTTER), shown.text)
    underline = mark * shown.length + (f" {visible(label)}" if label else "")
    yield Line.of(empty, " " * shown.offset, (underline, colour))
