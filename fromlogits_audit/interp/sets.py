"""Operations on sets, which are lists here: their operators, and the methods that do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.equality import dict_key
from fromlogits_audit.interp.items import SET, a_set, spread
from fromlogits_audit.interp.values import Args, Const, ListV, TupleV, Value

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_OPERATORS = ("|", "&", "-", "^")
_COMBINING = {"union": "|", "intersection": "&", "difference": "-", "symmetric_difference": "^"}
METHODS = (*_COMBINING, "issubset", "issuperset", "isdisjoint")


def call_method(run: Run, receiver: ListV, name: str, args: Args) -> Value | None:
    """``one.union(other, ...)``, ``one.issubset(other)``; None where it is not known."""
    if name in _COMBINING:
        made: Value | None = receiver
        for other in args.positional:
            made = combined(run, _COMBINING[name], made, other) if made is not None else None
        return made if made is not receiver else combined(run, "|", receiver, ListV())
    first, second = (
        (receiver, *args.positional[:1]) if name != "issuperset" else (*args.positional[:1], receiver)
    )
    left = combined(run, "&" if name == "isdisjoint" else "-", first, second)
    content = left.slots["items"] if left is not None else None
    return Const(not content.items) if isinstance(content, TupleV) and not content.open else None


def combined(run: Run, symbol: str, a: Value, b: Value) -> ListV | None:
    """What an operator makes of two sets; None where that is not known."""
    first, second = spread(run, a), spread(run, b)
    if not isinstance(first, TupleV) or not isinstance(second, TupleV):
        return None
    is_open = first.open or second.open
    mine, others = ({dict_key(item): item for item in row.items} for row in (first, second))
    if None in mine or None in others or (is_open and symbol != "|"):
        return None
    kept = [item for key, item in mine.items() if symbol == "|" or (key in others) == (symbol == "&")]
    new = [item for key, item in others.items() if key not in mine and symbol in "|^"]
    return a_set((*kept, *new), is_open)


def is_operation(symbol: str, a: Value, b: Value) -> bool:
    """Whether an operator is one of sets. What is an array of numbers otherwise is a list as well."""
    return symbol in _OPERATORS and any(isinstance(one, ListV) and SET in one.slots for one in (a, b))
