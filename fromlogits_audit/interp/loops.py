"""Loops: a short known sequence for real, anything else once with an unknown variable.

After one that may run another number of times, what it counts is not known (:mod:`widen`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp import widen
from fromlogits_audit.interp.assign import assign
from fromlogits_audit.interp.branches import Branch
from fromlogits_audit.interp.evaluate import evaluate
from fromlogits_audit.interp.items import each, options_of, spread, walked
from fromlogits_audit.interp.lastturn import last_item
from fromlogits_audit.interp.outcome import Outcome, where_not_left
from fromlogits_audit.interp.state import MAX_LOOP, Frame
from fromlogits_audit.interp.truth import asked, truth
from fromlogits_audit.interp.values import ALWAYS, TupleV, Unknown, Value
from fromlogits_audit.interp.walk import nodes
from fromlogits_audit.ir import Why
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

MAX_WHILE = 24
MAX_LEFT = 3
"""Conditions under which a loop may have been left, each with the rest of its turns for where it was not."""


def run_for(run: Run, frame: Frame, node: cst.For) -> Outcome:
    value = evaluate(run, frame, node.iter)
    options = options_of(run, value)
    if len(options) == 1 or run.state.cut or _is_costly(run, node):
        return _over(run, frame, node, options[0][1] if len(options) == 1 else spread(run, value))
    total, branches = Outcome(falls=False), []
    for guard, source in options:
        with run.state.branch(guard) as branch:
            # The others tell what stands in a loop that does not turn here.
            outcome = _orelse(run, frame, node) if _is_empty(source) else _over(run, frame, node, source)
        if outcome.survives:
            branches.append(branch)
        total.collect(outcome)
        total.falls = total.falls or outcome.falls
    run.state.join(branches)
    return total


def _is_empty(source: TupleV | Unknown) -> bool:
    return isinstance(source, TupleV) and not source.items and not source.open


def _is_costly(run: Run, node: cst.For) -> bool:
    """Whether a loop has had its share of the budget: it is one of several inside each other."""
    return run.state.loops.get(node, 0) > run.state.limit // 4


def _over(run: Run, frame: Frame, node: cst.For, source: TupleV | Unknown) -> Outcome:
    most = 2 if _is_costly(run, node) else MAX_LOOP
    before, catchers = run.state.steps, run.state.catchers
    try:
        if isinstance(source, TupleV) and not source.open and len(source.items) <= most:
            return _turns(run, frame, node, source, most)
        with run.state.branch(ALWAYS) as branch, run.state.repeating():
            outcome = _turns(run, frame, node, source, most)
        widen.adopt(run, branch, node)
        return outcome
    finally:
        run.state.catchers = catchers
        run.state.loops[node] = run.state.loops.get(node, 0) + run.state.steps - before


def _turns(run: Run, frame: Frame, node: cst.For, source: TupleV | Unknown, most: int) -> Outcome:
    """The turns of a loop; of more than ``most`` of them the first and the last."""
    items = (each(source, source.place),) if isinstance(source, Unknown) else walked(source)
    if isinstance(source, Unknown) or source.open:
        last = last_item(run, frame, node, items)
        items += (last,) if last is not None else ()
    if not items and not isinstance(source, Unknown) and source.open:
        items = (run.state.fresh(Why.RUNTIME, "an item of a sequence collected at run time"),)
    if not items:
        _for_its_sites(run, frame, node)
    if len(items) > most:
        between = (run.state.fresh(Why.LIMIT, "an item of a loop inside others"),) if most < MAX_LOOP else ()
        items = (*items[:1], *between, *items[-1:])
    return _turn(run, frame, node, items, _Loop(isinstance(source, Unknown) or source.open))


@dataclass(frozen=True)
class _Loop:
    """A loop on its way."""

    open: bool
    """Whether it may turn more often."""
    left: int = 0
    """After how many of its turns it may have been left."""


def _turn(run: Run, frame: Frame, node: cst.For, items: tuple[Value, ...], loop: _Loop) -> Outcome:
    """Turn a loop for items; where it may have been left from within, the rest is for where it was not."""
    from fromlogits_audit.interp.execute import run_block

    total = Outcome()
    for number, item in enumerate(items, start=1):
        assign(run, frame, node.target, item)
        outcome = run_block(run, frame, node.body.body)
        if not outcome.falls and not outcome.continues:
            total.returns += outcome.returns
            total.falls = loop.open or bool(outcome.breaks)
            if not total.falls:
                total.raised, total.failed = outcome.raised, outcome.failed
            return total
        goes_on = (number < len(items) or node.orelse is not None) and not run.state.cut
        if (outcome.breaks or outcome.returns) and goes_on and loop.left < MAX_LEFT:
            rest = partial(_turn, run, frame, node, items[number:], replace(loop, left=loop.left + 1))
            outcome = _unless_left(run, outcome, rest)
            outcome.returns = total.returns + outcome.returns
            return outcome
        total.returns += outcome.returns
        if run.state.cut:
            break
        if outcome.breaks or outcome.returns:
            run.state.catchers = ()  # the next turn may not come
    after = _orelse(run, frame, node)
    after.returns = total.returns + after.returns
    return after


def _unless_left(run: Run, outcome: Outcome, follow: Callable[[], Outcome]) -> Outcome:
    """A turn of a loop, and what follows unless it leaves the loop: a ``break`` goes on behind that."""

    own = Outcome(returns=outcome.returns, breaks=outcome.breaks)
    if not own.left:
        return follow()
    total = where_not_left(run, own, follow)
    del total.breaks[: len(own.breaks)]
    total.falls = total.falls or bool(own.breaks)
    return total


def _orelse(run: Run, frame: Frame, node: cst.For | cst.While) -> Outcome:
    """What stands under ``else`` runs where nothing left the loop from within: it may leave one around it."""
    from fromlogits_audit.interp.execute import run_block

    return run_block(run, frame, node.orelse.body.body) if node.orelse is not None else Outcome()


def _for_its_sites(run: Run, frame: Frame, node: cst.For) -> None:
    """A loop over an empty sequence does not run here, but what stands in it still counts."""
    from fromlogits_audit.interp.execute import run_block

    with run.state.scratch():
        assign(run, frame, node.target, run.state.fresh(Why.RUNTIME, "an item of an empty sequence"))
        run_block(run, frame, node.body.body)


def run_while(run: Run, frame: Frame, node: cst.While) -> Outcome:
    end = _Ending()
    with run.state.branch(ALWAYS) as branch, run.state.repeating():
        total = _while_turns(run, frame, node, end)
    if end.how is _End.DOUBTFUL:
        _may_have_run(run, branch, node)
    elif end.how is _End.OPEN:
        widen.adopt(run, branch, node)
    else:
        run.state.adopt(branch)
    if end.how is _End.LEFT or node.orelse is None:
        total.breaks = []
        return total
    return _unless_left(run, total, partial(_orelse, run, frame, node))


def _may_have_run(run: Run, branch: Branch, node: cst.While) -> None:
    """After a loop of which it is not known whether it turned at all."""
    turned = run.state.fresh(Why.RUNTIME).key
    with run.state.branch(frozenset({(turned, True)})) as ran:
        widen.adopt(run, branch, node)
    run.state.join([ran, Branch(frozenset({(turned, False)}), {})])


class _End(Enum):
    """How the turns of a loop end: its condition fails, it is left from within, or that is not known;
    of a doubtful one not even that it turns."""

    EXHAUSTED = auto()
    LEFT = auto()
    OPEN = auto()
    DOUBTFUL = auto()


@dataclass
class _Ending:
    how: _End = _End.OPEN


def _while_turns(
    run: Run, frame: Frame, node: cst.While, end: _Ending, turn: int = 0, left: int = 0
) -> Outcome:
    """Run a loop until its condition is known to fail; it is open where it may run more often than here."""
    from fromlogits_audit.interp.execute import run_block

    total = Outcome()
    for number in range(turn, MAX_WHILE):
        known = truth(run.state, asked(run, evaluate(run, frame, node.test)))
        if known is False:
            end.how = _End.EXHAUSTED
            return total
        if number == 0 and known is None:
            end.how = _End.DOUBTFUL
        outcome = run_block(run, frame, node.body.body)
        total.returns += outcome.returns
        total.breaks += outcome.breaks
        if not outcome.falls and not outcome.continues:
            end.how = _End.LEFT if known else end.how
            total.falls = known is None or bool(outcome.breaks)
            return total
        if known is None or run.state.cut or _runs_on(node, outcome):
            return total
        if (outcome.breaks or outcome.returns) and left < MAX_LEFT:
            rest = partial(_while_turns, run, frame, node, end, number + 1, left + 1)
            total = where_not_left(run, total, rest)
            total.falls = total.falls or bool(total.breaks)
            return total
    return total


def _runs_on(node: cst.While, outcome: Outcome) -> bool:
    """``while True``: once is enough, unless all that is known of its ``break`` is that it comes later."""
    if not _stays_true(node):
        return False
    return outcome.jumps or bool(outcome.returns) or not _has_break(node)


def _stays_true(node: cst.While) -> bool:
    """Whether nothing in the loop's body changes the condition: ``while True``, a flag set elsewhere."""
    test = node.test
    if isinstance(test, cst.Name):
        return test.value == "True" or not widen.mentions(node, test.value)
    return isinstance(test, cst.Integer)


@lru_cache(maxsize=256)
def _has_break(node: cst.While) -> bool:
    """Whether something ends a loop: a ``break`` of its own, a ``return``, a ``raise``."""
    inside = nodes(node.body, cst.FunctionDef, cst.While, cst.For)
    return any(isinstance(one, (cst.Break, cst.Return, cst.Raise)) for one in inside)
