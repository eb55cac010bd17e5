"""What a finding is about, in the words of the code: the same as long as that code is the same.

A line number changes with every edit above it. The text of the construction and of the line that it
begins on does not, so a baseline and a code-scanning service recognise a finding by those.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, replace
from typing import TYPE_CHECKING

from fromlogits_audit.finding import Finding
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.report import Source

_LONGEST = 200
"""Characters of a text that are kept: enough to tell lines apart, and a minified line stays readable."""


@dataclass(frozen=True, order=True)
class Identity:
    """``text`` is the construction, ``line`` the line that it begins on, both with blanks collapsed.

    Where there is no source (a saved model, a file that can't be read) the message stands for the text.
    """

    path: str
    code: str
    text: str
    line: str


def identity(finding: Finding, sources: Mapping[str, Source]) -> Identity:
    """What tells a finding apart from others, whatever its line number."""
    place = finding.location
    source = sources.get(place.path)
    if source is None or place.line < 1:
        return Identity(place.path, finding.code, _collapsed(finding.message), "")
    last = max(place.line, place.end_line)
    lines = [source.line_at(replace(place, line=number)) for number in range(place.line, last + 1)]
    line = _collapsed(lines[0])
    lines[-1] = lines[-1][: place.end_column - 1]
    lines[0] = lines[0][place.column - 1 :]
    return Identity(place.path, finding.code, _collapsed(" ".join(lines)), line)


def _collapsed(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]


def fingerprints(findings: Iterable[Finding], sources: Mapping[str, Source]) -> list[str]:
    """One digest (64 hexadecimal digits) per finding, in their order; equal ones are numbered."""
    seen: Counter[Identity] = Counter()
    digests = []
    for finding in findings:
        what = identity(finding, sources)
        seen[what] += 1
        digests.append(_digest(what, seen[what]))
    return digests


def _digest(what: Identity, occurrence: int) -> str:
    parts = (*astuple(what), str(occurrence))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
