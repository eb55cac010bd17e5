"""What the formats for code hosting services share: their messages name the cell of a notebook."""

from __future__ import annotations

from fromlogits_audit.finding import Finding
from fromlogits_audit.ir import Location


def placed(location: Location, text: str) -> str:
    """``text``, and before it the cell and the line in it: no service knows cells."""
    if location.cell is None:
        return text
    return f"Cell {location.cell}, line {location.line}: {text}"


def message(finding: Finding) -> str:
    """What is wrong, what it does here and how to mend it."""
    text = f"{finding.message} Fix: {finding.help}" if finding.help else finding.message
    return placed(finding.location, text)
