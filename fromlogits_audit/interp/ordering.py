"""Sorting: by what Python compares, where that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fromlogits_audit.interp.values import FALSE, NONE, Args, Const, ListV, TupleV, Value

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

MAX_SORTED = 256


def sort(run: Run, target: ListV, args: Args) -> None:
    """Put a list that is new in its order, where that is known; elsewhere the items stay as they stand."""
    content = target.slots["items"]
    if isinstance(content, TupleV):
        target.slots["items"] = ordered(run, content, args)


def ordered(run: Run, content: TupleV, args: Args) -> TupleV:
    reverse, key = args.keywords.get("reverse", FALSE), args.keywords.get("key", NONE)
    if not isinstance(reverse, Const) or len(content.items) > MAX_SORTED:
        return content
    try:
        rows = [
            (_comparable(item if key is NONE else run.call(key, Args((item,)), None)), item)
            for item in content.items
        ]
        result = sorted(rows, key=lambda row: row[0], reverse=bool(reverse.value))
    except (TypeError, ValueError):
        return content
    return TupleV(tuple(item for _, item in result), content.open)


def _comparable(value: Value, depth: int = 0) -> Any:
    """What Python compares of a value: a constant, or a short sequence of them; else ValueError."""
    if isinstance(value, Const):
        return value.value
    if isinstance(value, TupleV) and not value.open and len(value.items) <= 8 and depth < 2:
        return tuple(_comparable(item, depth + 1) for item in value.items)
    raise ValueError
