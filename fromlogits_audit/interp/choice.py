"""Alternatives under assumptions: how branches are kept apart, and how operations meet them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import TypeGuard

from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.values import (
    ABSENT,
    ALWAYS,
    Choice,
    Const,
    Entries,
    ExternalV,
    FuncV,
    Guard,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

MAX_ALTERNATIVES = 16


class Work:
    """Counts comparisons of alternatives, which a statement may need any number of: they count as steps."""

    done = 0


def compatible(a: Guard, b: Guard) -> bool:
    """Whether two conjunctions of assumptions can hold together."""
    if not a or not b:
        return True
    Work.done += 1
    return _compatible(a, b)


@lru_cache(maxsize=4096)
def _compatible(a: Guard, b: Guard) -> bool:
    known = dict(a)
    equal = {key[:2]: key[2] for key, holds in a if holds and _is_equality(key)}
    ordered = False
    for key, holds in b:
        if known.get(key, holds) != holds:
            return False
        if holds and _is_equality(key) and equal.get(key[:2], key[2]) != key[2]:
            return False
        ordered = ordered or (isinstance(key, tuple) and len(key) == 3 and key[0] in ("<", ">"))
    return not ordered or _satisfiable(a | b)


@lru_cache(maxsize=4096)
def _satisfiable(guard: Guard) -> bool:
    """Whether the comparisons with whole numbers in a conjunction leave a whole number."""
    bounds: dict[Hashable, list[int]] = {}
    for key, holds in guard:
        number = _compared(key)
        if number is None or not isinstance(key, tuple):
            continue
        low, high = bounds.setdefault(key[1], [-(2**62), 2**62])
        if key[0] == "==" and holds:
            low, high = max(low, number), min(high, number)
        elif key[0] == ">":
            low, high = (max(low, number + 1), high) if holds else (low, min(high, number))
        elif key[0] == "<":
            low, high = (low, min(high, number - 1)) if holds else (max(low, number), high)
        bounds[key[1]] = [low, high]
    return all(low <= high for low, high in bounds.values())


def _compared(key: Hashable) -> int | None:
    """The whole number that a condition compares with."""
    if isinstance(key, tuple) and len(key) == 3 and key[0] in ("==", "<", ">"):
        other = key[2]
        if isinstance(other, tuple) and len(other) == 3 and other[:2] == ("constant", "int"):
            return int(other[2])
    return None


def _is_equality(key: object) -> TypeGuard[tuple[str, Hashable, Hashable]]:
    """Whether an assumption says that something equals a known value."""
    return isinstance(key, tuple) and len(key) == 3 and key[0] == "=="


def alternatives(value: Value, path: Guard = ALWAYS) -> list[tuple[Guard, Value]]:
    """The values this may be, with their guards, as far as the path allows them."""
    if not isinstance(value, Choice):
        return [(ALWAYS, value)]
    possible = [(guard, v) for guard, v in value.alternatives if compatible(guard, path)]
    return possible or list(value.alternatives)


def choose(pairs: Iterable[tuple[Guard, Value]]) -> Value:
    """One value of several: flattened, without impossible or repeated alternatives, bounded."""
    rows = list(pairs)
    if len(rows) == 1 and not isinstance(rows[0][1], Choice):
        return rows[0][1]
    flat: list[tuple[Guard, Value]] = []
    for guard, value in rows:
        if isinstance(value, Choice):
            flat.extend((guard | g, v) for g, v in value.alternatives if compatible(guard, g))
        else:
            flat.append((guard, value))
    groups: list[tuple[list[Guard], Value]] = []
    for guard, value in flat:
        Work.done += 1
        for guards, seen in groups:
            if same(seen, value):
                guards.append(guard)
                break
        else:
            groups.append(([guard], value))
    if len(groups) == 1:
        return groups[0][1]
    if len(groups) > MAX_ALTERNATIVES:
        return Unknown(Undecided(Why.LIMIT, "too many alternatives"), ("?limit", id(groups)))
    if not groups:
        return Unknown(Undecided(Why.UNSUPPORTED, "no value"), ("?none", id(groups)))
    return Choice(tuple((_common(guards), value) for guards, value in groups))


def _common(guards: list[Guard]) -> Guard:
    """What all the guards assume: weaker than any of them, never wrong."""
    return frozenset.intersection(*guards) if len(guards) > 1 else guards[0]


def same(a: Value, b: Value) -> bool:
    """Whether two values are certainly the same."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Const) and isinstance(b, Const):
        return type(a.value) is type(b.value) and bool(a.value == b.value) and a.place == b.place
    if isinstance(a, ExternalV) and isinstance(b, ExternalV):
        return a.name == b.name and a.place == b.place
    if isinstance(a, Unknown) and isinstance(b, Unknown):
        return a.key == b.key
    if isinstance(a, TensorV) and isinstance(b, TensorV):
        # How a tensor came about does not tell it apart: what is known of it does.
        return (
            a.scale is b.scale
            and a.activation == b.activation
            and a.shape == b.shape
            and a.reason == b.reason
            and a.labels == b.labels
            and a.name == b.name
            and a.unit_softmax == b.unit_softmax
            and a.final is b.final
            and a.head == b.head
            and a.dtype == b.dtype
        )
    if isinstance(a, FuncV) and isinstance(b, FuncV):
        return a.core is b.core and a.place == b.place
    if isinstance(a, TupleV) and isinstance(b, TupleV):
        return a.open == b.open and len(a.items) == len(b.items) and all(map(same, a.items, b.items))
    if isinstance(a, Entries) and isinstance(b, Entries):
        return (
            a.open == b.open
            and list(a.items) == list(b.items)
            and all(same(a.items[k][1], b.items[k][1]) for k in a.items)
        )
    return False


def split(value: Value) -> tuple[list[tuple[Guard, Value]], list[Guard]]:
    """What an attribute is where it is there, and where it is not."""
    rows = value.alternatives if isinstance(value, Choice) else ((ALWAYS, value),)
    return [row for row in rows if row[1] is not ABSENT], [
        guard for guard, option in rows if option is ABSENT
    ]


def lift(value: Value, path: Guard, function: Callable[[Value], Value]) -> Value:
    """Apply a function to each alternative."""
    if not isinstance(value, Choice):
        return function(value)
    return choose([(guard, function(v)) for guard, v in alternatives(value, path)])


def is_none(value: Value) -> bool:
    return isinstance(value, Const) and value.value is None


def not_none(value: Value, path: Guard = ALWAYS) -> Value:
    """What is left of a value where it is called or computed with, which None can't be."""
    if not isinstance(value, Choice):
        return value
    left = [(guard, v) for guard, v in alternatives(value, path) if not is_none(v)]
    return choose(left) if left else value


def product(values: Sequence[Value], path: Guard = ALWAYS) -> list[tuple[Guard, tuple[Value, ...]]]:
    """All combinations of alternatives whose assumptions agree, bounded."""
    if not any(isinstance(value, Choice) for value in values):
        return [(ALWAYS, tuple(values))]
    rows: list[tuple[Guard, tuple[Value, ...]]] = [(ALWAYS, ())]
    for value in values:
        options = alternatives(value, path)
        if len(options) == 1:
            rows = [(guard | options[0][0], (*row, options[0][1])) for guard, row in rows]
            continue
        rows = [(guard | g, (*row, v)) for guard, row in rows for g, v in options if compatible(guard, g)]
        if len(rows) > MAX_ALTERNATIVES * 2:
            return [(ALWAYS, tuple(_joined(v) for v in values))]
    return rows


def _joined(value: Value) -> Value:
    if isinstance(value, Choice):
        return Unknown(Undecided(Why.LIMIT, "too many alternatives"), ("?limit", id(value)))
    return value
