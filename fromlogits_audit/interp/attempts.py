"""``try``: the body is what happens; where it is certain to raise, the handler for that goes on.

Where it raises under a condition, or would by all that is known, both are what happens. Handlers of anything
else run for their sites alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp.assign import assign
from fromlogits_audit.interp.branches import Branch
from fromlogits_audit.interp.outcome import Outcome, opposites, where_not_left
from fromlogits_audit.interp.raising import Attempt, attempting, catches, class_of, named
from fromlogits_audit.interp.values import ALWAYS, NONE, Guard, Value
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run
    from fromlogits_audit.interp.state import Frame

Handlers = Sequence[cst.ExceptHandler | cst.ExceptStarHandler]


def run_try(run: Run, frame: Frame, node: cst.Try | cst.TryStar) -> Outcome:
    """A whole statement. The body fails where it has to raise, whether or not it is known what."""
    from fromlogits_audit.interp.execute import leave_out, run_block

    around = run.state.catchers
    attempt = Attempt(partial(_chosen, run, frame, [*node.handlers]))
    with run.state.branch(ALWAYS) as body, attempting(run, attempt):
        if isinstance(node, cst.Try) and not run.state.repeats:
            own = (partial(_left_of, run, frame, node),) if node.handlers else ()
            run.state.catchers = (*around, *own)
        outcome = run_block(run, frame, node.body.body)
    fails = not outcome.survives
    handlers: Handlers = node.handlers
    for number, handler in enumerate(handlers if not fails else ()):
        if not any(doubt.handler == number for doubt in attempt.doubts):
            with run.state.scratch():
                _interrupt(run, node, body)
                _handle(run, frame, handler)
    if fails:
        run.state.adopt(body)
        outcome = _rescued(run, frame, node, outcome)
        if node.orelse is not None:
            leave_out(run, frame, node.orelse.body.body)
    else:
        outcome = either(
            run,
            body,
            partial(_otherwise, run, frame, node, outcome),
            attempt,
            lambda number: _handle(run, frame, handlers[number]),
        )
    if node.finalbody is not None:
        last = run_block(run, frame, node.finalbody.body.body)
        return _finally(run, outcome, last)
    return outcome


def _handle(run: Run, frame: Frame, handler: cst.ExceptHandler | cst.ExceptStarHandler) -> Outcome:
    """Run a handler; what it calls the exception is an object of which nothing is known."""
    from fromlogits_audit.interp.execute import run_block

    if handler.name is not None:
        caught = run.state.fresh(Why.RUNTIME, "an exception that was caught")
        assign(run, frame, handler.name.name, caught)
    return run_block(run, frame, handler.body.body)


def _finally(run: Run, outcome: Outcome, last: Outcome) -> Outcome:
    """What leaves ``finally`` takes the place of what left the blocks before it."""
    if not last.left:
        return outcome
    if not last.falls:
        return last
    left, stays = opposites(run, last.left)
    total = replace(outcome, returns=[], breaks=[], continues=[], stops=False)
    total.collect(last, left)
    total.collect(outcome, stays)
    return total


def _otherwise(run: Run, frame: Frame, node: cst.Try | cst.TryStar, outcome: Outcome) -> Outcome:
    """A body that ends with ``outcome``, and ``else`` where it gets to its end."""
    from fromlogits_audit.interp.execute import run_block

    if node.orelse is None or not outcome.falls:
        return outcome
    follow = partial(run_block, run, frame, node.orelse.body.body)
    return where_not_left(run, outcome, follow) if outcome.left else follow()


def _rescued(run: Run, frame: Frame, node: cst.Try | cst.TryStar, outcome: Outcome) -> Outcome:
    """What follows a body that fails: one of the handlers, or what was raised goes on outwards."""

    handlers: list[cst.ExceptHandler | cst.ExceptStarHandler] = [*node.handlers]
    chosen, failed = _chosen(run, frame, handlers, outcome.raised), outcome.failed
    for number, handler in enumerate(handlers):
        if number != chosen:
            with run.state.scratch():
                _handle(run, frame, handler)
            continue
        with _handling(run, outcome.raised):
            outcome = _handle(run, frame, handler)
        outcome.failed = outcome.failed or failed
    return outcome


@contextmanager
def _handling(run: Run, raised: Value | None) -> Iterator[None]:
    """A handler runs meanwhile: what a bare ``raise`` in it raises is known."""
    before, run.state.handled = run.state.handled, raised
    try:
        yield
    finally:
        run.state.handled = before


def _chosen(run: Run, frame: Frame, handlers: Handlers, raised: Value | None) -> int | None:
    """Which handler runs, None where none does; on any doubt it is the first that may."""
    for number, handler in enumerate(handlers):
        answer = None if raised is None else _is_for(run, frame, handler, raised)
        if answer is not False:
            return number
    return None


def either(
    run: Run,
    body: Branch,
    follow: Callable[[], Outcome],
    attempt: Attempt,
    handle: Callable[[int], Outcome],
) -> Outcome:
    """What follows a body that may have been left by an exception, which a handler then took."""
    if not attempt.doubts:
        run.state.adopt(body)
        return follow()
    guards = _exclusive(run, [doubt.guard for doubt in attempt.doubts])
    with run.state.branch(guards[-1]) as whole:
        run.state.adopt(body)
        total = follow()
    whole.since, branches = body.since, [whole] if total.survives else []
    for doubt, guard in zip(attempt.doubts, guards, strict=False):
        with run.state.branch(guard) as rescued:
            run.state.adopt(Branch(guard, doubt.written))
            result = handle(doubt.handler)
        rescued.until = doubt.born
        total.collect(result)
        total.falls, total.stops = total.falls or result.falls, total.stops and result.stops
        branches += [rescued] if result.survives else []
    run.state.join(branches)
    return total


def _exclusive(run: Run, guards: list[Guard | None]) -> list[Guard]:
    """Assumptions for each of several cases, and for none of them."""
    only = guards[0] if len(guards) == 1 else None
    if only is not None and len(only) == 1:
        ((key, holds),) = only
        return [only, frozenset({(key, not holds)})]
    keys = [("raised", run.state.fresh(Why.RUNTIME).key) for _ in guards]
    return [*(frozenset({(key, True)}) for key in keys), frozenset((key, False) for key in keys)]


def _is_for(
    run: Run, frame: Frame, handler: cst.ExceptHandler | cst.ExceptStarHandler, raised: Value
) -> bool | None:
    return True if handler.type is None else catches(named(run, frame, handler.type), raised)


def _left_of(run: Run, frame: Frame, node: cst.Try, raised: Value) -> Value | None:
    """What leaves a ``try`` in which something is raised: NONE where a handler goes on, None where it is not
    known. A handler that ends by raising something else does not go on."""
    for handler in node.handlers:
        answer = _is_for(run, frame, handler, raised)
        if answer is None:
            return None
        if answer:
            return _raised_by(run, frame, handler, raised)
    return raised


def _raised_by(run: Run, frame: Frame, handler: cst.ExceptHandler, raised: Value) -> Value | None:
    last: cst.CSTNode = handler.body.body[-1]
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    if not isinstance(last, cst.Raise):
        return NONE
    return raised if last.exc is None else class_of(run, frame, last)


def _interrupt(run: Run, node: cst.Try | cst.TryStar, body: Branch) -> None:
    """The state in which a handler starts: an exception comes before its statement assigns anything."""
    block = node.body.body
    if len(block) == 1 and isinstance(block[0], cst.SimpleStatementLine) and len(block[0].body) == 1:
        return
    raised = ("raised", id(node))
    run.state.join(
        [Branch(frozenset({(raised, True)}), {}), Branch(frozenset({(raised, False)}), body.writes)]
    )
