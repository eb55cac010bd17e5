"""Comprehensions: run for real over what is known, once with a representative elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fromlogits_audit import cst
from fromlogits_audit.interp.equality import dict_key
from fromlogits_audit.interp.items import a_set, each, spread, walked
from fromlogits_audit.interp.state import MAX_LOOP, Frame
from fromlogits_audit.interp.truth import truth
from fromlogits_audit.interp.values import DictV, ListV, Unknown, Value
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Evaluate = Callable[["Run", Frame, cst.CSTNode], Value]


class _Rows:
    """What the comprehension yields, and whether there may be more."""

    def __init__(self) -> None:
        self.items: list[tuple[Value, Value | None]] = []
        self.open = False


def comprehension(run: Run, frame: Frame, node: Any, evaluate: Evaluate) -> Value:
    scope = Frame(frame.module, frame.chunk, frame)
    rows = _Rows()
    _clause(run, scope, node.for_in, node, rows, evaluate)
    if isinstance(node, cst.DictComp):
        items: dict[Any, tuple[Value, Value]] = {}
        for key, value in rows.items:
            constant = dict_key(key)
            if constant is None or value is None:
                rows.open = True
            else:
                items[constant] = (key, value)
        return DictV(items, rows.open)
    made = a_set if isinstance(node, cst.SetComp) else ListV
    return made(tuple(item for item, _ in rows.items), rows.open)


def _clause(run: Run, scope: Frame, clause: cst.CompFor, node: Any, rows: _Rows, evaluate: Evaluate) -> None:
    source = spread(run, evaluate(run, scope, clause.iter))
    items: tuple[Value, ...]
    if isinstance(source, Unknown):
        rows.open = True
        items = (each(source),)
    else:
        rows.open = rows.open or source.open
        items = walked(source)
    if len(items) > MAX_LOOP:
        items, rows.open = (run.state.fresh(Why.LIMIT, "one item of a long sequence"),), True
    from fromlogits_audit.interp.assign import assign

    for number, item in enumerate(items):
        if not run.state.step() and number:
            rows.open = True
            return
        assign(run, scope, clause.target, item)
        tests = [truth(run.state, evaluate(run, scope, test.test)) for test in clause.ifs]
        if False in tests:
            continue
        if None in tests:
            rows.open = True
        if clause.inner_for_in is not None:
            _clause(run, scope, clause.inner_for_in, node, rows, evaluate)
        elif isinstance(node, cst.DictComp):
            rows.items.append((evaluate(run, scope, node.key), evaluate(run, scope, node.value)))
        else:
            value = evaluate(run, scope, node.elt)
            rows.items.append((run.keras.some_of(value) if None in tests else value, None))
