"""What a loop leaves behind that ran another number of times than it will: a count is not known,
a list that grew may be longer.

The body of a loop of unknown length runs once here. What it sets anew is right after that run
(``activation = "relu"``); what it derives from its own last value is not (``n += 1``).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp.choice import alternatives, choose
from fromlogits_audit.interp.values import (
    Choice,
    Const,
    DictV,
    Entries,
    ListV,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.interp.walk import nodes
from fromlogits_audit.ir import Undecided, Why
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.branches import Branch
    from fromlogits_audit.interp.run import Run

_COUNTED = Undecided(Why.RUNTIME, "a value that a loop changes with every turn")
_ITEM = "[]"
"""Stands for the items of a list or dict among the names that a loop sets."""


def adopt(run: Run, branch: Branch, loop: cst.For | cst.While) -> None:
    """Make what one turn of a loop wrote the state, as far as every number of turns leaves it so."""
    for holder, key, value in branch.writes.values():
        old = holder.slots.get(key)
        if old is not None and value is not None and old is not value:
            value = _widened(run, old, value, loop, key, heap=isinstance(holder, (ListV, DictV)))
        run.state.write(holder, key, value)


def _widened(
    run: Run, old: Value, new: Value, loop: cst.For | cst.While, key: Hashable, *, heap: bool
) -> Value:
    if isinstance(new, Choice):
        return choose([(g, _widened(run, old, v, loop, key, heap=heap)) for g, v in new.alternatives])
    if isinstance(new, (TupleV, Entries)) and heap:
        return _grown(run, old, new, loop)
    if isinstance(new, Const) and _differs(old, new) and _builds_on_itself(loop, key):
        return Unknown(_COUNTED, run.state.fresh(Why.RUNTIME).key)
    content = new.slots["items"] if isinstance(new, ListV) else new
    if (
        isinstance(content, TupleV)
        and len(content.items) not in _lengths(old)
        and _builds_on_itself(loop, key)
    ):
        left = _left(run, old, content)
        if not isinstance(new, ListV):
            return left
        run.state.write(new, "items", left)
    return new


def _left(run: Run, old: Value, content: TupleV) -> Value:
    """A sequence that a turn made longer, or shorter: then it is not known where it ends."""
    if len(content.items) < min(_lengths(old), default=0):
        return run.state.fresh(Why.RUNTIME, "what a loop leaves of a sequence")
    return TupleV(content.items, True)


def _lengths(value: Value) -> set[int]:
    """How long the sequences are that a value may be."""
    options = [v.slots["items"] if isinstance(v, ListV) else v for _, v in alternatives(value)]
    return {len(v.items) for v in options if isinstance(v, (TupleV, Entries))}


def _grown(run: Run, old: Value, new: TupleV | Entries, loop: cst.For | cst.While) -> Value:
    """The content of a list or dict after a turn: more turns may add more."""
    is_open = new.open or len(new.items) not in _lengths(old)
    if isinstance(new, TupleV):
        return _left(run, old, new) if is_open else new
    earlier = [v.items for _, v in alternatives(old) if isinstance(v, Entries)]
    items = dict(new.items)
    for key, (name, value) in new.items.items():
        was = next((entries[key][1] for entries in earlier if key in entries), None)
        if was is not None and isinstance(value, Const) and _differs(was, value):
            counted = _builds_on_itself(loop, _ITEM)
            items[key] = (name, Unknown(_COUNTED, run.state.fresh(Why.RUNTIME).key) if counted else value)
    return Entries(items, is_open)


def _differs(old: Value, new: Const) -> bool:
    options = [v for _, v in alternatives(old)]
    return not any(isinstance(v, Const) and v.value == new.value for v in options)


def _builds_on_itself(loop: cst.For | cst.While, key: Hashable) -> bool:
    """Whether a loop's body computes a name from its own last value; what it sets elsewhere may be so."""
    found = _updates(loop)
    return key not in found.reads or key in found.circular


@lru_cache(maxsize=256)
def _mentioned(loop: cst.For | cst.While) -> frozenset[str]:
    return frozenset(_named(loop.body))


def mentions(loop: cst.For | cst.While, name: str) -> bool:
    """Whether a loop's body reads, sets or changes what a name stands for."""
    return name in _mentioned(loop)


@dataclass(frozen=True)
class _Updates:
    """The names that a loop's body sets, with the names each is computed from."""

    reads: dict[str, set[str]]
    circular: set[str]


@lru_cache(maxsize=256)
def _updates(loop: cst.For | cst.While) -> _Updates:
    reads: dict[str, set[str]] = {}
    for node in nodes(loop.body):
        for target, value in _settings(node):
            names = _named(value)
            for name in _targets(target):
                own = {name} if isinstance(node, cst.AugAssign) else ()
                reads.setdefault(name, set()).update(names, own)
    circular = {name for name in reads if name in _reached(reads, name)}
    return _Updates(reads, circular)


def _reached(reads: dict[str, set[str]], name: str) -> set[str]:
    """Every name that a name is computed from, over any number of steps."""
    seen: set[str] = set()
    pending = [name]
    while pending:
        for other in reads.get(pending.pop(), ()):
            if other not in seen:
                seen.add(other)
                pending.append(other)
    return seen


def _settings(node: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    """The targets that a node sets, each with what it is computed from."""
    if isinstance(node, cst.Assign):
        yield from ((target.target, node.value) for target in node.targets)
    elif isinstance(node, (cst.AnnAssign, cst.AugAssign, cst.NamedExpr)) and node.value is not None:
        yield node.target, node.value
    elif isinstance(node, cst.For):
        yield node.target, node.iter


def _targets(target: cst.CSTNode) -> Iterator[str]:
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, cst.Attribute):
        yield target.attr.value
    elif isinstance(target, cst.Subscript):
        yield _ITEM
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            yield from _targets(element.value)


def _named(value: cst.CSTNode) -> set[str]:
    """The names that an expression says."""
    inside = list(nodes(value))
    names = {node.value for node in inside if isinstance(node, cst.Name)}
    return names | {_ITEM for node in inside if isinstance(node, cst.Subscript)}
