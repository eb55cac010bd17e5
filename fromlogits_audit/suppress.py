"""Comments in the audited code that silence findings.

``# noqa: FLA101`` (several codes, with a reason after them if wanted) or a bare ``# noqa`` silences
the findings that begin or end on its line, in a notebook cell too. A prefix (``# noqa: FLA1``)
stands for every code that begins with it. ``# fromlogits-audit: ignore-file`` on a line of its own
silences a whole file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from fromlogits_audit.finding import Finding
from fromlogits_audit.ir import Location
from fromlogits_audit.report import Source

_CODE = r"[A-Z]+[0-9]+"
_NOQA = re.compile(
    rf"#\s*noqa\b(?P<colon>\s*:\s*(?P<codes>{_CODE}(?:(?:\s*,\s*|\s+){_CODE})*)?)?", re.IGNORECASE
)
_IGNORE_FILE = re.compile(r"^[ \t]*#[ \t]*fromlogits-audit:[ \t]*ignore-file\b", re.IGNORECASE | re.MULTILINE)


def noqa_codes(line: str) -> frozenset[str] | None:
    """The codes that a line's ``# noqa`` comments name, in upper case.

    An empty set is a bare ``# noqa``: it silences everything. None: no such comment. ``# noqa:``
    with no code after the colon counts as nothing, for it is a slip that must not hide findings.
    """
    found = [match for match in _NOQA.finditer(line) if not match["colon"] or match["codes"]]
    if not found:
        return None
    if any(match["codes"] is None for match in found):
        return frozenset()
    return frozenset(
        code.upper() for match in found for code in re.findall(_CODE, match["codes"], re.IGNORECASE)
    )


def ignores_file(text: str) -> bool:
    """Whether a file asks to be left out of the report."""
    return _IGNORE_FILE.search(text) is not None


def is_suppressed(finding: Finding, source: Source | None) -> bool:
    """Whether a comment in the finding's own file silences it."""
    if source is None:
        return False
    return ignores_file(source.text) or any(
        _names(finding.code, noqa_codes(source.line_at(place))) for place in _ends(finding.location)
    )


def _names(code: str, codes: frozenset[str] | None) -> bool:
    return codes is not None and (not codes or any(code.startswith(named) for named in codes))


def _ends(location: Location) -> Iterable[Location]:
    """The lines where a comment counts: the first and the last of the span."""
    if location.line >= 1:
        yield location
    if location.end_line > location.line:
        yield replace(location, line=location.end_line)


def without_suppressed(
    findings: Iterable[Finding], sources: Mapping[str, Source]
) -> tuple[tuple[Finding, ...], int]:
    """The findings that remain, and how many were silenced."""
    every = tuple(findings)
    kept = tuple(f for f in every if not is_suppressed(f, sources.get(f.location.path)))
    return kept, len(every) - len(kept)
