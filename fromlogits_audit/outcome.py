"""From judged sites to the findings of a report: the steps that every kind of run shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fromlogits_audit.config import Settings
from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.gitpatterns import git_patterns
from fromlogits_audit.ir import Family, Kind, Problem, Runtime, Site, Why
from fromlogits_audit.rules import RULES, rule
from fromlogits_audit.rules.judge import Judged

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    from fromlogits_audit.pins import Requirements

LISTED = (Kind.LOSS, Kind.METRIC)
"""The kinds of sites that a report lists."""


def is_listed(site: Site) -> bool:
    """Whether a report lists a site. Of metrics it does those that ask for a scale."""
    return site.kind in LISTED and (site.metric is None or site.metric.family is not Family.ANY)


_DECLARED = {
    Why.OPAQUE_LOSS: "losses",
    Why.OPAQUE_LAYER: "outputs",
    Why.EXTERNAL: "outputs",
    Why.LOADED_MODEL: "outputs",
    Why.COMBINED: "outputs",
}
"""Reasons that the project can lift by saying in its configuration what the code can't tell."""


class Runtimes:
    """Which Keras runs a file: as the settings say, else as the project around the file pins."""

    def __init__(self, settings: Settings, cwd: Path | None) -> None:
        self._settings = settings
        self._cwd = cwd
        self._known: dict[str, Runtime] = {}
        self._pinned = lru_cache(maxsize=None)(self._pin)
        self._read: Requirements | None = None

    def of(self, path: Path | str) -> Runtime:
        known = self._known.get(str(path))
        if known is not None:
            return known
        keras = self._settings.keras
        if keras is None and self._cwd is not None:
            full = self._cwd / path
            keras = self._pinned(full if full.is_dir() else full.parent)
        return self._known.setdefault(str(path), Runtime(keras, self._settings.backend))

    def _pin(self, folder: Path) -> int | None:
        """Imported where it is needed: a run that is told its Keras reads no requirements."""
        from fromlogits_audit.pins import pinned_runtime, requirements_in

        if self._read is None:
            self._read = lru_cache(maxsize=None)(requirements_in)
        return pinned_runtime(folder, self._read)


def stamped(site: Site, runtime: Runtime) -> Site:
    """The site, and every alternative of it, as ``runtime`` runs it."""
    return site.at(runtime=runtime, alternatives=tuple(stamped(one, runtime) for one in site.alternatives))


def site_key(judged: Judged) -> tuple[tuple[str, int, int, int], str, str, str]:
    """The order of sites in a report."""
    site = judged.site
    asks = site.loss or site.metric
    return (site.location.sort_key(), site.kind.value, site.output.name or "", asks.name if asks else "")


def unreadable(problem: Problem) -> Finding:
    """The finding of a file, model or cell that could not be read."""
    made = rule("FLA001")
    what, mend = "This file was", "mend it, or leave it out with --exclude; everything else was checked"
    if problem.statement:
        what, mend = "This statement was", "the rest of the file was checked"
    elif problem.location.cell is not None:
        what, mend = "This cell was", "mend it; all cells that can be read were checked"
    elif problem.location.line == 0:
        what, mend = "This model was", "save it anew; everything else was checked"
    return Finding(
        code=made.code,
        name=made.name,
        severity=made.severity,
        message=f"{what} not analysed: {problem.reason.rstrip('.')}.",
        location=problem.location,
        help=mend,
    )


def undecided(judged: Judged) -> Finding:
    """What an undecided site is under ``--strict``."""
    made, site = rule("FLA002"), judged.site
    asks = site.loss or site.metric
    mend = _mend(judged.reason.why) if judged.reason else ""
    if site.location.line == 0:
        mend = "--probe loads the model and measures it" if not site.output.known else ""
    return Finding(
        code=made.code,
        name=made.name,
        severity=made.severity,
        message=f"Could not decide whether {asks.name if asks else 'this'} fits the output: {judged.reason}.",
        location=site.location,
        help=mend,
        trace=tuple(dict.fromkeys((*site.output.trace, *site.trace))),
    )


def _mend(why: Why) -> str:
    table = _DECLARED.get(why)
    return f"say what the code can't tell under [tool.fromlogits-audit.{table}]" if table else ""


def once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Sorted; one construction that meets several outputs shows each code once."""
    seen = set()
    for finding in sorted(findings, key=Finding.sort_key):
        # A saved model is one place, so there the message tells findings apart.
        key = (finding.code, finding.location.sort_key(), "" if finding.location.line else finding.message)
        if key not in seen:
            seen.add(key)
            yield finding


class Reported:
    """Which rules report what in which files of a run."""

    def __init__(self, settings: Settings, cwd: Path | None) -> None:
        self._settings = settings
        self._cwd = cwd
        self._severities = {one.code: _severity(one.code, one.severity, settings) for one in RULES}
        self._ignored = _ignored(settings)

    def severity(self, code: str, path: str) -> Severity:
        """What a finding of a code in a file is; ``OFF`` where none is reported."""
        severity = self._severities[code]
        if severity is Severity.OFF or not self._ignored:
            return severity
        name = _from_root(path, self._settings, self._cwd)
        left_out = any(code.startswith(codes) and spec.match_file(name) for spec, codes in self._ignored)
        return Severity.OFF if left_out else severity

    def silent(self, path: str) -> frozenset[str]:
        """The codes of which no finding is reported in a file."""
        return frozenset(one.code for one in RULES if self.severity(one.code, path) is Severity.OFF)

    def of(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Those findings that are reported, with the severities that the settings give them."""
        for finding in findings:
            severity = self.severity(finding.code, finding.location.path)
            if severity is not Severity.OFF:
                yield replace(finding, severity=severity)


def _ignored(settings: Settings) -> list[tuple[GitIgnoreSpec, tuple[str, ...]]]:
    return [(git_patterns([one]), codes) for one, codes in settings.per_file_ignores.items()]


def _severity(code: str, default: Severity, settings: Settings) -> Severity:
    if not settings.enabled(code):
        return Severity.OFF
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
