"""``match`` statements, as cases under assumptions on the subject."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fromlogits_audit import cst
from fromlogits_audit.interp.operators import equal, identity
from fromlogits_audit.interp.state import Frame
from fromlogits_audit.interp.values import Const, Guard, Value

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

RunBlock = Callable[["Run", Frame, Any], Any]


def match_cases(
    run: Run, frame: Frame, node: cst.Match, run_block: RunBlock
) -> list[tuple[Guard, Callable[[], Any]]]:
    """The cases that can apply, each with what it assumes of the subject."""
    from fromlogits_audit.interp.evaluate import evaluate

    subject = evaluate(run, frame, node.subject)
    cases: list[tuple[Guard, Callable[[], Any]]] = []
    refused: set[tuple[Any, bool]] = set()
    for case in node.cases:
        options = _options(case.pattern)
        guard: Guard | None = frozenset(refused)
        certain = options is None and case.guard is None
        if options is not None:
            values = [evaluate(run, frame, option) for option in options]
            guard, certain = _admits(run, subject, values, refused)
            refused |= {(key, False) for key in _keys(run, subject, values)}
        if guard is None:
            continue
        cases.append((guard, _action(run, frame, case, subject, run_block)))
        if certain and case.guard is None:
            return cases if len(cases) > 1 else cases[-1:]
    cases.append((frozenset(refused), lambda: run_block(run, frame, [])))
    return cases


def _action(
    run: Run, frame: Frame, case: cst.MatchCase, subject: Value, run_block: RunBlock
) -> Callable[[], Any]:
    def action() -> Any:
        if isinstance(case.pattern, cst.MatchAs) and case.pattern.name is not None:
            run.state.write(frame, case.pattern.name.value, subject)
        return run_block(run, frame, case.body.body)

    return action


def _options(pattern: cst.MatchPattern) -> list[cst.BaseExpression] | None:
    """The values a pattern compares with, None where it may match anything."""
    if isinstance(pattern, cst.MatchValue):
        return [pattern.value]
    if isinstance(pattern, cst.MatchSingleton):
        return [pattern.value]
    if isinstance(pattern, cst.MatchOr):
        found: list[cst.BaseExpression] = []
        for element in pattern.patterns:
            inner = _options(element.pattern)
            if inner is None:
                return None
            found.extend(inner)
        return found
    if isinstance(pattern, cst.MatchAs) and pattern.pattern is not None:
        return _options(pattern.pattern)
    return None


def _keys(run: Run, subject: Value, values: list[Value]) -> list[Any]:
    for value in values:
        if isinstance(value, Const):
            run.constants[identity(value)] = value
    return [("==", identity(subject), identity(value)) for value in values]


def _admits(
    run: Run, subject: Value, values: list[Value], refused: set[tuple[Any, bool]]
) -> tuple[Guard | None, bool]:
    answers = [equal(subject, value) for value in values]
    if True in answers:
        return frozenset(refused), True
    if all(answer is False for answer in answers):
        return None, False
    keys = _keys(run, subject, values)
    known = [run.state.assumed(key) for key in keys]
    if True in known:
        return frozenset(), True
    if all(k is False for k in known):
        return None, False
    return (frozenset({(keys[0], True)}) if len(keys) == 1 else frozenset(refused)), False
