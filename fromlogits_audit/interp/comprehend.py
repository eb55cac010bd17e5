"""Comprehensions: run for real over what is known, once with a representative elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fromlogits_audit import cst
from fromlogits_audit.interp.dicts import may_set, rewrite, set_entry
from fromlogits_audit.interp.items import a_set, each, options_of, spread, thinned, walked
from fromlogits_audit.interp.state import MAX_LOOP, Frame
from fromlogits_audit.interp.truth import truth
from fromlogits_audit.interp.values import NONE, DictV, Entries, ListV, TupleV, Unknown, Value
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Evaluate = Callable[["Run", Frame, cst.CSTNode], Value]


class _Rows:
    """What the comprehension yields, and whether there may be more."""

    def __init__(self) -> None:
        self.items: list[tuple[Value, Value | None]] = []
        self.sure: list[bool] = []
        """Whether each row is there for certain."""
        self.open = False


def comprehension(run: Run, frame: Frame, node: Any, evaluate: Evaluate) -> Value:
    scope = Frame(frame.module, frame.chunk, frame)
    options = options_of(run, evaluate(run, scope, node.for_in.iter))
    if len(options) == 1:
        return _made(run, scope, node, options[0][1], evaluate)
    return run.state.fork(options, lambda source: _made(run, scope, node, source, evaluate))


def _made(run: Run, scope: Frame, node: Any, source: TupleV | Unknown, evaluate: Evaluate) -> Value:
    rows = _Rows()
    _clause(run, scope, node.for_in, source, node, rows, evaluate, sure=True)
    if isinstance(node, cst.DictComp):
        result = DictV()
        for (key, value), certain in zip(rows.items, rows.sure, strict=True):
            (set_entry if certain else may_set)(run, result, key, value or NONE)
        if rows.open:
            rewrite(run, result, lambda c: Entries(c.items, True) if isinstance(c, Entries) else c)
        return result
    kept = thinned(run, [(item, sure) for (item, _), sure in zip(rows.items, rows.sure, strict=True)])
    made = a_set if isinstance(node, cst.SetComp) else ListV
    return made(kept.items, rows.open or kept.open)


def _clause(
    run: Run,
    scope: Frame,
    clause: cst.CompFor,
    source: TupleV | Unknown,
    node: Any,
    rows: _Rows,
    evaluate: Evaluate,
    *,
    sure: bool,
) -> None:
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
        if None in tests and not isinstance(node, cst.DictComp):
            rows.open = True
        kept = sure and None not in tests
        inner = clause.inner_for_in
        if inner is not None:
            items_of = spread(run, evaluate(run, scope, inner.iter))
            _clause(run, scope, inner, items_of, node, rows, evaluate, sure=kept)
            continue
        rows.sure.append(kept)
        if isinstance(node, cst.DictComp):
            rows.items.append((evaluate(run, scope, node.key), evaluate(run, scope, node.value)))
        else:
            value = evaluate(run, scope, node.elt)
            rows.items.append((run.keras.some_of(value) if None in tests else value, None))
