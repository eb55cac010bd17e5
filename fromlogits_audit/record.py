"""Results as text and back: an analysis that holds on to no syntax tree and can leave its process.

JSON, because reading it can run nothing. Whatever is not exactly of the types that the fields declare
is refused. A dataclass is a list ``[number, field, ...]``, an enum ``[-number, value]``, a tuple
``[null, item, ...]``; fields at the end that hold their default are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from fromlogits_audit import ir
from fromlogits_audit.interp.analysis import Lookup
from fromlogits_audit.ir import Location, Problem, Site
from fromlogits_audit.lean import dataclass


@dataclass(frozen=True)
class SourceNote:
    """A file that was read: as reports show it, where it is, and whether comments in it may silence."""

    shown: str
    path: str
    comments: bool = False


@dataclass(frozen=True)
class Result:
    """An analysis without the files' texts; the fields are those of
    :class:`~fromlogits_audit.interp.analysis.Analysis`. ``stable`` says that the same files would give it
    again: nothing went wrong on the way."""

    sites: tuple[Site, ...] = ()
    problems: tuple[Problem, ...] = ()
    sources: tuple[SourceNote, ...] = ()
    met: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    stable: bool = True


class RecordError(ValueError):
    """A text that is no record of this version."""


_CLASSES: tuple[type[Any], ...] = (
    Result, Site, Location, ir.Step, ir.Output, ir.Loss, ir.Metric, ir.Labels, ir.Cutoff, ir.Applied,
    ir.Edits, ir.Undecided, ir.Runtime, Problem, Lookup, SourceNote,
)  # fmt: skip
_ENUMS: tuple[type[Enum], ...] = (ir.Scale, ir.Family, ir.Form, ir.Why, ir.Kind, ir.LabelEncoding)
_NUMBERS: dict[type[Any], int] = {cls: number for number, cls in enumerate(_CLASSES)}
_ENUM_NUMBERS: dict[type[Any], int] = {cls: -number for number, cls in enumerate(_ENUMS, start=1)}
_FIELDS = {cls: tuple(field.name for field in fields(cls)) for cls in _CLASSES}
_DEFAULTS = {
    cls: tuple(MISSING if f.default is MISSING else f.default for f in fields(cls)) for cls in _CLASSES
}


def dumps(result: Result) -> str:
    """The record of a result."""
    return json.dumps(_encoded(result), separators=(",", ":"))


def loads(text: str | bytes) -> Result:
    """The result of a record. Raises RecordError for anything else."""
    try:
        result = _decoded(json.loads(text))
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise RecordError(str(error)) from error
    if not isinstance(result, Result):
        raise RecordError("no result")
    return result


def _encoded(value: Any) -> Any:
    kind = type(value)
    if value is None or kind in (str, int, bool, float):
        return value
    number = _NUMBERS.get(kind)
    if number is not None:
        values = [getattr(value, name) for name in _FIELDS[kind]]
        defaults = _DEFAULTS[kind]
        while values and _is_default(values[-1], defaults[len(values) - 1]):
            values.pop()
        return [number, *map(_encoded, values)]
    number = _ENUM_NUMBERS.get(kind)
    if number is not None:
        return [number, value.value]
    if isinstance(value, Sequence):
        return [None, *map(_encoded, value)]
    raise TypeError(f"{kind.__name__} has no record")


def _is_default(value: Any, default: Any) -> bool:
    if type(value) is not type(default):
        return isinstance(value, Sequence) and not len(value) and default == ()
    return bool(value == default)


def _decoded(value: list[Any]) -> Any:
    head = value[0]
    if head is None:
        return tuple([_decoded(one) if type(one) is list else one for one in value[1:]])
    if head < 0:
        return _ENUMS[-head - 1](value[1])
    values = [_decoded(one) if type(one) is list else one for one in value[1:]]
    kinds = (head, *map(type, values))
    left = _left.get(kinds)
    checks = left if left is not None else list(enumerate(_checks(head)[: len(values)]))
    for at, check in checks:
        if not check(values[at]):
            raise RecordError(f"{_CLASSES[head].__name__} of {type(values[at]).__name__}")
    if left is None:
        _left[kinds] = [(at, check) for at, check in checks if kinds[at + 1] is tuple]
    return _CLASSES[head](*values)


_left: dict[tuple[Any, ...], list[tuple[int, Callable[[Any], bool]]]] = {}
"""A class with the types of its fields, seen before, to what has to be checked still: the items of tuples."""


@cache
def _checks(head: int) -> tuple[Callable[[Any], bool], ...]:
    cls = _CLASSES[head]
    assert isinstance(cls, type)
    hints = get_type_hints(cls)
    return tuple(_check(hints[name]) for name in _FIELDS[cls])


def _check(hint: Any) -> Callable[[Any], bool]:
    """A test for the values of an annotation; what tuples hold is tested too."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is None:
        allowed = (int, float) if hint is float else NoneType if hint is None else hint
        return lambda value: isinstance(value, allowed)
    if issubclass(origin, Sequence) if isinstance(origin, type) else False:
        if len(arguments) == 2 and arguments[1] is not Ellipsis:
            pair = tuple(map(_check, arguments))
            return lambda value: (
                isinstance(value, tuple) and len(value) == 2 and pair[0](value[0]) and pair[1](value[1])
            )
        inner = _check(arguments[0])
        return lambda value: isinstance(value, tuple) and all(map(inner, value))
    options = tuple(map(_check, arguments))
    return lambda value: any(option(value) for option in options)
