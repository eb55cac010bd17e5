"""Metrics and cut-offs beside a loss: what a fix of the loss does to them, and what has to change with it.

The fix of a loss mends what it would make wrong, in the same edits. Where that is not possible, or would
make something wrong that the same metric or cut-off serves as well, the fix is unsafe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fromlogits_audit.catalogue.metrics import takes_class_numbers
from fromlogits_audit.finding import Applicability, Edit, Finding, Fix
from fromlogits_audit.ir import Loss, Scale, Site
from fromlogits_audit.lean import dataclass
from fromlogits_audit.rules import fixing, scales
from fromlogits_audit.rules.judge import judge

_MOVED = ("FLA401", "FLA403")
"""Rules whose fix moves a threshold of 0.5 to 0."""


@dataclass(frozen=True)
class Reader:
    """A metric or cut-off on the output of a loss, and all sites of its construction."""

    site: Site
    same: Sequence[Site]


def with_readers(fix: Fix, loss: Loss | None, readers: Sequence[Reader]) -> Fix:
    """The fix that makes a loss what it is now, with the edits of what it would make wrong beside it."""
    edits: list[Edit] = list(fix.edits)
    safe = loss is None or not any(_is_left_wrong(reader.site, loss) for reader in readers)
    served = [reader.site for reader in readers]
    for reader in readers:
        for found in _made_wrong(reader.site, loss):
            alone = _serves_alone(reader, found.code, loss, served)
            mend = next(iter(found.fixes), None) if alone else None
            safe = safe and mend is not None and _is_sure(found.code, mend)
            edits += mend.edits if mend is not None else ()
    fix = replace(fix, edits=tuple(dict.fromkeys(edits)))
    return fix if safe else fixing.unsafe(fix)


def _made_wrong(reader: Site, loss: Loss | None) -> list[Finding]:
    before = judge(reader).codes
    found = judge(reader.at(partner=loss)).findings
    return [one for one in found if one.code not in before and one.code in (*_MOVED, "FLA402")]


def _serves_alone(reader: Reader, code: str, loss: Loss | None, served: Sequence[Site]) -> bool:
    """Whether the construction is wrong for everything that it serves, once the loss is mended."""
    if reader.site.edits is None or len(reader.site.edits.partners) != 1:
        return False
    after = [other.at(partner=loss) if other in served else other for other in reader.same]
    return all(code in judge(other).codes for other in after)


def _is_sure(code: str, mend: Fix) -> bool:
    """Whether a mend is safe beside the loss. That of a cut-off is unsafe by itself alone."""
    return code == "FLA403" or mend.applicability is Applicability.SAFE


def _is_left_wrong(reader: Site, loss: Loss) -> bool:
    """Whether the fix makes something wrong that no rule is sure of."""
    if _takes_other_labels(reader, loss):
        return True
    after = reader.at(partner=loss)
    turned = scales.meant_as_logits(after) and not scales.meant_as_logits(reader)
    if not turned or reader.output.scale is not Scale.LOGITS:
        return False
    if reader.cutoff is not None:
        threshold = reader.cutoff.threshold
        return threshold is None or (0.0 < threshold < 1.0 and not judge(after).codes)
    return reader.metric is not None and scales.cuts_probabilities(reader.metric) is None


def _takes_other_labels(reader: Site, loss: Loss) -> bool:
    """Whether a metric is given the labels of the old loss, which the new one is there not to take."""
    if reader.metric is None or reader.partner is None or reader.partner.sparse is loss.sparse:
        return False
    sparse = takes_class_numbers(reader.metric.name)
    return sparse is not None and sparse is not loss.sparse
