"""Threads, processes and pools: functions that are handed over to be called, with the arguments they get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.iterables import ITERABLES, Function
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    BoundV,
    Const,
    DictV,
    Entries,
    FuncV,
    Place,
    TupleV,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_KIND = "pool"
_FUTURE = "future"


def _started(run: Run, args: Args, place: Place | None) -> Value | None:
    """``Thread(target=work, args=(1,), kwargs={})``: it will be called so."""
    target = args.get(1, "target")
    if target is None or target is NONE:
        return None
    _called(run, target, args.get(3, "args"), args.get(4, "kwargs"), place)
    return None


def _handed(run: Run, target: Value, args: Args, place: Place | None) -> Value:
    """A call of what was handed over. Where nothing around a function is about losses it is left alone: it
    starts processes or moves data, and there is much of that."""
    function = target.func if isinstance(target, BoundV) else target
    if isinstance(function, FuncV) and not function.core.module.bears:
        return run.state.fresh(Why.RUNTIME, f"what {function.core.name} returns elsewhere")
    return run.call(target, args, place)


def _called(run: Run, target: Value, args: Value | None, named: Value | None, place: Place | None) -> Value:
    given = spread(run, args) if args is not None else TupleV(())
    if not isinstance(given, TupleV):
        return _handed(run, target, Args(star=given), place)
    content = named.slots["items"] if isinstance(named, DictV) else None
    keywords = (
        {key: value for key, (_, value) in content.items.items() if isinstance(key, str)}
        if isinstance(content, Entries)
        else {}
    )
    return _handed(run, target, Args(given.items, keywords), place)


def _pool(run: Run, args: Args, place: Place | None) -> Value:
    return BagV(_KIND)


def call_method(run: Run, bag: BagV, name: str, args: Args, place: Place | None) -> Value | None:
    """A method of a pool or of what it returns at once; None where it is neither, or another method."""
    if bag.kind == _FUTURE and name in ("get", "result"):
        return bag.slots["value"]
    if bag.kind != _KIND:
        return None
    if not args.positional:
        return NONE
    target, rest = args.positional[0], args.positional[1:]
    if name == "submit":
        return BagV(_FUTURE, value=_handed(run, target, Args(rest, args.keywords), place))
    if name in ("apply", "apply_async"):
        result = _called(run, target, args.get(1, "args"), args.get(2, "kwds"), place)
        return result if name == "apply" else BagV(_FUTURE, value=result)
    return _mapped(run, name, args, place)


def _mapped(run: Run, name: str, args: Args, place: Place | None) -> Value | None:
    """``map`` of an executor takes several sequences, that of a pool one and a chunk size."""
    series = Args(tuple(value for value in args.positional if not isinstance(value, Const)))
    if name in ("map", "imap", "imap_unordered"):
        if len(series.positional) <= 2:
            return ITERABLES["builtins.map"](run, series, place)
        rows = ITERABLES["builtins.zip"](run, Args(series.positional[1:]), place)
    elif name in ("starmap", "starmap_async") and len(series.positional) > 1:
        rows = series.positional[1]
    else:
        return None
    each = spread(run, rows or NONE)
    items = each.items if isinstance(each, TupleV) else (run.state.fresh(Why.RUNTIME, "a row"),)
    is_open = not isinstance(each, TupleV) or each.open
    return TupleV(tuple(_called(run, series.positional[0], row, None, place) for row in items), is_open)


def _delayed(run: Run, args: Args, place: Place | None) -> Value | None:
    """``joblib.delayed(work)(1)``: the call as it is."""
    return args.positional[0] if args.positional else None


WORKERS: dict[str, Function] = {
    "threading.Thread": _started,
    "multiprocessing.Process": _started,
    "multiprocessing.Pool": _pool,
    "multiprocessing.pool.Pool": _pool,
    "multiprocessing.pool.ThreadPool": _pool,
    "concurrent.futures.ThreadPoolExecutor": _pool,
    "concurrent.futures.ProcessPoolExecutor": _pool,
    "joblib.delayed": _delayed,
    "dask.delayed": _delayed,
}
