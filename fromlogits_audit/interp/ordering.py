"""Sorting, counting and shuffling, by what Python compares where that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fromlogits_audit.interp.equality import equal
from fromlogits_audit.interp.items import MAX_PLACES, content_of, one_of, spread
from fromlogits_audit.interp.raising import doubt_builtin
from fromlogits_audit.interp.values import (
    FALSE,
    NONE,
    Args,
    Const,
    ListV,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

MAX_SORTED = 256


def sort(run: Run, target: ListV, args: Args) -> None:
    """Put a list that is new in its order."""
    content = target.slots["items"]
    if isinstance(content, TupleV):
        target.slots["items"] = ordered(run, content, args)


def ordered(run: Run, content: TupleV, args: Args) -> TupleV:
    """The items in their order; where it is not known, each of a few items may be any of them."""
    reverse, key = args.keywords.get("reverse", FALSE), args.keywords.get("key", NONE)
    if not isinstance(reverse, Const) or len(content.items) > MAX_SORTED:
        return unordered(run, content)
    try:
        rows = zip(_ranks(run, content.items, key), content.items, strict=True)
        result = sorted(rows, key=lambda row: row[0], reverse=bool(reverse.value))
    except (TypeError, ValueError):
        return unordered(run, content)
    return TupleV(tuple(item for _, item in result), content.open)


def extreme(run: Run, args: Args, *, greatest: bool) -> Value | None:
    """``max(items, key=...)``: the first of the items that come last; None where their order is not known."""
    rows = spread(run, args.positional[0]) if len(args.positional) == 1 else TupleV(args.positional)
    if args.star is not None or args.double is not None or set(args.keywords) - {"key", "default"}:
        return None
    if not isinstance(rows, TupleV) or rows.open:
        return None
    if not rows.items:
        return args.keywords.get("default")
    key = args.keywords.get("key", NONE)
    try:
        ranks = _ranks(run, rows.items[:MAX_SORTED], key)
        best = (max if greatest else min)(ranks)
    except (TypeError, ValueError):
        return None
    return rows.items[ranks.index(best)] if len(ranks) == len(rows.items) else None


def _ranks(run: Run, items: Sequence[Value], key: Value) -> list[Any]:
    """What Python sorts items by. It compares no more of tuples than their first items where those differ."""
    ranks = [item if key is NONE else run.call(key, Args((item,)), None) for item in items]
    firsts = [rank.items[0] for rank in ranks if isinstance(rank, TupleV) and rank.items]
    if len(firsts) == len(ranks):
        leading = [_comparable(first) for first in firsts]
        if len(set(leading)) == len(leading):
            return leading
    return [_comparable(rank) for rank in ranks]


def unordered(run: Run, content: TupleV) -> TupleV:
    """A few items in an order that is not known. Of more, those that stand are kept as examples."""
    items = content.items
    if not 2 <= len(items) <= MAX_PLACES or all(isinstance(item, Unknown) for item in items):
        return content
    order = (run.state.fresh(Why.RUNTIME, "the order of a list") for _ in items)
    return TupleV(tuple(one_of(items, index) for index in order), content.open)


def shuffled(run: Run, args: Args, place: Place | None) -> Value | None:
    """``random.shuffle(items)``, for lists; arrays keep what is known of their rows."""
    target = args.positional[0] if args.positional else None
    content = target.slots["items"] if isinstance(target, ListV) else None
    if not isinstance(content, TupleV):
        return None
    run.state.write(target, "items", unordered(run, content))
    return NONE


def _comparable(value: Value, depth: int = 0) -> Any:
    """What Python compares of a value: a constant, or a short sequence of them; else ValueError."""
    if isinstance(value, Const):
        return value.value
    if isinstance(value, TupleV) and not value.open and len(value.items) <= 8 and depth < 2:
        return tuple(_comparable(item, depth + 1) for item in value.items)
    raise ValueError


def counted(run: Run, receiver: ListV | TupleV, name: str, args: Args) -> Value:
    """``items.index(item)``, ``items.count(item)``."""
    content = content_of(run, receiver)
    if isinstance(content, TupleV) and not content.open and len(args.positional) == 1:
        same = [equal(item, args.positional[0]) for item in content.items]
        if None not in same and name == "count":
            return Const(same.count(True))
        if True in same and None not in same[: same.index(True)]:
            return Const(same.index(True))
    if name == "index":
        doubt_builtin(run, "ValueError")
    return run.state.fresh(Why.RUNTIME, f"list.{name}()")
