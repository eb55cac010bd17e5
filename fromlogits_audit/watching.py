"""Programs that were watched: the sites of a watch, judged, and joined with what the scan says of the code.

Returns reports and never prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from fromlogits_audit.config import Settings
from fromlogits_audit.errors import InputError
from fromlogits_audit.finding import Finding
from fromlogits_audit.ir import Output, Runtime, Site, Status
from fromlogits_audit.outcome import LISTED, Reported, Runtimes, once, site_key, stamped, undecided
from fromlogits_audit.report import Report, Source
from fromlogits_audit.rules.judge import Judged, judge
from fromlogits_audit.source.python import read_python
from fromlogits_audit.suppress import Suppressions

RUN = "run"
"""The evidence of a site that was seen while the program ran."""


def report_on(sites: Iterable[Site], settings: Settings, cwd: Path, notes: Sequence[str] = ()) -> Report:
    """The report of what a watch saw. Comments in the program's files silence findings as in a scan."""
    judged = judged_live(sites, settings, cwd)
    listed = sorted((one for one in judged if one.site.kind in LISTED), key=site_key)
    found = [finding for one in judged for finding in one.findings]
    found += [undecided(one) for one in listed if one.status is Status.UNDECIDED]
    sources = sources_of({one.site.location.path for one in judged}, cwd)
    kept, silenced = Suppressions(sources).split(Reported(settings, cwd).of(once(found)))
    return Report(
        findings=tuple(kept),
        sites=tuple(listed),
        files=len(sources),
        silenced=tuple(silenced),
        runtime=listed[0].site.runtime if listed else Runtime(settings.keras, settings.backend),
        sources=sources,
        paths=frozenset(sources),
        notes=tuple(notes),
    )


def judged_live(sites: Iterable[Site], settings: Settings, cwd: Path) -> list[Judged]:
    """Sites with their verdicts. The backend is the one that ran; which Keras a project supports is what it
    pins, not what it happens to run on today."""
    runtimes = Runtimes(settings, cwd)
    made = []
    for site in sites:
        backend = settings.backend or site.runtime.backend
        runtime = Runtime(runtimes.of(Path(site.location.path)).keras, backend)
        made.append(judge(stamped(site.at(evidence=RUN), runtime)))
    return made


def sources_of(paths: Iterable[str], cwd: Path) -> dict[str, Source]:
    """The files of a report, for excerpts and suppressions; what can't be read is left out."""
    found: dict[str, Source] = {}
    for path in sorted(paths):
        full = cwd / path
        try:
            if full.is_file():
                found[path] = read_python(full, path)
        except InputError:
            continue
    return found


# -- with the report on the code -----------------------------------------------------------------
def merged(
    code: Report, sites: Iterable[Site], settings: Settings, cwd: Path, notes: Sequence[str] = ()
) -> Report:
    """One report of what the scan read and of what the run showed: one row for each site.

    What the run decided counts, also against the scan, which is then noted; what it did not reach, or could
    not tell, stays as the scan has it. ``code`` is the scan's report of the same program.
    """
    live = judged_live(sites, settings, cwd)
    listed = [one for one in live if one.site.kind in LISTED]
    rows: list[Judged] = []
    left = list(listed)
    replaced: list[Judged] = []
    for one in code.sites:
        here = [other for other in left if _same_place(one.site, other.site)]
        fitting = _fitting(one, here)
        if not fitting:
            rows.append(one)
            continue
        left = [other for other in left if not any(other is taken for taken in fitting)]
        joined = [_joined(one, other) for other in fitting]
        rows += _distinct(joined)
        if any(row is not one for row in joined):
            replaced.append(one)
    report = _report(code, rows + left, live, replaced, settings, cwd)
    return replace(report, notes=(*code.notes, *notes))


def _same_place(a: Site, b: Site) -> bool:
    return a.kind is b.kind and a.location.sort_key() == b.location.sort_key()


def _fitting(one: Judged, here: Sequence[Judged]) -> list[Judged]:
    """The live sites that a site of the code stands for.

    By output where they have names. One that was decided is what it was decided to be; one that was not may
    turn out to be several.
    """
    named = [other for other in here if other.site.output.name == one.site.output.name] or list(here)
    if one.status is Status.UNDECIDED:
        return named
    same = [other for other in named if other.codes == one.codes and other.status is one.status]
    return (same or named)[:1]


def _joined(one: Judged, other: Judged) -> Judged:
    """One site as both see it."""
    if other.status is Status.UNDECIDED:
        return one
    if one.status is other.status and one.codes == other.codes and not one.site.alternatives:
        site = one.site.at(evidence=RUN, output=_seen(one.site, other.site))
        return replace(one, site=site)
    read, seen = one.site, other.site
    alternative = next((a for a in read.alternatives if a.loss == seen.loss and a.edits is not None), read)
    known = alternative.loss is not None and seen.loss is not None and alternative.loss.name == seen.loss.name
    loss = seen.loss
    if known and alternative.loss is not None and seen.loss is not None:
        loss = replace(alternative.loss, from_logits=seen.loss.from_logits, reason=None)
    site = seen.at(loss=loss, edits=alternative.edits, labels=read.labels or seen.labels)
    note = "" if one.status is Status.UNDECIDED else _against(one)
    found = judge(site)
    if not note:
        return found
    return replace(found, findings=tuple(replace(f, message=f"{f.message} {note}") for f in found.findings))


def _seen(read: Site, seen: Site) -> Output:
    """The output with what only the run shows: its units."""
    output = read.output
    return output if output.units is not None else replace(output, units=seen.output.units)


def _against(one: Judged) -> str:
    said = f"found {', '.join(one.codes)}" if one.codes else "found nothing wrong"
    return f"Reading the code alone {said} here; this is what ran."


def _distinct(rows: Sequence[Judged]) -> list[Judged]:
    found: list[Judged] = []
    for row in rows:
        if not any(row.site == known.site for known in found):
            found.append(row)
    return found


def _report(
    code: Report,
    rows: Sequence[Judged],
    live: Sequence[Judged],
    replaced: Sequence[Judged],
    settings: Settings,
    cwd: Path,
) -> Report:
    listed = sorted(rows, key=site_key)
    gone = {_key(f) for one in replaced for f in (*one.findings, *_open(one))}
    gone -= {_key(f) for one in rows if one.site.evidence is None for f in one.findings}
    kept = [f for f in code.findings if _key(f) not in gone]
    silenced = [one for one in code.silenced if _key(one.finding) not in gone]
    known = {_key(f) for f in (*kept, *(one.finding for one in silenced))}
    made = [f for one in (*rows, *(o for o in live if o.site.kind not in LISTED)) for f in one.findings]
    made += [undecided(one) for one in listed if one.status is Status.UNDECIDED]
    new = [f for f in Reported(settings, cwd).of(once(made)) if _key(f) not in known]
    sources = {**sources_of({f.location.path for f in new}, cwd), **code.sources}
    more, quiet = Suppressions(sources).split(new)
    used = {(one.finding.location.path, one.finding.location.line) for one in quiet}
    kept = [f for f in kept if f.code != "FLA003" or (f.location.path, f.location.line) not in used]
    return replace(
        code,
        findings=tuple(sorted([*kept, *more], key=lambda finding: finding.sort_key())),
        sites=tuple(listed),
        silenced=(*silenced, *quiet),
        sources=sources,
        files=len({*(code.paths), *sources}) if len(sources) > len(code.sources) else code.files,
    )


def _key(finding: Finding) -> tuple[object, ...]:
    return (finding.code, finding.location.sort_key())


def _open(one: Judged) -> list[Finding]:
    return [undecided(one)] if one.status is Status.UNDECIDED else []
