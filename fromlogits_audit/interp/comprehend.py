"""Comprehensions: run for real over what is known, once with a representative elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fromlogits_audit import cst
from fromlogits_audit.interp.dicts import may_set, rewrite, set_entry
from fromlogits_audit.interp.items import Terms, a_set, each, kept, options_of, spread, walked
from fromlogits_audit.interp.state import MAX_LOOP, Frame
from fromlogits_audit.interp.truth import asked, conditions, truth
from fromlogits_audit.interp.values import NONE, DictV, Entries, ListV, TupleV, Unknown, Value
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Evaluate = Callable[["Run", Frame, cst.CSTNode], Value]


class _Rows:
    """What the comprehension yields, and whether there may be more."""

    def __init__(self) -> None:
        self.items: list[tuple[Value, Value | None]] = []
        self.terms: list[Terms | None] = []
        """On which terms each row is there, None where it is for certain."""
        self.open = False


def comprehension(run: Run, frame: Frame, node: Any, evaluate: Evaluate) -> Value:
    scope = Frame(frame.module, frame.chunk, frame)
    options = options_of(run, evaluate(run, scope, node.for_in.iter))
    if len(options) == 1:
        return _made(run, scope, node, options[0][1], evaluate)
    return run.state.fork(options, lambda source: _made(run, scope, node, source, evaluate))


def _made(run: Run, scope: Frame, node: Any, source: TupleV | Unknown, evaluate: Evaluate) -> Value:
    rows = _Rows()
    _clause(run, scope, node.for_in, source, node, rows, evaluate, None)
    if isinstance(node, cst.DictComp):
        result = DictV()
        for (key, value), terms in zip(rows.items, rows.terms, strict=True):
            (set_entry if terms is None else may_set)(run, result, key, value or NONE)
        if rows.open:
            rewrite(run, result, lambda c: Entries(c.items, True) if isinstance(c, Entries) else c)
        return result
    some = [(item, terms) for (item, _), terms in zip(rows.items, rows.terms, strict=True)]
    made = ListV()
    made.slots["items"] = kept(run, some, rows.open)
    if isinstance(node, cst.SetComp):
        rewrite(run, made, lambda c: a_set(c.items, c.open).slots["items"] if isinstance(c, TupleV) else c)
    return made


def _clause(
    run: Run,
    scope: Frame,
    clause: cst.CompFor,
    source: TupleV | Unknown,
    node: Any,
    rows: _Rows,
    evaluate: Evaluate,
    around: Terms | None,
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
        tests = [asked(run, evaluate(run, scope, test.test)) for test in clause.ifs]
        answers = [truth(run.state, test) for test in tests]
        if False in answers:
            continue
        unknown = [test for test, known in zip(tests, answers, strict=True) if known is None]
        terms = _terms(run, around, unknown)
        inner = clause.inner_for_in
        if inner is not None:
            items_of = spread(run, evaluate(run, scope, inner.iter))
            _clause(run, scope, inner, items_of, node, rows, evaluate, terms)
            continue
        rows.terms.append(terms)
        if isinstance(node, cst.DictComp):
            rows.items.append((evaluate(run, scope, node.key), evaluate(run, scope, node.value)))
        else:
            value = evaluate(run, scope, node.elt)
            rows.items.append((run.keras.some_of(value) if None in answers else value, None))


def _terms(run: Run, around: Terms | None, unknown: list[Value]) -> Terms | None:
    """The terms for what stands behind tests that are not known, in a clause that runs on terms itself."""
    if around is None and len(unknown) == 1:
        return conditions(run.state, unknown[0])
    if not unknown:
        return around
    one = ("kept", run.state.fresh(Why.RUNTIME).key)
    return frozenset({(one, True)}), frozenset({(one, False)})
