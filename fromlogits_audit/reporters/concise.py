"""One line a finding, for editors, grep and people in a hurry."""

from __future__ import annotations

from fromlogits_audit.report import Report
from fromlogits_audit.reporters import wording
from fromlogits_audit.reporters.excerpt import visible
from fromlogits_audit.reporters.interface import Style


def render(report: Report, style: Style) -> str:
    """``path:line:column: CODE message`` lines, then the summary unless ``style.quiet``."""
    lines = [
        f"{wording.place(finding.location)}: {finding.code} {visible(finding.message)}"
        for finding in report.findings
    ]
    if style.show_sites:
        lines += [wording.site_line(judged) for judged in report.sites]
    if style.statistics:
        lines += wording.statistics(report)
    if not style.quiet:
        lines += wording.summary(report, sites_shown=style.show_sites)
    return "".join(f"{line}\n" for line in lines)
