"""Context managers: what runs before and after the body of a ``with``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp.assign import assign
from fromlogits_audit.interp.attempts import either
from fromlogits_audit.interp.classes import own_method
from fromlogits_audit.interp.evaluate import evaluate
from fromlogits_audit.interp.functions import invoke
from fromlogits_audit.interp.outcome import Outcome
from fromlogits_audit.interp.raising import SUPPRESS, Attempt, attempting, catches
from fromlogits_audit.interp.values import ALWAYS, NONE, BagV, InstanceV, ManagerV, Value
from fromlogits_audit.interp.walk import nodes
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run
    from fromlogits_audit.interp.state import Frame


def run_with(run: Run, frame: Frame, node: cst.With) -> Outcome:
    """A ``with`` statement: its managers are entered in order, and left in the opposite one."""
    return _entered(run, frame, node, 0)


def _entered(run: Run, frame: Frame, node: cst.With, number: int) -> Outcome:
    """Enter a manager of a ``with``, those behind it and the body, and leave it."""
    from fromlogits_audit.interp.execute import run_block

    if number == len(node.items):
        return run_block(run, frame, node.body.body)
    item = node.items[number]
    value = evaluate(run, frame, item.item)
    if isinstance(value, ManagerV):
        return _managed(run, frame, node, number, value)
    if isinstance(value, BagV) and value.kind == SUPPRESS:
        return _suppressed(run, frame, node, number, value)
    entered = run.call_special(value, "__enter__", (), None)
    if item.asname is not None:
        assign(run, frame, item.asname.name, entered if entered is not None else value)
    if _may_swallow(value):
        outcome = _swallowed(run, frame, node, number)
    else:
        with run.state.unsure():
            outcome = _entered(run, frame, node, number + 1)
    run.call_special(value, "__exit__", (NONE, NONE, NONE), None)
    return outcome


def _may_swallow(manager: Value) -> bool:
    """Whether a manager of the project may end exceptions: its ``__exit__`` gives something."""
    found = own_method(manager.cls, "__exit__") if isinstance(manager, InstanceV) else None
    if found is None:
        return False
    inside = nodes(found.core.node.body, cst.FunctionDef)
    given = [node.value for node in inside if isinstance(node, cst.Return) and node.value is not None]
    return any(not isinstance(v, cst.Name) or v.value not in ("None", "False") for v in given)


def _swallowed(run: Run, frame: Frame, node: cst.With, number: int) -> Outcome:
    """A body that any exception ends, and nothing else."""

    attempt = Attempt(lambda raised: 0)
    with run.state.branch(ALWAYS) as body, attempting(run, attempt):
        outcome = _entered(run, frame, node, number + 1)
    if not outcome.survives:
        run.state.adopt(body)
        return Outcome()
    return either(run, body, lambda: outcome, attempt, lambda _: Outcome())


def _suppressed(run: Run, frame: Frame, node: cst.With, number: int, manager: BagV) -> Outcome:
    """``contextlib.suppress(KeyError)``: what it names ends the body and nothing else."""

    kinds, before = manager.slots["kinds"], run.state.catchers

    def left(raised: Value) -> Value | None:
        answer = catches(kinds, raised)
        return None if answer is None else (NONE if answer else raised)

    attempt = Attempt(lambda raised: 0 if raised is None or catches(kinds, raised) is not False else None)
    with run.state.branch(ALWAYS) as body, attempting(run, attempt):
        run.state.catchers = () if run.state.repeats else (*before, left)
        outcome = _entered(run, frame, node, number + 1)
    if outcome.raised is not None and catches(kinds, outcome.raised):
        run.state.adopt(body)
        return replace(outcome, falls=True, stops=False, raised=None, failed=False)
    return either(run, body, lambda: outcome, attempt, lambda _: Outcome())


def _managed(run: Run, frame: Frame, node: cst.With, number: int, manager: ManagerV) -> Outcome:
    """The body runs where the function of ``contextlib.contextmanager`` yields."""

    outcomes: list[Outcome] = []
    asname, nesting = node.items[number].asname, run.nesting

    def body(yielded: Value) -> None:
        inside, run.nesting = run.nesting, nesting
        if asname is not None:
            assign(run, frame, asname.name, yielded)
        with run.state.unsure():  # it may catch what the body raises
            outcomes.append(_entered(run, frame, node, number + 1))
        run.nesting = inside

    invoke(run, manager.core, manager.args, manager.receiver, at_yield=body)
    if not outcomes:  # it was not followed to its yield
        body(run.state.fresh(Why.RUNTIME, "what a context manager gives"))
    total = Outcome(all(outcome.falls for outcome in outcomes), stops=all(o.stops for o in outcomes))
    for outcome in outcomes:
        total.collect(outcome)
    return total
