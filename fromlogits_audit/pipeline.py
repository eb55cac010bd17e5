"""The run: discover, analyse, judge, select, suppress. Returns a Report and never prints.

Each step takes what the one before yields; the order is the function :func:`_report`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from pathspec import GitIgnoreSpec

from fromlogits_audit.config import Settings, pinned_runtime
from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.interp.engine import Analysis, analyse, analyse_text
from fromlogits_audit.ir import Kind, Location, Runtime, Site, Status, Why
from fromlogits_audit.report import Problem, Report
from fromlogits_audit.rules import RULES, rule
from fromlogits_audit.rules.judge import Judged, judge
from fromlogits_audit.source.discover import discover
from fromlogits_audit.source.text import shown_path
from fromlogits_audit.suppress import without_suppressed

_LISTED = (Kind.LOSS, Kind.METRIC)
_DECLARED = {
    Why.OPAQUE_LOSS: "losses",
    Why.OPAQUE_LAYER: "outputs",
    Why.EXTERNAL: "outputs",
    Why.LOADED_MODEL: "outputs",
    Why.COMBINED: "outputs",
}
"""Reasons that the project can lift by saying in its configuration what the code can't tell."""


def audit_source(
    paths: Sequence[Path], settings: Settings | None = None, *, cwd: Path | None = None
) -> Report:
    """Audit files and folders; none means the current folder.

    ``cwd`` is what reported paths are relative to. Raises UsageError for a path that does not
    exist; whatever is wrong inside the files becomes FLA001 and the run goes on.
    """
    settings, cwd = settings or Settings(), cwd or Path.cwd()
    found = discover(paths or [cwd], exclude=settings.exclude, cwd=cwd)
    analysis = analyse(found.files, cwd=cwd)
    unread = [Problem(Location(shown_path(path, cwd), None, 1, 1, 1, 1), why) for path, why in found.problems]
    return _report(analysis, settings, cwd=cwd, unread=unread, main=(paths or [cwd])[0])


def audit_text(
    text: str, path: str = "example.py", settings: Settings | None = None, *, cwd: Path | None = None
) -> Report:
    """Audit one Python text that need not exist as a file; ``path`` is its name in the report.

    With ``cwd`` the text counts as that file of the project there (which Keras it pins);
    without, nothing on the disk matters.
    """
    analysis = analyse_text(text, path)
    return _report(analysis, settings or Settings(), cwd=cwd, unread=[], main=Path(path))


def _report(
    analysis: Analysis, settings: Settings, *, cwd: Path | None, unread: Iterable[Problem], main: Path
) -> Report:
    runtimes = _Runtimes(settings, cwd)
    judged = [judge(stamped(site, runtimes.of(Path(site.location.path)))) for site in analysis.sites]
    listed = sorted((one for one in judged if one.site.kind in _LISTED), key=_site_key)
    problems = sorted(
        [*unread, *(Problem(p.location, p.reason) for p in analysis.problems)],
        key=lambda problem: (problem.location.sort_key(), problem.reason),
    )
    found = [finding for one in judged for finding in one.findings]
    found += [_unreadable(problem) for problem in problems]
    found += [_undecided(one) for one in listed if one.status is Status.UNDECIDED]
    chosen = _selected(_once(found), settings, cwd)
    kept, suppressed = without_suppressed(chosen, analysis.sources)
    return Report(
        findings=kept,
        sites=tuple(listed),
        problems=tuple(problems),
        files=analysis.files,
        suppressed=suppressed,
        runtime=runtimes.of(main),
        sources=analysis.sources,
    )


class _Runtimes:
    """Which Keras runs a file: as the settings say, else as the project around the file pins."""

    def __init__(self, settings: Settings, cwd: Path | None) -> None:
        self._settings = settings
        self._cwd = cwd
        self._pinned = lru_cache(maxsize=None)(pinned_runtime)

    def of(self, path: Path) -> Runtime:
        keras = self._settings.keras
        if keras is None and self._cwd is not None:
            full = self._cwd / path
            keras = self._pinned(full if full.is_dir() else full.parent)
        return Runtime(keras, self._settings.backend)


def stamped(site: Site, runtime: Runtime) -> Site:
    """The site, and every alternative of it, as ``runtime`` runs it."""
    return site.at(runtime=runtime, alternatives=tuple(stamped(one, runtime) for one in site.alternatives))


def _site_key(judged: Judged) -> tuple[tuple[str, int, int, int], str, str, str]:
    site = judged.site
    asks = site.loss or site.metric
    return (site.location.sort_key(), site.kind.value, site.output.name or "", asks.name if asks else "")


def _unreadable(problem: Problem) -> Finding:
    made = rule("FLA001")
    what = "This file was" if problem.location.cell is None else "This cell was"
    return Finding(
        code=made.code,
        name=made.name,
        severity=made.severity,
        message=f"{what} not analysed: {problem.reason.rstrip('.')}.",
        location=problem.location,
        help="everything else was checked; what stands here was not",
    )


def _undecided(judged: Judged) -> Finding:
    """What an undecided site is under ``--strict``."""
    made, site = rule("FLA002"), judged.site
    asks = site.loss or site.metric
    table = _DECLARED.get(judged.reason.why) if judged.reason else None
    return Finding(
        code=made.code,
        name=made.name,
        severity=made.severity,
        message=f"Could not decide whether {asks.name if asks else 'this'} fits the output: {judged.reason}.",
        location=site.location,
        help=f"say what the code can't tell under [tool.fromlogits-audit.{table}]" if table else "",
        trace=tuple(dict.fromkeys((*site.output.trace, *site.trace))),
    )


def _once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Sorted; one construction that meets several outputs shows each code once."""
    seen = set()
    for finding in sorted(findings, key=Finding.sort_key):
        key = (finding.code, finding.location.sort_key())
        if key not in seen:
            seen.add(key)
            yield finding


def _selected(findings: Iterable[Finding], settings: Settings, cwd: Path | None) -> Iterator[Finding]:
    """Those of the enabled rules, with the severities that the settings give them."""
    severities = {one.code: _severity(one.code, one.severity, settings) for one in RULES}
    ignored = [
        (GitIgnoreSpec.from_lines([pattern]), codes) for pattern, codes in settings.per_file_ignores.items()
    ]
    for finding in findings:
        severity = severities[finding.code]
        if severity is Severity.OFF or not settings.enabled(finding.code):
            continue
        name = _from_root(finding.location.path, settings, cwd)
        if not any(finding.code.startswith(codes) and spec.match_file(name) for spec, codes in ignored):
            yield replace(finding, severity=severity)


def _severity(code: str, default: Severity, settings: Settings) -> Severity:
    given = settings.severity.get(code)
    if given is not None:
        return given
    if default is Severity.OFF and (settings.strict or settings.asks_for(code)):
        return Severity.ERROR
    return default


def _from_root(path: str, settings: Settings, cwd: Path | None) -> str:
    """A reported path as per-file-ignores see it: relative to the configuration's folder."""
    full = (cwd or Path()) / path
    if settings.root is not None and full.is_relative_to(settings.root):
        return full.relative_to(settings.root).as_posix()
    return path
