"""SARIF 2.1.0, for code scanning services (https://docs.oasis-open.org/sarif/sarif/v2.1.0/).

A notebook's cell is given by the lines of the ``.ipynb`` file that hold it, because a viewer opens that
file; the message begins with the cell and the line in it, which is what a reader looks for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from fromlogits_audit import HOMEPAGE, __version__
from fromlogits_audit.finding import Edit, Finding, Fix, Severity
from fromlogits_audit.fingerprint import fingerprints
from fromlogits_audit.ir import Location
from fromlogits_audit.report import Report, Silenced, Silencer
from fromlogits_audit.reporters.interface import Style
from fromlogits_audit.reporters.services import message, placed
from fromlogits_audit.rules import RULES
from fromlogits_audit.rules.interface import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "fromlogitsAudit/v1"
_INDEX = {rule.code: index for index, rule in enumerate(RULES)}
_SUPPRESSION = {Silencer.COMMENT: "inSource", Silencer.BASELINE: "external"}


def render(report: Report, style: Style) -> str:
    """One run with every rule and every finding, the suppressed ones marked. ``style`` changes nothing.

    Written in ASCII, so that it survives every encoding of standard output.
    """
    return json.dumps(document(report), indent=2) + "\n"


def document(report: Report) -> dict[str, Any]:
    """The report as plain data."""
    run = {
        "tool": {"driver": _driver()},
        "automationDetails": {"id": "fromlogits-audit/"},
        "columnKind": "unicodeCodePoints",
        "results": _results(report),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _driver() -> dict[str, Any]:
    return {
        "name": "fromlogits-audit",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": HOMEPAGE,
        "rules": [_rule(rule) for rule in RULES],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    page = rule.page.strip()
    off = rule.severity is Severity.OFF
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": f"{rule.name}: {rule.summary}"},
        "fullDescription": {"text": f"{rule.summary[0].upper()}{rule.summary[1:]}."},
        "help": {"text": page, "markdown": page},
        "helpUri": f"{HOMEPAGE}/blob/main/docs/rules/{rule.code}.md",
        "defaultConfiguration": {
            "enabled": not off,
            "level": _level(Severity.ERROR if off else rule.severity),
        },
        "properties": {"tags": ["keras", "correctness"], "precision": "very-high"},
    }


def _level(severity: Severity) -> str:
    return "none" if severity is Severity.OFF else severity.value


def _results(report: Report) -> list[dict[str, Any]]:
    """Reported and silenced findings by place, so that equal ones are numbered alike in every run."""
    every: list[tuple[Finding, Silenced | None]] = [(finding, None) for finding in report.findings]
    every += [(silenced.finding, silenced) for silenced in report.silenced]
    every.sort(key=lambda pair: pair[0].sort_key())
    digests = fingerprints((finding for finding, _ in every), report.sources)
    return [
        _result(finding, silenced, digest, report)
        for (finding, silenced), digest in zip(every, digests, strict=True)
    ]


def _result(finding: Finding, silenced: Silenced | None, digest: str, report: Report) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": _INDEX.get(finding.code, -1),
        "level": _level(finding.severity),
        "message": {"text": message(finding)},
        "locations": [{"physicalLocation": _physical(finding.location, report)}],
        "partialFingerprints": {FINGERPRINT: digest},
        "suppressions": []
        if silenced is None
        else [{"kind": _SUPPRESSION[silenced.by], "status": "accepted"}],
    }
    if finding.trace:
        steps = [_step(step.location, step.note, report) for step in finding.trace]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    fixes = [_fix(fix, report) for fix in finding.fixes if _writable(fix, report)]
    return {**result, "fixes": fixes} if fixes else result


def _step(location: Location, note: str, report: Report) -> dict[str, Any]:
    place = {"physicalLocation": _physical(location, report), "message": {"text": placed(location, note)}}
    return {"location": place}


def _physical(location: Location, report: Report) -> dict[str, Any]:
    stored = report.stored(location)
    place: dict[str, Any] = {"artifactLocation": _artifact(location.path)}
    return {**place, "region": _region(stored)} if stored.line else place


def _artifact(path: str) -> dict[str, Any]:
    """Relative paths count from the checkout, which the service knows; others are URIs of their own."""
    uri = quote(path, safe="/")
    if path.startswith("/"):
        return {"uri": "file:" + "//" + uri}
    if path[1:3] == ":/":
        return {"uri": "file:" + "///" + quote(path, safe="/:")}
    return {"uri": uri, "uriBaseId": "%SRCROOT%"}


def _region(stored: Location) -> dict[str, Any]:
    start = {"startLine": stored.line, "startColumn": stored.column}
    if (stored.end_line, stored.end_column) < (stored.line, stored.column):
        return start
    return {**start, "endLine": stored.end_line, "endColumn": stored.end_column}


def _writable(fix: Fix, report: Report) -> bool:
    return bool(fix.edits) and all(report.stored(edit.location).line for edit in fix.edits)


def _fix(fix: Fix, report: Report) -> dict[str, Any]:
    paths = sorted({edit.location.path for edit in fix.edits})
    changes = [
        {
            "artifactLocation": _artifact(path),
            "replacements": _replacements((e for e in fix.edits if e.location.path == path), report),
        }
        for path in paths
    ]
    return {"description": {"text": f"{fix.title} ({fix.applicability.value})"}, "artifactChanges": changes}


def _replacements(edits: Iterable[Edit], report: Report) -> list[dict[str, Any]]:
    return [_replacement(edit, report) for edit in sorted(edits, key=lambda edit: edit.location.sort_key())]


def _replacement(edit: Edit, report: Report) -> dict[str, Any]:
    # What goes into a cell goes into a JSON string of the stored file.
    text = edit.text if edit.location.cell is None else json.dumps(edit.text, ensure_ascii=False)[1:-1]
    location = edit.location
    if not location.end_line:
        location = replace(location, end_line=location.line, end_column=location.column)
    return {"deletedRegion": _region(report.stored(location)), "insertedContent": {"text": text}}
