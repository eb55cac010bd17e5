"""The sentences that the formats for people share."""

from __future__ import annotations

from collections import Counter

from fromlogits_audit.finding import Severity
from fromlogits_audit.ir import Location, Status
from fromlogits_audit.report import Report
from fromlogits_audit.reporters.excerpt import visible
from fromlogits_audit.rules.judge import Judged

_REASONS_SHOWN = 3


def count(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def place(location: Location) -> str:
    """``path:line:column``, or ``path:cell 3:line:column`` in a notebook; a saved model's path alone."""
    parts = [visible(location.path)]
    if location.cell is not None:
        parts.append(f"cell {location.cell}")
    if location.line:
        parts += [str(location.line), str(location.column)]
    return ":".join(parts)


def found(report: Report) -> str:
    """How many findings there are, by severity."""
    by_severity = Counter(finding.severity for finding in report.findings)
    kinds = [
        count(by_severity[kind], kind.value)
        for kind in (Severity.ERROR, Severity.WARNING)
        if by_severity[kind]
    ]
    files = len({finding.location.path for finding in report.findings})
    return f"Found {' and '.join(kinds)} in {count(files, 'file')}." if kinds else "No findings."


def checked(report: Report) -> str:
    """How many files and sites were looked at, and how they ended."""
    total = report.summary
    text = f"Checked {count(total.sites, 'site')} in {count(total.files, 'file')}: "
    text += f"{total.ok:,} ok, {total.wrong:,} wrong, {total.undecided:,} undecided."
    if report.suppressed:
        text += f" {count(report.suppressed, 'finding')} suppressed."
    if report.baselined:
        text += f" {count(report.baselined, 'finding')} in the baseline."
    return text


def undecided(report: Report) -> str:
    """The commonest reasons for which sites are undecided; empty where none is."""
    if not report.reasons:
        return ""
    ordered = sorted(report.reasons.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{reason} ({number:,})" for reason, number in ordered[:_REASONS_SHOWN])
    return f"Undecided because of: {shown}{', ...' if len(ordered) > _REASONS_SHOWN else ''}."


def unread(report: Report) -> list[str]:
    """What could not be analysed and has no finding that says so, because its rule is off or silenced."""
    told = {finding.location.path for finding in report.findings if finding.code == "FLA001"}
    paths = {problem.location.path for problem in report.problems} - told
    return [f"{count(len(paths), 'file')} could not be read, at least in part (FLA001)."] if paths else []


def summary(report: Report, *, sites_shown: bool) -> list[str]:
    """The closing lines of a report."""
    total = report.summary
    clean = not (report.findings or report.problems or report.silenced)
    if clean and not total.sites:
        return [f"Nothing to check: no loss or metric in {count(total.files, 'file')}."]
    if clean and total.sites == total.ok:
        return [
            f"All good: {count(total.sites, 'site')} checked in {count(total.files, 'file')}, nothing wrong."
        ]
    lines = [found(report), checked(report), *unread(report)]
    if reasons := undecided(report):
        lines.append(reasons if sites_shown else f"{reasons} --show-sites lists them.")
    return lines


def statistics(report: Report) -> list[str]:
    """How often each rule fired, the commonest first."""
    names = {finding.code: finding.name for finding in report.findings}
    ordered = sorted(report.codes.items(), key=lambda item: (-item[1], item[0]))
    return [f"{number:>6,}  {code}  {names[code]}" for code, number in ordered]


def site_line(judged: Judged) -> str:
    """One site: where, how it ended, what meets what."""
    parts = [f"{place(judged.site.location)}: {judged.status.value}", _subject(judged)]
    if judged.codes:
        parts.append(f"[{', '.join(judged.codes)}]")
    if judged.status is Status.UNDECIDED and judged.reason is not None:
        parts.append(f"({visible(str(judged.reason))})")
    return " ".join(parts)


def _subject(judged: Judged) -> str:
    site = judged.site
    asks = site.loss or site.metric
    name = asks.name if asks else site.kind.value
    flag = "" if asks is None or asks.from_logits is None else f"(from_logits={asks.from_logits})"
    which = f" {site.output.name!r}" if site.output.name is not None else ""
    return visible(f"{name}{flag} meets output{which}: {_output(judged)}")


def _output(judged: Judged) -> str:
    output = judged.site.output
    facts = [output.activation] if output.activation else []
    if output.units is not None:
        facts.append(count(output.units, "unit"))
    return f"{output.scale.value} ({', '.join(facts)})" if facts else output.scale.value
