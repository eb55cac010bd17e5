"""Fixes beyond one site: what else a construction serves, and who else reads what changes.

A rule sees one site. A loss may serve several outputs, and metrics and cut-offs beside it are right or
wrong by what it asks for. So once everything is judged: a fix stays safe only where every site of
the construction is right afterwards, and where it makes a metric or a cut-off wrong it mends
those as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fromlogits_audit.finding import Finding, Fix
from fromlogits_audit.ir import Form, Kind, LabelEncoding, Location, Site
from fromlogits_audit.rules import fixing, scales
from fromlogits_audit.rules.judge import Judged, judge
from fromlogits_audit.rules.readers import Reader, with_readers

_MENDED = ("FLA101", "FLA102", "FLA201", "FLA202", "FLA204", "FLA501", "FLA502", "FLA601", "FLA602")
"""Rules whose fix leaves the kind of loss and changes how it is built: :func:`mended` knows what it gives."""
_BESIDE = (Kind.METRIC, Kind.CUTOFF)

Places = Mapping[Location, list[Site]]


def settle(judged: Sequence[Judged]) -> list[Judged]:
    """The same verdicts, their safe fixes completed or declared unsafe."""
    sites = [site for one in judged for site in _flat(one.site)]
    at: dict[Location, list[Site]] = {}
    beside: dict[Location, list[Site]] = {}
    for site in sites:
        at.setdefault(site.location, []).append(site)
        for partner in site.edits.partners if site.kind in _BESIDE and site.edits is not None else ():
            beside.setdefault(partner, []).append(site)
    return [_settled(one, at, beside) if one.findings else one for one in judged]


def _flat(site: Site) -> Iterator[Site]:
    yield from site.alternatives or (site,)


def _settled(one: Judged, at: Places, beside: Places) -> Judged:
    same = _same(one.site, at)
    found = beside.get(one.site.location, []) if one.site.kind is Kind.LOSS else []
    readers = [Reader(reader, _same(reader, at)) for reader in found]
    return replace(one, findings=tuple(_finding(found, one.site, same, readers) for found in one.findings))


def _same(site: Site, at: Places) -> list[Site]:
    return [other for other in at.get(site.location, []) if other.kind is site.kind]


def _finding(found: Finding, site: Site, same: list[Site], readers: list[Reader]) -> Finding:
    fixes = (_fix(fix, found.code, site, same, readers) for fix in found.fixes)
    return replace(found, fixes=tuple(fix for fix in fixes if fix is not None))


def _fix(fix: Fix, code: str, site: Site, same: list[Site], readers: list[Reader]) -> Fix | None:
    """The fix as it may be offered, None where it would make another site of the construction wrong."""
    if site.kind is Kind.METRIC:
        agreed = all(code in judge(other).codes for other in same)
        return fix if agreed else fixing.unsafe(fix)
    if not _changes_loss(fix, site):
        return _for_each(fix, code, site)
    if code not in _MENDED:
        return fix
    after = [mended(code, other) for other in same]
    fits = [now is not None and _right(code, was, now) for was, now in zip(same, after, strict=True)]
    if False in fits:
        return None
    loss = mended(code, next(_flat(site)))
    fix = fix if None not in fits else fixing.unsafe(fix)
    return with_readers(fix, loss.loss, readers) if loss is not None else fix


def _for_each(fix: Fix, code: str, site: Site) -> Fix | None:
    """The fix of a layer for all that it may be: mending one of them alone would only hide the rest."""
    fixes = [fix]
    for other in site.alternatives:
        found = [one for one in judge(other).findings if one.code == code]
        fixes += [one for first in found[:1] for one in first.fixes if not _changes_loss(one, other)][:1]
    edits = tuple(dict.fromkeys(edit for one in fixes for edit in one.edits))
    at_once = len({edit.location for edit in edits}) == len(edits)
    if len(fixes) <= len(site.alternatives) or not at_once:
        return None
    return replace(fix, title=" / ".join(dict.fromkeys(one.title for one in fixes)), edits=edits)


def _changes_loss(fix: Fix, site: Site) -> bool:
    """Whether a fix rewrites the construction itself, and not the layer before it."""
    span = site.edits.span if site.edits is not None else site.location
    return any(
        (edit.location.path, edit.location.cell) == (span.path, span.cell)
        and (span.line, span.column) <= (edit.location.line, edit.location.column)
        and (edit.location.end_line, edit.location.end_column) <= (span.end_line, span.end_column)
        for edit in fix.edits
    )


def mended(code: str, site: Site) -> Site | None:
    """The site as the safe fix of a rule leaves it, None where no such fix fits it."""
    loss = site.loss
    if loss is None:
        return None
    flag = fixing.flag_of(code, loss)
    if flag is not None:
        form = Form.CALL if loss.form is Form.CALL else Form.INSTANCE
        return site.at(loss=replace(loss, from_logits=flag, form=form))
    if code in ("FLA501", "FLA502"):
        name = fixing.SISTERS.get(loss.name)
        return site.at(loss=replace(loss, name=name, sparse=not loss.sparse)) if name is not None else None
    if code == "FLA601":
        return site.at(loss=replace(loss, form=Form.INSTANCE))
    return site.at(loss=replace(loss, misuse=None)) if code == "FLA602" else site


def _right(code: str, before: Site, after: Site) -> bool | None:
    """Whether a mended loss fits its output and labels, but for troubles that it had before.

    None where that is not known.
    """
    loss, labels = after.loss, after.labels
    now = scales.loss_code(after)
    if loss is None or now is None:
        return None
    misfit = LabelEncoding.ONE_HOT if loss.sparse else LabelEncoding.INTEGER
    if code in ("FLA501", "FLA502"):
        if labels is None or labels.encoding is LabelEncoding.UNKNOWN or labels.partly:
            return None
        if labels.encoding is misfit:
            return False
    as_before = now != code and now == scales.loss_code(before)
    return now == scales.OK or as_before or code in ("FLA601", "FLA602")
