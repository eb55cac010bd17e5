"""What the label rules share: do these labels have the shape that this loss takes?"""

from __future__ import annotations

from fromlogits_audit.ir import Family, Kind, LabelEncoding, Loss, Site
from fromlogits_audit.rules import scales

_SAID_ALREADY = ("FLA303", "FLA304")
"""One unit where several are needed: the labels do not fit because of that."""


def encoding_into(site: Site, encoding: LabelEncoding, *, sparse: bool) -> Loss | None:
    """The loss of a site whose labels are ``encoding`` and whose loss is (not) sparse, else None."""
    loss, labels = site.loss, site.labels
    if site.kind is not Kind.LOSS or loss is None or labels is None:
        return None
    if loss.family is not Family.CATEGORICAL or loss.sparse is not sparse:
        return None
    if labels.encoding is not encoding or scales.loss_code(site) in _SAID_ALREADY:
        return None
    return loss


def label_words(site: Site, words: str) -> str:
    classes = site.labels.classes if site.labels is not None else None
    return words if classes is None else f"{words} of {classes} classes"
