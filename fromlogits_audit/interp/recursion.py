"""Functions that call themselves: how deep they are followed, and what is unknown where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fromlogits_audit.interp.state import MAX_COUNTED, MAX_REPEATS, Frame
from fromlogits_audit.interp.values import Args, Choice, Const, Entries, FuncCore, ListV, Obj, TupleV, Value
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_MAX_REACHED = 200
"""Objects that are looked at for those that a call can change."""


def is_too_deep(run: Run, core: FuncCore, args: Args, depth: int) -> bool:
    """Whether a function that is active so many times calls itself more often than is followed:
    ``tower(x, depth - 1)`` and ``tower(x, widths[1:])`` may go further."""
    if depth == 0:
        core.path = run.state.path
    if depth < MAX_REPEATS:
        return False
    certain = (
        any(map(_counts, args.all()))
        and core.path is run.state.path
        and run.state.steps < run.state.limit // 4
    )
    return depth >= MAX_COUNTED or not certain


def _counts(value: Value) -> bool:
    """Whether an argument may say how deep it goes: a number, or what is left of a known sequence."""
    if isinstance(value, Const):
        return type(value.value) is int
    content = value.slots["items"] if isinstance(value, ListV) else value
    return isinstance(content, TupleV) and not content.open


def give_up(run: Run, core: FuncCore, args: Args, receiver: Value | None) -> Value:
    """The value of a call that is not followed: unknown, as is what the calls around it changed of the
    objects that it is given, and of the variables of modules. It would change them further."""
    unknown = run.state.fresh(Why.LIMIT, f"{core.name} is nested too deeply")
    logs = run.state.logs(core.log)
    given = (*args.all(), receiver) if receiver is not None else args.all()
    holders: list[Obj | Frame] = [*_reached(given), *_modules(run)]
    for holder in holders:
        for key in list(holder.slots):
            if any((id(holder), key) in log for log in logs):
                run.state.write(holder, key, unknown)
    return unknown


def _modules(run: Run) -> list[Frame]:
    """The modules of whose variables an active function says that it changes them."""
    from fromlogits_audit.interp.functions import text_of

    says = [core for core in dict.fromkeys(run.state.stack) if "global" in text_of(core)]
    return list(dict.fromkeys(core.closure.root for core in says))


def _reached(values: tuple[Value, ...]) -> Iterator[Obj]:
    """The objects that values hold, the nearest first."""
    pending, seen = list(values), set[int]()
    for value in pending:
        if len(seen) >= _MAX_REACHED:
            return
        if isinstance(value, Obj) and id(value) not in seen:
            seen.add(id(value))
            yield value
        elif isinstance(value, Obj):
            continue
        pending.extend(held(value))


def held(value: Value) -> Iterator[Value]:
    """The values that one holds."""
    if isinstance(value, Obj):
        yield from value.slots.values()
    elif isinstance(value, TupleV):
        yield from value.items
    elif isinstance(value, Choice):
        yield from (option for _, option in value.alternatives)
    elif isinstance(value, Entries):
        yield from (held for _, held in value.items.values())
