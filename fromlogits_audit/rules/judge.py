"""How a site ends: ok, finding, or undecided with a reason. Never anything else.

All rules that look at this kind of site are asked. Where none has anything to say, the site is
ok only if everything that the rules needed was known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fromlogits_audit.finding import Finding
from fromlogits_audit.ir import Family, Kind, Loss, Metric, Output, Scale, Site, Status, Undecided, Why
from fromlogits_audit.lean import dataclass
from fromlogits_audit.rules import RULES, scales
from fromlogits_audit.rules.interface import Rule

_ONE_UNIT = frozenset({"FLA303", "FLA304"})
"""Codes that need an output of exactly one unit."""


@dataclass(frozen=True)
class Judged:
    """A site with its verdict. ``codes`` are those of ``findings``, each once; ``reason`` is set exactly
    where the status is undecided."""

    site: Site
    status: Status
    codes: tuple[str, ...] = ()
    reason: Undecided | None = None
    findings: tuple[Finding, ...] = ()


def judge(site: Site, rules: Sequence[Rule] = RULES) -> Judged:
    """The verdict on one site. What the program does not reach is no finding, and its output is not known:
    the values that exclude the code may have chosen it."""
    verdict = _verdict(site, rules)
    if not (site.excluded and verdict.findings):
        return verdict
    detail = f"{', '.join(verdict.codes)} in a branch that the values in the code leave out"
    reason = Undecided(Why.CONDITION, detail)
    unknown = site.at(output=Output(name=site.output.name, reason=reason), alternatives=())
    return Judged(unknown, Status.UNDECIDED, reason=reason)


def _verdict(site: Site, rules: Sequence[Rule]) -> Judged:
    """Several possible values decide a site where all of them agree."""
    if site.alternatives:
        return _agree(site, [judge(alternative, rules) for alternative in site.alternatives])
    asked = (entry.check(site) for entry in rules if site.kind in entry.kinds)
    findings = tuple(found for found in asked if found is not None)
    if findings:
        return _found(site, findings)
    reason = _open_question(site)
    return Judged(site, Status.OK) if reason is None else Judged(site, Status.UNDECIDED, reason=reason)


def _found(site: Site, findings: tuple[Finding, ...]) -> Judged:
    codes = tuple(dict.fromkeys(found.code for found in findings))
    return Judged(site, Status.FINDING, codes=codes, findings=findings)


def _agree(site: Site, verdicts: list[Judged]) -> Judged:
    unknown = next((verdict.reason for verdict in verdicts if verdict.status is Status.UNDECIDED), None)
    if unknown is not None:
        return Judged(site, Status.UNDECIDED, reason=unknown)
    statuses = {verdict.status for verdict in verdicts}
    if statuses == {Status.OK}:
        return Judged(site, Status.OK)
    if statuses == {Status.FINDING}:
        return _found(site, _foremost(verdicts).findings)
    wrong = next(verdict for verdict in verdicts if verdict.codes)
    detail = f"{', '.join(wrong.codes)} under one condition, right under another"
    return Judged(site, Status.UNDECIDED, reason=Undecided(Why.CONDITION, detail))


def _foremost(verdicts: list[Judged]) -> Judged:
    """Which of several wrong alternatives is told: the commonest, and one unit only where it is sure."""
    counts = Counter(verdict.codes for verdict in verdicts)
    return max(verdicts, key=lambda verdict: (counts[verdict.codes], _ONE_UNIT.isdisjoint(verdict.codes)))


def _open_question(site: Site) -> Undecided | None:
    """What was not known and would have been needed to call a site without findings ok."""
    if site.kind is Kind.LOSS:
        return _open_loss(site)
    if site.kind is Kind.METRIC and site.metric is not None:
        return _open_metric(site, site.metric)
    return None


def _open_loss(site: Site) -> Undecided | None:
    loss = site.loss
    if loss is None:
        return Undecided(Why.OPAQUE_LOSS)
    if scales.loss_code(site) is not None:
        return None
    if loss.family is Family.UNKNOWN:
        return _reason(loss)
    if scales.takes_logits_alone(loss) and site.output.known:
        given = site.output.activation or site.output.scale.value
        detail = f"{loss.name} takes logits, and this is {given}: no rule is about that"
        return Undecided(Why.UNSUPPORTED, detail)
    return _reason(loss if site.output.known else site.output)


def _open_metric(site: Site, metric: Metric) -> Undecided | None:
    if metric.family is Family.ANY:
        return None
    if metric.family is Family.UNKNOWN:
        return _reason(metric)
    if not site.output.known:
        return None if scales.right_on_every_scale(site, metric) else _reason(site.output)
    if scales.flag_conflicts(metric, site.output) is None:
        return _reason(metric)
    return _open_threshold(site, metric)


def _open_threshold(site: Site, metric: Metric) -> Undecided | None:
    """A threshold only matters on logits that are meant as such."""
    cuts, logits = scales.cuts_probabilities(metric), scales.meant_as_logits(site)
    if site.output.scale is not Scale.LOGITS or cuts is False or logits is False:
        return None
    if cuts is None and metric.threshold is not None:
        return Undecided(Why.RUNTIME, f"whether the computed threshold {metric.threshold:.4g} is a logit")
    if cuts is None:
        return _reason(metric)
    if site.partner is None:
        return Undecided(Why.NO_OUTPUT, "no loss says whether this output is meant as logits")
    return _reason(site.partner)


def _reason(subject: Loss | Metric | Output) -> Undecided:
    """Why a thing is not known; a frontend that gave no reason still leaves a site undecided."""
    if subject.reason is not None:
        return subject.reason
    if isinstance(subject, Output):
        return Undecided(Why.UNSUPPORTED, "the scale of the output")
    return Undecided(Why.OPAQUE_LOSS, subject.name)
