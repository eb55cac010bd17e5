"""libcst in a process of this tool's own: its nodes, made quickly, and nothing else of it.

Of what ``import libcst`` loads, its nodes are half: 170 frozen dataclasses. They become quick ones here
(:mod:`fromlogits_audit.lean`), without the check of every node as it is made: that a name is one, that
brackets match. That is for programs that build nodes; what libcst's own parser makes of a text is valid (its
authors note as much where they check). Nor are they abstract, which makes ``isinstance`` slow, or defined a
second time, with slots.

The other half is metadata, a tokenizer and helpers, for which no command asks. So an empty package goes into
the place of libcst, and its nodes and its parser into that. Whoever asks it for more gets the rest first.
"""

from __future__ import annotations

import abc
import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from fromlogits_audit import lean

_MODULES = (
    "_exceptions", "_flatten_sentinel", "_maybe_sentinel", "_removal_sentinel", "_visitors", "_nodes.base",
    "_nodes.whitespace", "_nodes.op", "_nodes.expression", "_nodes.statement", "_nodes.module",
)  # fmt: skip
"""Whose classes interp and libcst's parser ask libcst for; each needs only those before it."""

_BASES = {"CSTVisitor": "CSTTypedVisitorFunctions", "CSTTransformer": "CSTTypedTransformerFunctions"}
"""Visitors to what they inherit: 1,700 methods that do nothing, which visitors do as well without."""
_METHODS = "libcst._typed_visitor"
_SLOTS = "libcst._add_slots"

_dataclass = dataclasses.dataclass
_ABC = abc.ABC


class _Plain:
    """A base class in place of ``abc.ABC``."""

    __slots__ = ()


@contextmanager
def alone() -> Iterator[bool]:
    """While libcst is imported: whether it is its nodes and its parser, as this process needs them."""
    package = None if "libcst" in sys.modules else _entered()
    yield package is not None
    if package is not None:
        # Asked for by an import of anything within the package, which would else meet it half empty.
        del package.__path__


def _node(cls: Any = None, /, **options: Any) -> Any:
    """``dataclass``, where it defines nodes."""
    if cls is None:
        return partial(_node, **options)
    if not cls.__module__.startswith("libcst._nodes."):
        return _dataclass(cls, **options)
    if "__post_init__" in vars(cls):
        del cls.__post_init__  # the check
    return lean.quick(cls, **options)


def _entered() -> ModuleType | None:
    """The package with its nodes and parser; None where this libcst is made in another way."""
    dataclasses.dataclass = _node
    try:
        return _filled()
    except Exception:  # Whatever it is, the ordinary import can do without.
        for name in [name for name in sys.modules if name.partition(".")[0] == "libcst"]:
            del sys.modules[name]
        return None
    finally:
        dataclasses.dataclass = _dataclass


def _filled() -> ModuleType:
    spec = find_spec("libcst")
    package: Any = module_from_spec(spec)  # type: ignore[arg-type]
    # As the import system leaves it. Every import asks for it, also libcst's parser for each of its nodes.
    package.__spec__._initializing = False
    sys.modules["libcst"] = package
    _stand_in(_METHODS, **{base: type(base, (), {}) for base in _BASES.values()})
    _stand_in(_SLOTS, add_slots=lambda cls: cls)
    for name in _MODULES:
        module = _imported(f"libcst.{name}")
        vars(package).update({key: value for key, value in vars(module).items() if _is_of(module, value)})
    # Last, as it can't be imported a second time. It is what libcst.parse_module does with a text.
    package.parse_module = partial(import_module("libcst.native").parse_module, encoding="utf-8")
    package.__all__ = [name for name in vars(package) if not name.startswith("_") and name != "native"]
    package.__getattr__ = partial(_completed, package)
    found: ModuleType = package
    return found


def _stand_in(name: str, **contents: Any) -> None:
    sys.modules[name] = ModuleType(name)
    vars(sys.modules[name]).update(contents)


def _imported(name: str) -> ModuleType:
    if name.startswith("libcst._nodes."):  # others import packages that need the real one
        abc.ABC = _Plain  # type: ignore[misc, assignment]
    try:
        return import_module(name)
    finally:
        abc.ABC = _ABC  # type: ignore[misc]


def _is_of(module: ModuleType, value: object) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__


def _completed(package: Any, name: str) -> Any:
    """``package.name``, which is not there yet: what libcst's own ``__init__`` does is done now."""
    if name.startswith("__") and name != "__path__":
        raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}")
    del package.__getattr__
    package.__path__ = package.__spec__.submodule_search_locations
    del sys.modules[_METHODS], sys.modules[_SLOTS]
    methods = import_module(_METHODS)
    for visitor, base in _BASES.items():
        cls = getattr(package, visitor)
        cls.__bases__ = (getattr(methods, base), *cls.__bases__[1:])
    package.__spec__.loader.exec_module(package)
    return getattr(package, name)
