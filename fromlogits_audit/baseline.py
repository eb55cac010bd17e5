"""The baseline: findings that a project has parked, so that only new ones are reported.

Entries are keyed by content (:mod:`fromlogits_audit.fingerprint`), so they survive edits elsewhere in the
file, and counted, so a second copy of a parked mistake is new. Paths count from the baseline's own folder.
The file is sorted JSON, one entry a line, to merge well in git.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from fromlogits_audit.config import Settings
from fromlogits_audit.errors import UsageError
from fromlogits_audit.finding import Finding
from fromlogits_audit.fingerprint import Identity, identity
from fromlogits_audit.lean import dataclass
from fromlogits_audit.outcome import Reported
from fromlogits_audit.report import Report, Silenced, Silencer
from fromlogits_audit.writing import write_whole

SCHEMA_VERSION = 1
_KEYS = ("path", "code", "text", "line")
_TOLD = 10
"""Entries that no longer occur are named up to this many."""


@dataclass(frozen=True)
class Place:
    """Where a baseline lies, and the folder that the paths of a report count from."""

    file: Path
    cwd: Path

    def path(self, shown: str) -> str:
        """A reported path as the baseline writes it."""
        try:
            relative = os.path.relpath(self.cwd / shown, (self.cwd / self.file).parent)
        except ValueError:  # Another drive.
            return shown
        return Path(relative).as_posix()

    def full(self, path: str) -> Path:
        """The file of an entry."""
        return Path(os.path.normpath((self.cwd / self.file).parent / path))

    def identity(self, finding: Finding, report: Report) -> Identity:
        what = identity(finding, report.sources)
        return replace(what, path=self.path(what.path))


def read(file: Path) -> Counter[Identity]:
    """The entries of a baseline file.

    Raises UsageError where it can't be read or is none.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the baseline {file} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is no baseline: {error}") from error
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION or not isinstance(document.get("findings"), list):
        raise UsageError(f"{file} is no baseline of this version: write it anew with --write-baseline.")
    entries: Counter[Identity] = Counter()
    for row in document["findings"]:
        what, count = _entry(row, file)
        entries[what] += count
    return entries


def _entry(row: Any, file: Path) -> tuple[Identity, int]:
    count = row.get("count") if isinstance(row, dict) else None
    if not isinstance(count, int) or count < 1 or not all(isinstance(row.get(key), str) for key in _KEYS):
        raise UsageError(f"{file} is no baseline: {json.dumps(row)[:200]} is no entry of one.")
    return Identity(*(row[key] for key in _KEYS)), count


def render(entries: Mapping[Identity, int]) -> str:
    """The text of a baseline file."""
    rows = [
        json.dumps(dict(zip((*_KEYS, "count"), (*astuple(what), entries[what]), strict=True)))
        for what in sorted(entries)
    ]
    body = ",\n".join(f"  {row}" for row in rows)
    return f'{{"schema_version": {SCHEMA_VERSION},\n "findings": [\n{body}\n ]}}\n'


def apply(report: Report, file: Path, settings: Settings, cwd: Path) -> Report:
    """The report without what the baseline parks; entries that no longer occur become a note.

    Of several equal findings the first ones are parked. Raises UsageError as :func:`read` does.
    """
    place = Place(file, cwd)
    left = read(cwd / file)
    kept: list[Finding] = []
    parked: list[Silenced] = []
    for finding in report.findings:
        what = place.identity(finding, report)
        if left[what] > 0:
            left[what] -= 1
            parked.append(Silenced(finding, Silencer.BASELINE))
        else:
            kept.append(finding)
    in_scope = _scope(report, settings, place)
    gone = [what for what, count in sorted((+left).items()) if in_scope(what)]
    return replace(
        report,
        findings=tuple(kept),
        silenced=(*report.silenced, *parked),
        notes=(*report.notes, *_gone(gone, file)),
    )


def _scope(report: Report, settings: Settings, place: Place) -> Callable[[Identity], bool]:
    """Asks whether this run would have found an entry if it still occurred."""
    asked = {place.path(path) for path in report.paths | set(report.sources)}
    reported = Reported(settings, place.cwd)

    def in_scope(what: Identity) -> bool:
        file = place.full(what.path)
        return what.code not in reported.silent(str(file)) and (what.path in asked or not file.exists())

    return in_scope


def _gone(entries: list[Identity], file: Path) -> list[str]:
    if not entries:
        return []
    one = "1 entry of the baseline no longer occurs; --write-baseline drops it:"
    more = f"{len(entries)} entries of the baseline no longer occur; --write-baseline drops them:"
    notes = [f"{file}: {one if len(entries) == 1 else more}"]
    notes += [f"  {what.path}: {what.code} {what.text}" for what in entries[:_TOLD]]
    return [*notes, "  ..."] if len(entries) > _TOLD else notes


def write(report: Report, file: Path, settings: Settings, cwd: Path) -> Report:
    """Park every finding of a report; what the run did not look at stays as it stood in the file.

    The folder that it lies in is made where there is none. Returns the report of a run with the new baseline.
    Raises UsageError where it can't be written.
    """
    place, target = Place(file, cwd), cwd / file
    entries = Counter(place.identity(finding, report) for finding in report.findings)
    if target.exists():
        in_scope = _scope(report, settings, place)
        entries.update({what: count for what, count in read(target).items() if not in_scope(what)})
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, render(entries).encode())
    except OSError as error:
        raise UsageError(f"cannot write the baseline {file}: {error.strerror or error}") from error
    parked = tuple(Silenced(finding, Silencer.BASELINE) for finding in report.findings)
    return replace(report, findings=(), silenced=(*report.silenced, *parked))
