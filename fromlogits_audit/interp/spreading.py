"""``*items`` and ``**options`` in calls and displays: what is known is spread.

Where it is a condition which items or names there are, each case is a row of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp.choice import alternatives, choose, compatible
from fromlogits_audit.interp.functions import REST
from fromlogits_audit.interp.items import MAX_PLACES, options_of, sequence, spread
from fromlogits_audit.interp.state import Frame
from fromlogits_audit.interp.values import (
    ALWAYS,
    Args,
    DictV,
    Entries,
    Guard,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Evaluate = Callable[["Run", Frame, cst.CSTNode], Value]


def elements(
    run: Run, frame: Frame, nodes: Sequence[cst.BaseElement], evaluate: Evaluate
) -> list[tuple[Guard, TupleV]]:
    """The items of a display; a starred unknown makes the sequence open."""
    if not any(isinstance(element, cst.StarredElement) for element in nodes):
        return [(ALWAYS, TupleV(tuple(evaluate(run, frame, element.value) for element in nodes)))]
    rows = [(ALWAYS, TupleV(()))]
    for element in nodes:
        value = evaluate(run, frame, element.value)
        starred = isinstance(element, cst.StarredElement)
        options = _items(run, value, len(rows)) if starred else [(ALWAYS, TupleV((value,)))]
        rows = [
            (guard | more, _joined(row, part))
            for guard, row in rows
            for more, part in options
            if compatible(guard, more)
        ]
    return [(guard, sequence(row.items, row.open)) for guard, row in rows]


def _joined(row: TupleV, part: TupleV | Unknown) -> TupleV:
    if isinstance(part, Unknown):
        return TupleV((*row.items, part), True)
    return TupleV(row.items + part.items, row.open or part.open)


def _items(run: Run, value: Value, rows: int) -> list[tuple[Guard, TupleV | Unknown]]:
    options = options_of(run, value)
    return options if rows * len(options) <= MAX_PLACES else [(ALWAYS, spread(run, value))]


def arguments(
    run: Run, frame: Frame, args: Sequence[cst.Arg], evaluate: Evaluate
) -> list[tuple[Guard, Args]]:
    """Evaluate the arguments of a call."""
    if not any(arg.star for arg in args):
        return [(ALWAYS, _plainly(run, frame, args, evaluate))]
    rows = [(ALWAYS, Args())]
    for arg in args:
        value = evaluate(run, frame, arg.value)
        options: list[tuple[Guard, Callable[[Args], Args]]]
        if arg.star == "*":
            options = [(more, partial(_with_items, part)) for more, part in _items(run, value, len(rows))]
        elif arg.star == "**":
            parts = _options(run, value, len(rows))
            options = [(more, partial(_with_options, run, value, part)) for more, part in parts]
        else:
            options = [(ALWAYS, partial(_with_one, arg, value))]
        rows = [
            (guard | more, put(row))
            for guard, row in rows
            for more, put in options
            if compatible(guard, more)
        ]
    return rows


def _plainly(run: Run, frame: Frame, args: Sequence[cst.Arg], evaluate: Evaluate) -> Args:
    positional: list[Value] = []
    keywords: dict[str, Value] = {}
    for arg in args:
        value = evaluate(run, frame, arg.value)
        if arg.keyword is not None:
            keywords[arg.keyword.value] = value
        else:
            positional.append(value)
    return Args(tuple(positional), keywords)


def _with_one(arg: cst.Arg, value: Value, row: Args) -> Args:
    if arg.keyword is not None:
        return replace(row, keywords={**row.keywords, arg.keyword.value: value})
    return replace(row, positional=(*row.positional, value))


def _with_items(part: TupleV | Unknown, row: Args) -> Args:
    if isinstance(part, Unknown):
        return replace(row, star=part)
    return replace(row, positional=row.positional + part.items)


def _options(run: Run, value: Value, rows: int) -> list[tuple[Guard, Value]]:
    """What ``**value`` gives: one content, or several that have other names."""
    dicts = alternatives(value, run.state.guard)
    content = choose([(guard, one.slots["items"] if isinstance(one, DictV) else one) for guard, one in dicts])
    options = alternatives(content, run.state.guard)
    named = {frozenset(option.items) if isinstance(option, Entries) else None for _, option in options}
    if len(named) > 1 and rows * len(options) <= MAX_PLACES:
        return options
    return [(ALWAYS, content)]


def _with_options(run: Run, value: Value, content: Value, row: Args) -> Args:
    merged: dict[Hashable, list[tuple[Guard, Value]]] = {}
    unknown = row.double
    for guard, entries in alternatives(content, run.state.guard):
        if not isinstance(entries, Entries):
            unknown = entries if isinstance(entries, Unknown) else run.state.fresh(Why.UNSUPPORTED, "**")
            continue
        if entries.open:
            rest = value.slots.get(REST) if isinstance(value, DictV) else None
            unseen = run.state.fresh(Why.RUNTIME, "** of a dict with unknown keys")
            unknown = rest if isinstance(rest, Unknown) else unseen
        for key, (_, item) in entries.items.items():
            merged.setdefault(key, []).append((guard, item))
    given = {key: choose(pairs) for key, pairs in merged.items() if isinstance(key, str)}
    return replace(row, keywords={**row.keywords, **given}, double=unknown)
