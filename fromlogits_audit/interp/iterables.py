"""Builtins that make or walk sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fromlogits_audit.interp import ordering
from fromlogits_audit.interp.items import a_set, each, spread
from fromlogits_audit.interp.truth import truth
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    Const,
    DictV,
    IterV,
    ListV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

Function = Callable[["Run", Args, "Place | None"], "Value | None"]


MAX_RANGE = 64


def _range(run: Run, args: Args, place: Place | None) -> Value:
    numbers = [v.value for v in args.positional if isinstance(v, Const) and isinstance(v.value, int)]
    if len(numbers) == len(args.positional) and 1 <= len(numbers) <= 3:
        try:
            values = range(*numbers)
        except ValueError:
            return TupleV(())
        if not values[MAX_RANGE:]:  # ``len`` of a range can be too large to be a length
            return TupleV(tuple(Const(n) for n in values))
    return TupleV((run.state.fresh(Why.RUNTIME, "a loop counter"),), True)


def _walked(run: Run, args: Args) -> TupleV | Unknown:
    """The items of the first argument: of none there are none, and of ``*unknown`` nobody can say."""
    given = args.get(0, "iterable")
    if given is not None:
        return spread(run, given)
    return TupleV(()) if args.star is None else run.state.fresh(Why.RUNTIME, "an argument that is not known")


def _sequence(run: Run, args: Args, place: Place | None) -> Value:
    items = _walked(run, args)
    return ListV(items.items, items.open) if isinstance(items, TupleV) else items


def _deque(run: Run, args: Args, place: Place | None) -> Value:
    """A list; of one with ``maxlen``, which items are left is not known."""
    made = _sequence(run, args, place)
    if args.get(1, "maxlen") is None:
        return made
    return ListV((run.state.fresh(Why.RUNTIME, "an item of a deque"),), True)


def _set(run: Run, args: Args, place: Place | None) -> Value:
    """A set: how many items it has is known where all of them are."""
    items = _walked(run, args)
    return a_set(items.items, items.open) if isinstance(items, TupleV) else items


def _sorted(run: Run, args: Args, place: Place | None) -> Value:
    made = _sequence(run, args, place)
    if isinstance(made, ListV):
        ordering.sort(run, made, args)
    return made


def _tuple(run: Run, args: Args, place: Place | None) -> Value:
    return _walked(run, args)


def _reversed(run: Run, args: Args, place: Place | None) -> Value:
    items = _walked(run, args)
    return TupleV(items.items[::-1], items.open) if isinstance(items, TupleV) else items


def _zip(run: Run, args: Args, place: Place | None) -> Value:
    rows = [spread(run, value) for value in args.positional]
    for row in rows:
        if isinstance(row, Unknown):
            items = tuple(
                r.items[0] if isinstance(r, TupleV) and r.items else run.state.fresh(Why.RUNTIME, "an item")
                for r in rows
            )
            return TupleV((TupleV(items),), True)
    known = [row for row in rows if isinstance(row, TupleV)]
    closed = [row for row in known if not row.open]
    length = min((len(row.items) for row in closed), default=1)
    padded = [row.items + row.items[-1:] * (length - len(row.items)) for row in known]
    return TupleV(tuple(TupleV(tuple(r)) for r in zip(*padded, strict=False)), not closed)


def _enumerate(run: Run, args: Args, place: Place | None) -> Value:
    items = _walked(run, args)
    if isinstance(items, Unknown):
        return TupleV((TupleV((run.state.fresh(Why.RUNTIME, "a counter"), each(items))),), True)
    first = args.get(1, "start") or Const(0)
    if items.open:  # an item may stand for many, or have others before it
        first = run.state.fresh(Why.RUNTIME, "a counter")
    numbers = [_counted(run, first, count) for count in range(len(items.items))]
    return TupleV(tuple(map(TupleV, zip(numbers, items.items, strict=True))), items.open)


def _counted(run: Run, first: Value, count: int) -> Value:
    """A number that ``enumerate`` gives, known where the first one is."""
    if isinstance(first, Const) and isinstance(first.value, int):
        return Const(first.value + count)
    return run.state.fresh(Why.RUNTIME, "a counter")


def _map(run: Run, args: Args, place: Place | None) -> Value:
    if len(args.positional) < 2:
        return run.state.fresh(Why.UNSUPPORTED, "map()")
    items = spread(run, args.positional[1])
    if isinstance(items, Unknown):
        return IterOf(run, run.call(args.positional[0], Args((each(items),)), place))
    results = tuple(run.call(args.positional[0], Args((v,)), place) for v in items.items[:MAX_RANGE])
    return TupleV(results, items.open or len(items.items) > MAX_RANGE)


def IterOf(run: Run, element: Value) -> Value:
    return TupleV((element,), True)


def _first(run: Run, args: Args, place: Place | None) -> Value:
    """``next(items)``: what an iterator gives is gone from it."""
    if not args.positional:
        return NONE
    source = args.positional[0]
    items = spread(run, source)
    if not isinstance(items, TupleV):
        return each(items)
    if not items.items:
        return args.get(1, "default") or run.state.fresh(Why.RUNTIME, "next()")
    if isinstance(source, ListV) and (len(items.items) > 1 or not items.open):
        run.state.write(source, "items", TupleV(items.items[1:], items.open))
    if isinstance(source, (IterV, TupleV)):
        return _after_those_taken(run, source, items)
    return items.items[0]


def _after_those_taken(run: Run, source: Value, items: TupleV) -> Value:
    """The next item of a generator, or of what ``zip`` or ``map`` gave."""
    before = run.taken.slots.get(id(source))
    count = len(before.items) - 1 if isinstance(before, TupleV) else 0
    run.state.write(run.taken, id(source), TupleV((source, *items.items[: count + 1])))
    if count < len(items.items):
        return items.items[count]
    return items.items[-1] if items.open else run.state.fresh(Why.RUNTIME, "next()")


def _iterator(run: Run, args: Args, place: Place | None) -> Value:
    """``iter(items)``: for a known sequence a copy, which is used up."""
    source = args.positional[0] if args.positional else ListV()
    items = spread(run, source) if isinstance(source, (ListV, TupleV, DictV)) else source
    return (
        ListV(items.items, items.open) if isinstance(items, TupleV) and len(args.positional) == 1 else source
    )


def _same(run: Run, args: Args, place: Place | None) -> Value:
    return args.positional[0] if args.positional else ListV()


def _any_all(want: bool) -> Function:
    def function(run: Run, args: Args, place: Place | None) -> Value:
        items = _walked(run, args)
        if not isinstance(items, TupleV):
            return Unknown(items.reason, ("any", items.key))
        answers = [truth(run.state, v) for v in items.items]
        if want in answers and not items.open:
            return Const(want)
        if None in answers or items.open:
            return run.state.fresh(Why.RUNTIME, "any()/all()")
        return Const(not want)

    return function


def _reduce(run: Run, args: Args, place: Place | None) -> Value:
    items = spread(run, args.positional[1]) if len(args.positional) > 1 else None
    if not isinstance(items, TupleV) or items.open or len(items.items) > MAX_RANGE:
        return run.state.fresh(Why.RUNTIME, "reduce()")
    values = list(items.items)
    result = args.get(2, "initial") or (values.pop(0) if values else NONE)
    for value in values:
        result = run.call(args.positional[0], Args((result, value)), place)
    return result


def _chain(run: Run, args: Args, place: Place | None) -> Value:
    items: tuple[Value, ...] = ()
    is_open = False
    for value in args.positional:
        part = spread(run, value)
        if isinstance(part, Unknown):
            is_open = True
            continue
        items += part.items
        is_open = is_open or part.open
    return TupleV(items, is_open)


ITERABLES: dict[str, Function] = {
    "builtins.range": _range,
    "builtins.list": _sequence,
    "builtins.set": _set,
    "builtins.sorted": _sorted,
    "builtins.frozenset": _set,
    "collections.deque": _deque,
    "builtins.tuple": _tuple,
    "builtins.reversed": _reversed,
    "builtins.zip": _zip,
    "builtins.enumerate": _enumerate,
    "builtins.map": _map,
    "builtins.next": _first,
    "builtins.iter": _iterator,
    "builtins.any": _any_all(True),
    "builtins.all": _any_all(False),
    "functools.reduce": _reduce,
    "itertools.chain": _chain,
    "tqdm.tqdm": _same,
    "tqdm.notebook.tqdm": _same,
    "tqdm.auto.tqdm": _same,
    "tqdm.trange": _range,
}
