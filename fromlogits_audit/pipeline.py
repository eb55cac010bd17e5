"""The run: discover, analyse, judge, select, suppress. Returns a Report and never prints.

Each step takes what the one before yields; the order is the function :func:`_report`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fromlogits_audit.config import Settings
from fromlogits_audit.finding import Finding
from fromlogits_audit.interp.analysis import Analysis
from fromlogits_audit.ir import Location, Problem, Status
from fromlogits_audit.outcome import (
    Reported,
    Runtimes,
    is_listed,
    once,
    site_key,
    stamped,
    undecided,
    unreadable,
)
from fromlogits_audit.report import Report, Silenced
from fromlogits_audit.rules.judge import judge
from fromlogits_audit.rules.settle import settle
from fromlogits_audit.scanning import Sources, analysed
from fromlogits_audit.source.discover import discover
from fromlogits_audit.source.pending import holding
from fromlogits_audit.source.text import shown_path
from fromlogits_audit.suppress import Suppressions

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from fromlogits_audit.cache import Cache
    from fromlogits_audit.interp.declared import Declared


NO_FILE = "No Python file or notebook was found under the given paths."


def audit_source(
    paths: Sequence[Path],
    settings: Settings | None = None,
    *,
    cwd: Path | None = None,
    cache: Cache | None = None,
    executor: Executor | None = None,
) -> Report:
    """Audit files and folders; none means the current folder.

    ``cwd`` is what reported paths are relative to; ``cache`` holds what earlier runs found out. The files
    are analysed here, or in ``settings.jobs`` processes, or wherever ``executor`` runs things; imports that
    lead out of ``paths`` are read there, from the same places. The report is the same.
    Raises UsageError for a path that does not exist; whatever is wrong inside the files becomes FLA001
    and the run goes on.
    """
    settings, cwd = settings or Settings(), cwd or Path.cwd()
    found = discover(
        paths or [cwd], exclude=settings.exclude, exclude_from=settings.exclude_root or cwd, cwd=cwd
    )
    analysis = analysed(found.files, settings, cwd=cwd, cache=cache, executor=executor)
    unread = [Problem(Location(shown_path(path, cwd), None, 1, 1, 1, 1), why) for path, why in found.problems]
    asked = frozenset(shown_path(path, cwd) for path in found.files)
    report = _report(analysis, settings, cwd=cwd, unread=unread, main=(paths or [cwd])[0], asked=asked)
    if found.files or unread:
        return report
    return replace(report, notes=(*report.notes, NO_FILE))


def audit_models(
    paths: Sequence[Path], settings: Settings | None = None, *, executor: Executor | None = None
) -> Report:
    """Audit saved models: :func:`fromlogits_audit.model_pipeline.audit_models` with its defaults."""
    from fromlogits_audit.model_pipeline import audit_models as audit

    return audit(paths, settings, executor=executor)


def audit_bytes(data: bytes, path: Path, settings: Settings | None = None, *, cwd: Path) -> Report:
    """Audit one file as if it held ``data``, in its place in the project: a module or a notebook by its name,
    imports lead from there. It need not exist."""
    settings = settings or Settings()
    full = Path(os.path.abspath(cwd / path))  # noqa: PTH100 - a link is a file of its own
    with holding({full: data}):
        analysis = analysed([full], settings, cwd=cwd)
        for shown in analysis.sources:
            analysis.sources[shown]  # Read now: a report would find what the disk holds.
        asked = frozenset({shown_path(full, cwd)})
        return _report(analysis, settings, cwd=cwd, unread=[], main=path, asked=asked)


def audit_text(
    text: str, path: str = "example.py", settings: Settings | None = None, *, cwd: Path | None = None
) -> Report:
    """Audit one Python text that need not exist as a file; ``path`` is its name in the report.

    With ``cwd`` the text counts as that file of the project there (which Keras it pins);
    without, nothing on the disk matters.
    """
    # Here, because what is answered from the cache needs no interpreter.
    from fromlogits_audit.interp.engine import analyse_text

    analysis = analyse_text(text, path, _declared(settings or Settings()))
    asked = frozenset({path})
    return _report(analysis, settings or Settings(), cwd=cwd, unread=[], main=Path(path), asked=asked)


def _declared(settings: Settings) -> Declared | None:
    """What the configuration says that the code can't tell, None where it says nothing."""
    if not settings.outputs and not settings.losses:
        return None
    from fromlogits_audit.interp.declared import Declared

    return Declared(settings.outputs, settings.losses, settings.root)


def _report(
    analysis: Analysis,
    settings: Settings,
    *,
    cwd: Path | None,
    unread: Iterable[Problem],
    main: Path,
    asked: frozenset[str],
) -> Report:
    runtimes = Runtimes(settings, cwd)
    judged = settle([judge(stamped(site, runtimes.of(site.location.path))) for site in analysis.sites])
    listed = sorted((one for one in judged if is_listed(one.site)), key=site_key)
    problems = sorted(
        [*unread, *analysis.problems],
        key=lambda problem: (problem.location.sort_key(), problem.reason),
    )
    found = [finding for one in judged for finding in one.findings]
    found += [unreadable(problem) for problem in problems]
    found += [undecided(one) for one in listed if one.status is Status.UNDECIDED]
    kept, silenced = _suppressed(found, analysis, asked, Reported(settings, cwd))
    return Report(
        findings=kept,
        sites=tuple(listed),
        problems=tuple(problems),
        files=analysis.files,
        silenced=silenced,
        runtime=runtimes.of(main),
        sources=analysis.sources,
        paths=asked,
        notes=analysis.notes,
    )


def _suppressed(
    found: list[Finding],
    analysis: Analysis,
    asked: frozenset[str],
    reported: Reported,
) -> tuple[tuple[Finding, ...], tuple[Silenced, ...]]:
    """What remains and what a comment silences; comments that silence nothing are findings too."""
    comments = Suppressions(analysis.sources)
    kept, silenced = comments.split(reported.of(once(found)))
    if isinstance(analysis.sources, Sources):
        asked &= analysis.sources.commented
    more, quiet = comments.split(reported.of(comments.unused(asked, reported.silent)))
    return tuple(sorted([*kept, *more], key=Finding.sort_key)), (*silenced, *quiet)
