"""The list of the rules, and one rule's page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from fromlogits_audit.reporters.json import header
from fromlogits_audit.rules.interface import Rule


def as_text(rules: Iterable[Rule]) -> str:
    """A table: code, severity, name, summary."""
    rows = list(rules)
    width = max((len(rule.name) for rule in rows), default=0)
    lines = [f"{rule.code}  {rule.severity.value:<7}  {rule.name:<{width}}  {rule.summary}" for rule in rows]
    return "".join(f"{line}\n" for line in lines)


def as_json(rules: Iterable[Rule]) -> str:
    """The same as a document, in code order."""
    return json.dumps({**header(), "rules": [_row(rule) for rule in rules]}, indent=2) + "\n"


def _row(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "summary": rule.summary,
    }


def page(rule: Rule) -> str:
    """A rule's page under a headline."""
    headline = f"{rule.code} {rule.name} ({rule.severity.value})"
    return f"{headline}\n{'=' * len(headline)}\n\n{rule.page.strip()}\n"
