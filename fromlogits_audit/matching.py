"""``--source PATH``: the losses that the scan finds in code, matched to the outputs of a saved model.

An output's name decides first, then what the code says of the output (units, then scale and activation).
Where several different losses remain, the site is undecided and names them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fromlogits_audit.config import Settings
from fromlogits_audit.ir import Family, Form, Kind, Location, Loss, Output, Problem, Site, Undecided, Why
from fromlogits_audit.saved.compiling import Head
from fromlogits_audit.saved.interface import SavedModel

_SHOWN = 4
"""Candidates that a reason names."""


def from_source(
    path: Path, settings: Settings, cwd: Path
) -> tuple[Callable[..., list[Site]], tuple[Problem, ...]]:
    """A function that makes the loss sites of a model from the code under ``path``, and what of the code
    could not be read: losses may be missing with it.

    Raises UsageError where ``path`` does not exist.
    """
    from fromlogits_audit.pipeline import audit_source

    report = audit_source([path], settings, cwd=cwd)
    found = [
        option
        for judged in report.sites
        for option in (judged.site.alternatives or (judged.site,))
        if option.kind is Kind.LOSS and option.loss is not None
    ]

    def pair(model: SavedModel, heads: Sequence[Head], where: Location) -> list[Site]:
        return [_site(head, found, where, path) for head in heads]

    return pair, report.problems


def _site(head: Head, found: Sequence[Site], where: Location, path: Path) -> Site:
    chosen = candidates(head, found)
    distinct = {_facts(site.loss): site for site in chosen if site.loss is not None}
    if len(distinct) == 1:
        (site,) = distinct.values()
        trace = (*(site.loss.trace if site.loss else ()), *site.trace)
        return Site(Kind.LOSS, where, head.output, loss=site.loss, trace=trace)
    reason = _reason(list(distinct.values()), path)
    loss = Loss("custom:unknown", Family.UNKNOWN, form=Form.CUSTOM, reason=reason)
    return Site(Kind.LOSS, where, head.output, loss=loss)


def candidates(head: Head, found: Sequence[Site]) -> list[Site]:
    """The sites of the code that may be this output's: each narrowing holds only where it leaves some."""
    named = [site for site in found if site.output.name is not None and site.output.name in head.keys]
    left = named or [site for site in found if _same_size(site.output, head.output)]
    for alike in (_same_scale, _same_activation):
        narrowed = [site for site in left if alike(site.output, head.output)]
        left = narrowed or left
    return left


def _same_size(a: Output, b: Output) -> bool:
    return a.units is None or b.units is None or a.units == b.units


def _same_scale(a: Output, b: Output) -> bool:
    return a.known and a.scale is b.scale


def _same_activation(a: Output, b: Output) -> bool:
    return _same_scale(a, b) and a.activation == b.activation


def _facts(loss: Loss | None) -> object:
    return loss and (loss.name, loss.from_logits, loss.misuse)


def _reason(sites: list[Site], path: Path) -> Undecided:
    if not sites:
        return Undecided(Why.NO_OUTPUT, f"no loss under {path} meets an output like this one")
    shown = [f"{_words(site.loss)} at {_place(site.location)}" for site in sites[:_SHOWN]]
    more = f" and {len(sites) - _SHOWN} more" if len(sites) > _SHOWN else ""
    return Undecided(Why.CONDITION, f"several losses of the code fit: {', '.join(shown)}{more}")


def _words(loss: Loss | None) -> str:
    if loss is None:
        return "?"
    return loss.name if loss.from_logits is None else f"{loss.name}(from_logits={loss.from_logits})"


def _place(location: Location) -> str:
    cell = f"cell {location.cell}:" if location.cell is not None else ""
    return f"{location.path}:{cell}{location.line}"
