"""What a team makes of a report: baseline, comments, changed files, shards. Each is report to report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fromlogits_audit.config import Settings
from fromlogits_audit.errors import UsageError
from fromlogits_audit.lean import dataclass
from fromlogits_audit.report import Report


@dataclass(frozen=True)
class Asked:
    """What the command line asks to be done with a report. Paths count from the current folder."""

    write_baseline: Path | None = None
    add_noqa: bool = False
    changed_since: str | None = None
    shard: str | None = None
    audited: Path = Path()
    """The first file or folder of the run: its repository says what has changed."""

    @property
    def reading(self) -> Asked:
        """The same without what writes."""
        return replace(self, write_baseline=None, add_noqa=False)


def check(asked: Asked, *, preview: bool = False) -> None:
    """Raises UsageError for wishes that exclude each other, before anything is analysed.

    ``preview``: nothing may be written (``--diff``).
    """
    from fromlogits_audit.narrow import parse_shard

    if asked.shard is not None:
        parse_shard(asked.shard)
    writes = [
        name
        for name, on in (("--write-baseline", asked.write_baseline), ("--add-noqa", asked.add_noqa))
        if on
    ]
    narrows = [
        name for name, on in (("--changed-since", asked.changed_since), ("--shard", asked.shard)) if on
    ]
    if preview and writes:
        raise UsageError(f"--diff writes nothing, so {' and '.join(writes)} can't be used with it.")
    if len(writes) > 1 or ("--write-baseline" in writes and narrows):
        raise UsageError(f"{' and '.join([*writes, *narrows])} can't be used together.")


def applied(report: Report, asked: Asked, settings: Settings, cwd: Path) -> Report:
    """The report that remains, with what was done among its notes.

    Raises UsageError for a baseline or git reference that can't be used.
    """
    if asked.write_baseline is not None:
        return _parked(report, asked.write_baseline, settings, cwd)
    if settings.baseline is not None:
        from fromlogits_audit import baseline

        report = baseline.apply(report, settings.baseline, settings, cwd)
    report = _narrowed(report, asked, cwd)
    return _commented(report, cwd) if asked.add_noqa else report


def _parked(report: Report, file: Path, settings: Settings, cwd: Path) -> Report:
    from fromlogits_audit import baseline

    number = len(report.findings)
    report = baseline.write(report, file, settings, cwd)
    return replace(
        report, notes=(*report.notes, f"Wrote {file}: {_count(number, 'finding')} in the baseline.")
    )


def _commented(report: Report, cwd: Path) -> Report:
    """The report still says what was found: the comments count from the next run on."""
    from fromlogits_audit.noqa import add_noqa

    added = add_noqa(report, cwd)
    note = f"Added # noqa to {_count(added.lines, 'line')} in {_count(added.files, 'file')}."
    return replace(report, notes=(*report.notes, *added.notes, note))


def _narrowed(report: Report, asked: Asked, cwd: Path) -> Report:
    from fromlogits_audit import narrow

    if asked.changed_since is not None:
        files = narrow.changed_since(asked.changed_since, cwd / asked.audited, cwd)
        report = narrow.changed(report, files, cwd)
    if asked.shard is not None:
        report = narrow.sharded(report, narrow.parse_shard(asked.shard))
    return report


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"
