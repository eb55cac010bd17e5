"""Loops: a short known sequence for real, anything else once with an unknown variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from fromlogits_audit.interp.assign import assign
from fromlogits_audit.interp.evaluate import evaluate
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.state import MAX_LOOP, Frame
from fromlogits_audit.interp.truth import truth
from fromlogits_audit.interp.values import Unknown, Value
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.execute import Outcome
    from fromlogits_audit.interp.run import Run

MAX_WHILE = 24


def run_for(run: Run, frame: Frame, node: cst.For) -> Outcome:
    from fromlogits_audit.interp.execute import Outcome, run_block

    source = spread(run, evaluate(run, frame, node.iter))
    items: tuple[Value, ...]
    if isinstance(source, Unknown):
        items = (Unknown(source.reason, ("each", source.key), source.place),)
    else:
        items = source.items
    if len(items) > MAX_LOOP:
        items = items[:1] + items[-1:]
    total = Outcome()
    if not items:
        _for_its_sites(run, frame, node)
    for item in items:
        assign(run, frame, node.target, item)
        outcome = run_block(run, frame, node.body.body)
        total.returns += outcome.returns
        if outcome.stops:
            return total
        if not outcome.falls and not outcome.jumps:
            total.falls = isinstance(source, Unknown) or source.open
            return total
    if node.orelse is not None:
        after = run_block(run, frame, node.orelse.body.body)
        total.returns += after.returns
        total.falls = after.falls
    return total


def _for_its_sites(run: Run, frame: Frame, node: cst.For) -> None:
    """A loop over an empty sequence does not run here, but what stands in it still counts."""
    from fromlogits_audit.interp.execute import run_block

    with run.state.scratch():
        assign(run, frame, node.target, run.state.fresh(Why.RUNTIME, "an item of an empty sequence"))
        run_block(run, frame, node.body.body)


def run_while(run: Run, frame: Frame, node: cst.While) -> Outcome:
    from fromlogits_audit.interp.execute import Outcome, run_block

    total = Outcome()
    for _ in range(MAX_WHILE):
        known = truth(run.state, evaluate(run, frame, node.test))
        if known is False:
            break
        outcome = run_block(run, frame, node.body.body)
        total.returns += outcome.returns
        if not outcome.falls and not outcome.jumps:
            total.falls = known is None
            return total
        if known is None or outcome.stops or _constant(node.test):
            break
    return total


def _constant(test: cst.BaseExpression) -> bool:
    """``while True``: once is enough."""
    return isinstance(test, (cst.Name, cst.Integer))
