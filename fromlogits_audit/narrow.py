"""Reports of a part: one shard of the files, or what a change touches. Everything is analysed anyway."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from fromlogits_audit.errors import UsageError
from fromlogits_audit.finding import Finding
from fromlogits_audit.lean import dataclass
from fromlogits_audit.report import Report


@dataclass(frozen=True)
class Shard:
    """The ``number``-th of ``of`` parts, from 1."""

    number: int
    of: int


def parse_shard(text: str) -> Shard:
    """``2/4``. Raises UsageError for anything else."""
    first, _, second = text.partition("/")
    if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second)):
        raise UsageError(f"--shard should be I/N with 1 <= I <= N, such as 2/4, not {text!r}.")
    return Shard(int(first), int(second))


def sharded(report: Report, shard: Shard) -> Report:
    """The files that fall to a shard, with all that is reported of them.

    The shards of a report share nothing and together are that report: the files, in order, are dealt
    out like cards.
    """
    named = {finding.location.path for finding in report.findings}
    named |= {judged.site.location.path for judged in report.sites}
    named |= {problem.location.path for problem in report.problems}
    named |= {silenced.finding.location.path for silenced in report.silenced}
    dealt = sorted(named | report.paths)[shard.number - 1 :: shard.of]
    mine = frozenset(dealt)
    return replace(
        report,
        findings=tuple(one for one in report.findings if one.location.path in mine),
        sites=tuple(one for one in report.sites if one.site.location.path in mine),
        problems=tuple(one for one in report.problems if one.location.path in mine),
        silenced=tuple(one for one in report.silenced if one.finding.location.path in mine),
        paths=report.paths & mine,
        files=len(report.paths & mine),
    )


def changed(report: Report, files: Collection[str], cwd: Path) -> Report:
    """Only findings that stand in one of these files, or whose trace goes through one."""
    named = {path for finding in report.findings for path in _paths(finding)}
    touched = {path for path in named if os.path.realpath(cwd / path) in files}
    return replace(
        report, findings=tuple(one for one in report.findings if not touched.isdisjoint(_paths(one)))
    )


def _paths(finding: Finding) -> set[str]:
    return {finding.location.path, *(step.location.path for step in finding.trace)}


def changed_since(ref: str, audited: Path, cwd: Path) -> frozenset[str]:
    """The files that differ from where this branch left ``ref``, untracked ones too, without links: those of
    the repository around ``audited``, a file or folder.

    Raises UsageError where git or the reference is missing.
    """
    if not ref or ref.startswith("-"):
        raise UsageError(f"--changed-since: {ref!r} is no git reference.")
    folder = audited if audited.is_dir() else audited.parent
    if "GIT_DIR" in os.environ:  # which may count from the current folder
        folder = cwd
    up = _git(folder, "rev-parse", "--show-cdup").strip("\n")
    _git(folder, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", what=ref)
    try:
        base = _git(folder, "merge-base", ref, "HEAD").strip()
    except UsageError:
        base = ref  # A shallow clone may not hold where the two parted.
    names = _git(folder, "diff", "--name-only", "--no-renames", "-z", base, "--").split("\0")
    untracked = ("--others", "--exclude-standard", "--full-name", "-z", "--", ":/")
    names += _git(folder, "ls-files", *untracked).split("\0")
    return frozenset(os.path.realpath(folder / up / name) for name in names if name)


def _git(cwd: Path, *arguments: str, what: str = "") -> str:
    import subprocess  # Few scans ask git.

    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", *arguments], cwd=cwd, capture_output=True, check=False
        )
    except OSError as error:
        raise UsageError(f"--changed-since needs git: {error.strerror or error}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip() or f"git knows no commit {what!r}"
        raise UsageError(f"--changed-since: {said}")
    return done.stdout.decode("utf-8", "surrogateescape")
