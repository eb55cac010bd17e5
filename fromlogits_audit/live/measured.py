"""What real values of an output say of its scale, where its structure says nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from fromlogits_audit.ir import Scale, Undecided, Why
from fromlogits_audit.live.labels import as_array
from fromlogits_audit.live.probe import Tally
from fromlogits_audit.live.structure import LiveOutput
from fromlogits_audit.live.verdict import Batches, compare
from fromlogits_audit.models import Evidence

MAX_ROWS = 200_000
"""Rows of the class axis that are measured."""


def measure(one: LiveOutput, batches: Iterable[Any]) -> LiveOutput:
    """The output with what real batches of its values show, arrays (batch, ..., units) of any backend.

    What the structure decides stays; values that could come out of several kinds of output leave it
    unknown, with the numbers in the reason.
    """
    if one.output.known:
        return one
    found = facts(batches)
    if found is None:
        return one
    verdict = compare(one.output, found)
    output = replace(one.output, units=one.output.units if one.output.units is not None else found.units)
    if verdict.scale is Scale.UNKNOWN:
        return replace(one, output=replace(output, reason=_undecided(one, verdict.numbers)))
    decided = replace(output, scale=verdict.scale, activation=verdict.activation, reason=None)
    return replace(one, output=decided, evidence=Evidence.PROBE)


def facts(batches: Iterable[Any]) -> Batches | None:
    """Range, sums and spread of all batches together; None where there are no numbers."""
    tally, rows = Tally(), 0
    for batch in batches:
        values = as_array(batch)
        if values is None or values.dtype.kind not in "biuf" or values.size == 0 or values.ndim == 0:
            continue
        values = values.astype("float64")
        width = values.shape[-1] if values.ndim > 1 else 1
        tally.add(values[: max(MAX_ROWS * width * len(values) // values.size, 1)])
        rows += len(values)
    return Batches.parse(tally.facts()) if rows else None


def _undecided(one: LiveOutput, numbers: str) -> Undecided:
    what = one.output.reason
    shown = f"{numbers or 'values that are not finite'}, which several kinds of output give"
    return Undecided(what.why if what else Why.RUNTIME, f"{what.detail}; {shown}" if what else shown)
