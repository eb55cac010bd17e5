"""Context managers: what runs before and after the body of a ``with``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp.assign import assign
from fromlogits_audit.interp.attempts import either
from fromlogits_audit.interp.evaluate import evaluate
from fromlogits_audit.interp.functions import invoke
from fromlogits_audit.interp.raising import SUPPRESS, Attempt, attempting, catches
from fromlogits_audit.interp.values import ALWAYS, NONE, BagV, ManagerV, Value
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.execute import Outcome
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
    with run.state.unsure():  # it may catch what the body raises
        outcome = _entered(run, frame, node, number + 1)
    run.call_special(value, "__exit__", (NONE, NONE, NONE), None)
    return outcome


def _suppressed(run: Run, frame: Frame, node: cst.With, number: int, manager: BagV) -> Outcome:
    """``contextlib.suppress(KeyError)``: what it names ends the body and nothing else."""
    from fromlogits_audit.interp.execute import Outcome

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
        return Outcome(True, outcome.returns, outcome.jumps)
    return either(run, body, outcome, attempt, lambda _: Outcome())


def _managed(run: Run, frame: Frame, node: cst.With, number: int, manager: ManagerV) -> Outcome:
    """The body runs where the function of ``contextlib.contextmanager`` yields."""
    from fromlogits_audit.interp.execute import Outcome

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
    return Outcome(
        all(outcome.falls for outcome in outcomes),
        [pair for outcome in outcomes for pair in outcome.returns],
        any(outcome.jumps for outcome in outcomes),
        all(outcome.stops for outcome in outcomes),
    )
