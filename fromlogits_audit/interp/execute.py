"""Statements: a block runs in a frame and says how it ends."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fromlogits_audit import cst
from fromlogits_audit.interp import attempts, define, loops, managers, operators
from fromlogits_audit.interp.assign import assign
from fromlogits_audit.interp.branches import Branch
from fromlogits_audit.interp.containers import del_item
from fromlogits_audit.interp.evaluate import evaluate, index_of
from fromlogits_audit.interp.excluded import run_excluded
from fromlogits_audit.interp.functions import is_refused
from fromlogits_audit.interp.items import DATA
from fromlogits_audit.interp.outcome import Outcome, where_not_left
from fromlogits_audit.interp.patterns import match_cases
from fromlogits_audit.interp.raising import SYSTEM_EXIT, Raised, class_of, doubt, exits, throw_builtin
from fromlogits_audit.interp.state import Frame
from fromlogits_audit.interp.storing import discard
from fromlogits_audit.interp.truth import asked, conditions, truth
from fromlogits_audit.interp.values import (
    ALWAYS,
    NONE,
    ExternalV,
    Guard,
    InstanceV,
    ListV,
    Place,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


Block = Sequence[cst.CSTNode]


def run_block(run: Run, frame: Frame, statements: Block) -> Outcome:
    """Run statements until one ends the block; a split of paths takes the rest with it."""
    outcome, index, catchers = Outcome(), 0, run.state.catchers
    try:
        for index, statement in enumerate(statements):
            run.state.step()
            splits = type(statement) is cst.If or type(statement) is cst.Match
            if splits:
                outcome = _split(run, frame, statement, statements[index + 1 :])  # type: ignore[arg-type]
            else:
                outcome = _statement(run, frame, statement)
            if not outcome.survives and type(statement) is cst.If and is_refused(run, frame, statement.test):
                continue
            if not outcome.falls or outcome.stops or outcome.rest_done:
                if not outcome.rest_done or outcome.failed:
                    leave_out(run, frame, statements[index + 1 :])
                break
            if outcome.left and index + 1 < len(statements):
                rest = partial(run_block, run, frame, statements[index + 1 :])
                return where_not_left(run, outcome, rest)
    except Raised as error:
        outcome = Outcome(False, raised=error.kind, failed=True)
        leave_out(run, frame, statements[index:])
    finally:
        run.state.catchers = catchers
    outcome.rest_done = False
    return outcome


def leave_out(run: Run, frame: Frame, rest: Block) -> None:
    """Run what is not reached for its sites alone."""
    run_excluded(run, frame, rest, partial(run_block, run, frame, rest))


def _statement(run: Run, frame: Frame, node: cst.CSTNode) -> Outcome:
    # The classes of libcst are abstract base classes, whose isinstance() is slow.
    if type(node) is cst.SimpleStatementLine:
        return _line(run, frame, node.body)
    handler = _COMPOUND.get(type(node))
    if handler is not None:
        result = handler(run, frame, node)
        return result if isinstance(result, Outcome) else Outcome()
    if isinstance(node, cst.BaseSmallStatement):
        return _line(run, frame, [node])
    return Outcome()


def _line(run: Run, frame: Frame, parts: Sequence[cst.BaseSmallStatement]) -> Outcome:
    for part in parts:
        kind = type(part)
        if kind is cst.Return:
            assert isinstance(part, cst.Return)
            value = NONE if part.value is None else evaluate(run, frame, part.value)
            return Outcome(falls=False, returns=[(run.state.guard, value)])
        if kind is cst.Raise:
            assert isinstance(part, cst.Raise)
            return _raised(run, partial(class_of, run, frame, part))
        if kind is cst.Break or kind is cst.Continue:
            if kind is cst.Continue:
                return Outcome(falls=False, continues=[run.state.guard])
            return Outcome(falls=False, stops=True, breaks=[run.state.guard])
        handler = _SIMPLE.get(kind)
        if handler is not None:
            handler(run, frame, part)
        if isinstance(part, cst.Expr) and exits(run, frame, part.value):
            return _raised(run, lambda: SYSTEM_EXIT)
    return Outcome()


def _raised(run: Run, kind: Callable[[], Value | None]) -> Outcome:
    """An exception leaves the block; its class is looked up where something may catch it."""
    raised = kind() if run.state.catchers else None
    if raised is None and run.state.attempts:
        doubt(run, kind(), certain=True)
    return Outcome(falls=False, raised=raised, failed=raised is not None)


# -- branches --------------------------------------------------------------------------------
Case = tuple[Guard, Callable[[], Outcome]]


def _split(run: Run, frame: Frame, node: cst.If | cst.Match, rest: Block) -> Outcome:
    if isinstance(node, cst.If):
        cases = _if_cases(run, frame, node)
    else:
        with run.state.unsure():
            cases = match_cases(run, frame, node)
    if len(cases) == 1:
        return cases[0][1]()
    return run_cases(run, frame, cases, rest)


def _if_cases(run: Run, frame: Frame, node: cst.If) -> list[Case]:
    test = asked(run, evaluate(run, frame, node.test))
    known = truth(run.state, test)
    body = node.body.body

    def orelse() -> Outcome:
        other = node.orelse
        if isinstance(other, cst.If):
            return run_block(run, frame, [other])
        return run_block(run, frame, other.body.body) if other is not None else Outcome()

    if known is not None:
        # Of an unknown test it is the path that says so. What stands for types alone is imported in circles.
        if not isinstance(test, Unknown) and not _is_for_types(node.test):
            if known and node.orelse is not None:
                run_excluded(run, frame, [node.orelse], orelse)
            elif not known:
                run_excluded(run, frame, [node.body], lambda: run_block(run, frame, body))
        return [(frozenset(), (lambda: run_block(run, frame, body)) if known else orelse)]
    yes, no = conditions(run.state, test)
    return [(yes, lambda: run_block(run, frame, body)), (no, orelse)]


def _is_for_types(test: cst.BaseExpression) -> bool:
    name = test.attr if isinstance(test, cst.Attribute) else test
    return isinstance(name, cst.Name) and name.value == "TYPE_CHECKING"


def run_cases(run: Run, frame: Frame, cases: list[Case], rest: Block) -> Outcome:
    """Run each case from the same state; where some end the block, the others take the rest along."""
    falling: list[Branch] = []
    ended: list[Branch] = []
    total, stops = Outcome(falls=False), True
    for guard, action in cases:
        with run.state.branch(guard) as branch:
            outcome = action()
        total.collect(outcome)
        stops = stops and (outcome.stops or not outcome.survives)
        if outcome.falls:
            falling.append(branch)
        elif outcome.survives:
            ended.append(branch)
    if not falling:
        run.state.join(ended)
        total.stops = stops and total.jumps and not total.returns
        return total
    if not ended and len(falling) == len(cases):
        run.state.join(falling)
        total.falls = True
        return total
    shared = frozenset.intersection(*(b.guard for b in falling))
    with run.state.branch(shared) as remaining:
        run.state.join(falling)
        after = run_block(run, frame, rest)
    run.state.join([remaining, *ended] if after.survives else ended)
    total.collect(after)
    total.falls, total.rest_done = after.falls, True
    return total


# -- compound statements ---------------------------------------------------------------------
def _for(run: Run, frame: Frame, node: cst.For) -> Outcome:
    return loops.run_for(run, frame, node)


def _while(run: Run, frame: Frame, node: cst.While) -> Outcome:
    return loops.run_while(run, frame, node)


_COMPOUND: dict[type, Callable[[Any, Frame, Any], Any]] = {
    cst.For: _for,
    cst.While: _while,
    cst.With: managers.run_with,
    cst.Try: attempts.run_try,
    cst.TryStar: attempts.run_try,
    cst.FunctionDef: define.function,
    cst.ClassDef: define.class_,
}


# -- simple statements -----------------------------------------------------------------------
def _expression(run: Run, frame: Frame, node: cst.Expr) -> None:
    evaluate(run, frame, node.value)


def _assign(run: Run, frame: Frame, node: cst.Assign) -> None:
    value = evaluate(run, frame, node.value)
    for target in node.targets:
        assign(run, frame, target.target, value)


def _annotated(run: Run, frame: Frame, node: cst.AnnAssign) -> None:
    value = evaluate(run, frame, node.value) if node.value is not None else None
    if frame.cls is not None and frame.core is None and isinstance(node.target, cst.Name):
        frame.cls.fields.append((node.target.value, value))
    if value is not None:
        assign(run, frame, node.target, value)


def _augmented(run: Run, frame: Frame, node: cst.AugAssign) -> None:
    left = evaluate(run, frame, node.target)
    right = evaluate(run, frame, node.value)
    if isinstance(left, ListV) and isinstance(node.operator, cst.AddAssign):
        run.call(run.attribute(left, "extend", Place(frame.chunk, node)), run.args(right), None)
        return
    in_place = operators.in_place(run, node.operator, left, right, Place(frame.chunk, node))
    if in_place is not None:
        assign(run, frame, node.target, in_place)
        return
    assign(
        run, frame, node.target, operators.binary(run, node.operator, left, right, Place(frame.chunk, node))
    )


def _delete(run: Run, frame: Frame, node: cst.Del) -> None:
    targets = [e.value for e in node.target.elements] if isinstance(node.target, cst.Tuple) else [node.target]
    for target in targets:
        if isinstance(target, cst.Name):
            run.state.write(frame.globals_of.get(target.value, frame), target.value, None)
        elif isinstance(target, cst.Subscript):
            base, index = evaluate(run, frame, target.value), index_of(run, frame, target)
            if run.call_special(base, "__delitem__", (index,), None) is None:
                del_item(run, base.slots.get(DATA, base) if isinstance(base, InstanceV) else base, index)
        elif isinstance(target, cst.Attribute):
            discard(run, evaluate(run, frame, target.value), target.attr.value)


def _assert(run: Run, frame: Frame, node: cst.Assert) -> None:
    test = evaluate(run, frame, node.test)
    known = truth(run.state, test)
    if run.state.catchers and known is False:
        throw_builtin(run, "AssertionError")
    elif run.state.attempts and known is not True:
        with run.state.branch(conditions(run.state, test)[1] if known is None else ALWAYS):
            doubt(run, ExternalV("builtins.AssertionError"), certain=True)


def _global(run: Run, frame: Frame, node: cst.Global) -> None:
    for name in node.names:
        frame.globals_of[name.name.value] = frame.root


def _nonlocal(run: Run, frame: Frame, node: cst.Nonlocal) -> None:
    for name in node.names:
        scope = frame.parent
        while scope is not None and name.name.value not in scope.slots:
            scope = scope.parent
        if scope is not None:
            frame.globals_of[name.name.value] = scope


def _import(run: Run, frame: Frame, node: cst.Import) -> None:
    for alias in node.names:
        asname = (
            alias.asname.name.value
            if alias.asname is not None and isinstance(alias.asname.name, cst.Name)
            else None
        )
        run.bind_import(frame, _dotted(alias.name), asname)


def _import_from(run: Run, frame: Frame, node: cst.ImportFrom) -> None:
    module = _dotted(node.module) if node.module is not None else ""
    if isinstance(node.names, cst.ImportStar):
        run.import_star(frame, module, len(node.relative))
        return
    for alias in node.names:
        asname = (
            alias.asname.name.value
            if alias.asname is not None and isinstance(alias.asname.name, cst.Name)
            else None
        )
        run.bind_import_from(frame, module, len(node.relative), _dotted(alias.name), asname)


def run_imports(run: Run, frame: Frame, statements: Sequence[ast.Import | ast.ImportFrom]) -> None:
    """Import statements as the standard library parsed them."""
    for statement in statements:
        for alias in statement.names:
            if isinstance(statement, ast.Import):
                run.bind_import(frame, alias.name, alias.asname)
            elif alias.name == "*":
                run.import_star(frame, statement.module or "", statement.level)
            else:
                run.bind_import_from(frame, statement.module or "", statement.level, alias.name, alias.asname)


def _dotted(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return ""


_SIMPLE: dict[type, Callable[[Any, Frame, Any], None]] = {
    cst.Expr: _expression,
    cst.Assign: _assign,
    cst.AnnAssign: _annotated,
    cst.AugAssign: _augmented,
    cst.Del: _delete,
    cst.Assert: _assert,
    cst.Global: _global,
    cst.Nonlocal: _nonlocal,
    cst.Import: _import,
    cst.ImportFrom: _import_from,
}
