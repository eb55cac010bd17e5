"""``itertools`` and ``filter``: sequences made of others, item by item where all of them are known."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from fromlogits_audit.interp.items import Terms, content_of, each, kept, sequence, spread
from fromlogits_audit.interp.iterables import MAX_RANGE, Function
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.truth import conditions, truth
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    Const,
    DictV,
    Entries,
    IterV,
    ListV,
    Place,
    TupleV,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def _product(run: Run, args: Args, place: Place | None) -> Value:
    repeat = args.keywords.get("repeat", Const(1))
    rows = [_items(run, value) for value in args.positional]
    times = repeat.value if isinstance(repeat, Const) and isinstance(repeat.value, int) else 0
    if not 1 <= times <= 4 or not rows:
        return run.state.fresh(Why.RUNTIME, "itertools.product()")
    many = itertools.islice(itertools.product(*(row.items for row in rows), repeat=times), MAX_RANGE + 1)
    made = tuple(TupleV(items) for items in many)
    return TupleV(made[:MAX_RANGE], any(row.open for row in rows) or len(made) > MAX_RANGE)


def _grid(run: Run, args: Args, place: Place | None) -> Value | None:
    """``sklearn.model_selection.ParameterGrid``: the last of the sorted names changes fastest."""
    grid = content_of(run, args.positional[0]) if args.positional else None
    if not isinstance(grid, Entries) or grid.open or not grid.items:
        return None
    keys = sorted(grid.items, key=str)
    rows = _product(run, Args(tuple(grid.items[key][1] for key in keys)), place)
    if not isinstance(rows, TupleV):
        return None
    values = [row.items for row in rows.items if isinstance(row, TupleV)]
    dicts = [DictV({k: (grid.items[k][0], v) for k, v in zip(keys, row, strict=True)}) for row in values]
    return TupleV(tuple(dicts), rows.open)


def _items(run: Run, value: Value) -> TupleV:
    """The items of a sequence; of one that is not known, what stands for each."""
    items = spread(run, value)
    if isinstance(items, TupleV):
        return items
    return TupleV((each(items),), True)


def _pairwise(run: Run, args: Args, place: Place | None) -> Value | None:
    if not args.positional:
        return None
    row = _items(run, args.positional[0])
    return TupleV(tuple(TupleV(pair) for pair in itertools.pairwise(row.items)), row.open)


def _flattened(run: Run, args: Args, place: Place | None) -> Value | None:
    """``itertools.chain.from_iterable(rows)``."""
    if not args.positional:
        return None
    outer = _items(run, args.positional[0])
    rows = [_items(run, value) for value in outer.items[:MAX_RANGE]]
    is_open = outer.open or len(rows) < len(outer.items) or any(row.open for row in rows)
    return TupleV(tuple(item for row in rows for item in row.items), is_open)


def _star_map(run: Run, args: Args, place: Place | None) -> Value | None:
    if len(args.positional) < 2:
        return None
    rows = _items(run, args.positional[1])
    given = [_items(run, row) for row in rows.items[:MAX_RANGE]]
    results = tuple(run.call(args.positional[0], Args(row.items), place) for row in given)
    return TupleV(results, rows.open or len(given) < len(rows.items))


def _sliced(run: Run, args: Args, place: Place | None) -> Value | None:
    """``itertools.islice(items, stop)`` or ``(items, start, stop, step)``."""
    bounds = [v.value for v in args.positional[1:] if isinstance(v, Const)]
    if not bounds or len(bounds) != len(args.positional) - 1:
        return None
    row = _items(run, args.positional[0])
    try:
        return TupleV(tuple(itertools.islice(row.items, *bounds)), row.open)
    except (TypeError, ValueError):
        return None


def _repeated(run: Run, args: Args, place: Place | None) -> Value | None:
    value, times = args.get(0, "object"), args.get(1, "times")
    if value is None:
        return None
    count = times.value if isinstance(times, Const) and isinstance(times.value, int) else None
    return TupleV((value,) * max(0, min(count, MAX_RANGE))) if count is not None else TupleV((value,), True)


def _cycle(run: Run, args: Args, place: Place | None) -> Value | None:
    """Without end: as often as any loop is followed."""
    row = _items(run, args.positional[0]) if args.positional else TupleV(())
    if row.open or not row.items:
        return None
    return ListV(row.items * (MAX_RANGE // len(row.items) + 1), True)


def _zip_longest(run: Run, args: Args, place: Place | None) -> Value | None:
    rows = [_items(run, value) for value in args.positional]
    if any(row.open for row in rows):
        return None
    fill = args.keywords.get("fillvalue", NONE)
    filled = itertools.zip_longest(*(row.items for row in rows), fillvalue=fill)
    return TupleV(tuple(TupleV(items) for items in filled))


def _filter(run: Run, args: Args, place: Place | None) -> Value | None:
    """What is known to be kept; what may be kept leaves the number of items open."""
    if len(args.positional) < 2:
        return None
    test, row = args.positional[0], _items(run, args.positional[1])
    if len(row.items) > MAX_RANGE:
        return TupleV(row.items, True)
    rows: list[tuple[Value, Terms | None]] = []
    for item in row.items:
        answer = item if test is NONE else run.call(test, Args((item,)), place)
        known = truth(run.state, answer)
        if known is not False:
            rows.append((item, conditions(run.state, answer) if known is None else None))
    return kept(run, rows, row.open)


def added_up(run: Run, args: Args, place: Place) -> Value | None:
    """``sum()`` of tensors or of sequences; None where it is neither."""
    return _sum_of_tensors(run, args.positional[0], place) or _sum_of_sequences(run, args)


def _sum_of_tensors(run: Run, values: Value, place: Place) -> Value | None:
    """``sum(model(x) for model in models)``; None where it is no sum of tensors."""
    items = spread(run, values) if isinstance(values, (ListV, TupleV, IterV)) else None
    if not isinstance(items, TupleV) or items.open or not items.items:
        return None
    total: Value = items.items[0]
    if not isinstance(total, TensorV):
        return None
    for item in items.items[1:]:
        total = run.keras.arithmetic(run, "+", total, item, place)
    return total


def _sum_of_sequences(run: Run, args: Args) -> Value | None:
    """``sum(blocks, [])``; None where it is no sum of lists or of tuples."""
    start, rows = args.get(1, "start"), spread(run, args.positional[0])
    if not isinstance(start, (ListV, TupleV)) or not isinstance(rows, TupleV) or rows.open:
        return None
    parts = [spread(run, part) for part in (start, *rows.items)]
    known = [part for part in parts if isinstance(part, TupleV)]
    if len(known) < len(parts):
        return None
    items, is_open = [item for part in known for item in part.items], any(part.open for part in known)
    made = sequence(tuple(items), is_open)
    return made if isinstance(start, TupleV) else ListV(made.items, made.open)


COMBINING: dict[str, Function] = {
    "builtins.filter": _filter,
    "itertools.product": _product,
    "sklearn.model_selection.ParameterGrid": _grid,
    "itertools.pairwise": _pairwise,
    "itertools.chain.from_iterable": _flattened,
    "itertools.starmap": _star_map,
    "itertools.islice": _sliced,
    "itertools.repeat": _repeated,
    "itertools.cycle": _cycle,
    "itertools.zip_longest": _zip_longest,
}
