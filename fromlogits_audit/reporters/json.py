"""The JSON document: schema version 1, keys in a fixed order, only ever added to."""

from __future__ import annotations

import json
from typing import Any

from fromlogits_audit import __version__
from fromlogits_audit.finding import Edit, Finding, Fix
from fromlogits_audit.ir import Kind, Location, Step
from fromlogits_audit.models import ModelOutput, ModelReport
from fromlogits_audit.report import Report
from fromlogits_audit.reporters.interface import Style
from fromlogits_audit.rules.judge import Judged

SCHEMA_VERSION = 1


def render(report: Report, style: Style) -> str:
    """The whole report. ``style`` changes nothing here: a program always gets everything.

    Written in ASCII, so that it survives every encoding of standard output.
    """
    return json.dumps(document(report), indent=2) + "\n"


def header() -> dict[str, Any]:
    """What every document of this tool begins with."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "fromlogits-audit", "version": __version__},
    }


def document(report: Report) -> dict[str, Any]:
    """The report as plain data."""
    total = report.summary
    return {
        **header(),
        "summary": {
            "files": total.files,
            "sites": total.sites,
            "ok": total.ok,
            "findings": total.findings,
            "undecided": total.undecided,
        },
        "findings": [_finding(finding) for finding in report.findings],
        "sites": [_site(judged) for judged in report.sites],
        **({"models": [_model(model) for model in report.models]} if report.models is not None else {}),
    }


def _start(location: Location) -> dict[str, Any]:
    """A place. A saved model has no lines: null."""
    return {
        "path": location.path,
        "cell": location.cell,
        "line": location.line or None,
        "column": location.column or None,
    }


def _span(location: Location) -> dict[str, Any]:
    return {
        **_start(location),
        "end_line": location.end_line or None,
        "end_column": location.end_column or None,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    """The message ends with the mend, which the formats for people show on a line of its own."""
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": f"{finding.message} Fix: {finding.help}" if finding.help else finding.message,
        **_span(finding.location),
        "trace": [_step(step) for step in finding.trace],
        "fixes": [_fix(fix) for fix in finding.fixes],
    }


def _step(step: Step) -> dict[str, Any]:
    return {**_start(step.location), "note": step.note}


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "title": fix.title,
        "applicability": fix.applicability.value,
        "edits": [_edit(edit) for edit in fix.edits],
    }


def _edit(edit: Edit) -> dict[str, Any]:
    return {**_span(edit.location), "text": edit.text}


def _site(judged: Judged) -> dict[str, Any]:
    site = judged.site
    asks = site.metric if site.kind is Kind.METRIC else site.loss
    return {
        **_start(site.location),
        site.kind.value: asks.name if asks else None,
        "from_logits": asks.from_logits if asks else None,
        "scale": site.output.scale.value,
        "activation": site.output.activation,
        "units": site.output.units,
        "output": site.output.name,
        "status": judged.status.value,
        "codes": list(judged.codes),
        "reason": str(judged.reason) if judged.reason else None,
        **({"evidence": site.evidence} if site.evidence is not None else {}),
    }


def _model(model: ModelReport) -> dict[str, Any]:
    return {
        "path": model.path,
        "format": model.format,
        "keras_version": model.keras_version,
        "outputs": [_output(one) for one in model.outputs],
        "loss": [
            {"output": one.output, "name": one.loss.name, "from_logits": one.loss.from_logits}
            for one in model.losses
        ],
    }


def _output(one: ModelOutput) -> dict[str, Any]:
    output = one.output
    return {
        "name": one.name,
        "scale": output.scale.value,
        "activation": output.activation,
        "units": output.units,
        "evidence": one.evidence.value,
        "reason": str(output.reason) if output.reason else None,
    }
