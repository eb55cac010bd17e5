"""Loops: a short known sequence for real, anything else once with an unknown variable.

After one that may run another number of times, what it counts is not known (:mod:`widen`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from fromlogits_audit.interp import widen
from fromlogits_audit.interp.assign import assign
from fromlogits_audit.interp.evaluate import evaluate
from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.state import MAX_LOOP, Frame
from fromlogits_audit.interp.truth import truth
from fromlogits_audit.interp.values import ALWAYS, TupleV, Unknown, Value
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.execute import Outcome
    from fromlogits_audit.interp.run import Run

MAX_WHILE = 24


def run_for(run: Run, frame: Frame, node: cst.For) -> Outcome:
    source = spread(run, evaluate(run, frame, node.iter))
    if isinstance(source, TupleV) and not source.open and len(source.items) <= MAX_LOOP:
        return _turns(run, frame, node, source)
    with run.state.branch(ALWAYS) as branch:
        outcome = _turns(run, frame, node, source)
    widen.adopt(run, branch, node)
    return outcome


def _turns(run: Run, frame: Frame, node: cst.For, source: TupleV | Unknown) -> Outcome:
    from fromlogits_audit.interp.execute import Outcome, run_block

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
        if run.state.cut:
            break
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
    from fromlogits_audit.interp.execute import Outcome

    total = Outcome()
    with run.state.branch(ALWAYS) as branch:
        counted = _while_turns(run, frame, node, total)
    if counted:
        run.state.adopt(branch)
    else:
        widen.adopt(run, branch, node)
    return total


def _while_turns(run: Run, frame: Frame, node: cst.While, total: Outcome) -> bool:
    """Run a loop until its condition is known to fail; False where it may run more often than here."""
    from fromlogits_audit.interp.execute import run_block

    for _ in range(MAX_WHILE):
        known = truth(run.state, evaluate(run, frame, node.test))
        if known is False:
            return True
        outcome = run_block(run, frame, node.body.body)
        total.returns += outcome.returns
        if not outcome.falls and not outcome.jumps:
            total.falls = known is None
            return known is True
        if known is None or outcome.stops or run.state.cut or _constant(node.test):
            return False
    return False


def _constant(test: cst.BaseExpression) -> bool:
    """``while True``: once is enough."""
    return isinstance(test, (cst.Name, cst.Integer))
