"""GitLab's code quality report (https://docs.gitlab.com/ci/testing/code_quality/).

A notebook's line is that of the ``.ipynb`` file; the description names the cell.
"""

from __future__ import annotations

import json
from typing import Any

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.fingerprint import fingerprints
from fromlogits_audit.report import Report
from fromlogits_audit.reporters.interface import Style
from fromlogits_audit.reporters.services import message

_SEVERITY = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.OFF: "info"}


def render(report: Report, style: Style) -> str:
    """A list with one entry a finding. ``style`` changes nothing."""
    digests = fingerprints(report.findings, report.sources)
    entries = [_entry(*pair, report) for pair in zip(report.findings, digests, strict=True)]
    return json.dumps(entries, indent=2) + "\n"


def _entry(finding: Finding, fingerprint: str, report: Report) -> dict[str, Any]:
    place = report.stored(finding.location)
    first = place.line or 1
    return {
        "type": "issue",
        "check_name": f"{finding.code} {finding.name}",
        "description": message(finding),
        "categories": ["Bug Risk"],
        "severity": _SEVERITY[finding.severity],
        "fingerprint": fingerprint,
        "location": {
            "path": finding.location.path,
            "lines": {"begin": first, "end": max(first, place.end_line)},
        },
    }
