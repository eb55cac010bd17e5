"""Losses of the program's own: what they refer to says whether they may ask for a scale.

A loss without a logarithm asks for none (a hand-written mean squared error). One with a logarithm, or one
that names a cross-entropy and was not seen to call it, stays unknown with the reason.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from dataclasses import replace
from types import CodeType
from typing import Any

from fromlogits_audit.ir import Family, Site, Undecided, Why
from fromlogits_audit.live.names import is_theirs, label_of
from fromlogits_audit.live.spots import kind_of

MAX_DEPTH = 4
_CROSS_ENTROPY = ("crossentropy", "cross_entropy", "kullback", "kl_divergence")


def followed(site: Site, value: Any, *, ran: bool) -> Site:
    """The site of a loss of the program's own that was not seen to call one of Keras.

    ``ran`` says whether a model computed it.
    """
    loss = site.loss
    function = code_of(value)
    if loss is None or function is None:
        return site
    names = {name.lower() for name in _names(function, MAX_DEPTH)}
    label = label_of(value)
    if any(part in name for name in names for part in _CROSS_ENTROPY):
        why = "calls a loss in a way that is not watched" if ran else "was not called in this run"
        reason = Undecided(Why.OPAQUE_LOSS, f"loss {label} {why}")
        return site.at(loss=replace(loss, reason=reason))
    if any(name.startswith("log") or name.endswith("log") or "_log" in name for name in names):
        reason = Undecided(Why.OPAQUE_LOSS, f"loss {label} takes a logarithm")
        return site.at(loss=replace(loss, reason=reason))
    return site.at(loss=replace(loss, family=Family.ANY, reason=None))


def code_of(value: Any) -> Any:
    """The function that computes a loss, where it is the program's own Python; else None."""
    while isinstance(value, functools.partial):
        value = value.func
    if not inspect.isroutine(value) and not inspect.isclass(value):
        value = (
            getattr(type(value), "call", None) if not is_theirs(type(value)) else getattr(value, "fn", None)
        )
    value = inspect.unwrap(value) if callable(value) else None
    value = getattr(value, "python_function", value)  # a tf.function
    code = getattr(value, "__code__", None)
    return value if isinstance(code, CodeType) and kind_of(code.co_filename) == "user" else None


def _names(function: Any, left: int) -> Iterator[str]:
    """Every name that a function refers to, those of the program's functions that it refers to as well."""
    code: CodeType = function.__code__
    yield from _in_code(code)
    if left <= 0:
        return
    scope = {**getattr(function, "__globals__", {}), **_closure(function)}
    for name in _in_code(code):
        inner = scope.get(name)
        inner = code_of(inner) if inspect.isroutine(inner) else None
        if inner is not None and inner is not function:
            yield from _names(inner, left - 1)


def _in_code(code: CodeType) -> Iterator[str]:
    yield from (*code.co_names, *code.co_freevars)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _in_code(constant)


def _closure(function: Any) -> dict[str, Any]:
    cells = getattr(function, "__closure__", None) or ()
    found = {}
    for name, cell in zip(function.__code__.co_freevars, cells, strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return found
