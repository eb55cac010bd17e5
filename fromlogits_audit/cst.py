"""libcst, the one parser whose trees are interpreted and edited; it is imported here only.

Two things make it cheaper, and leave its trees as they are.

Its nodes are 170 frozen dataclasses. In a process of this tool's own they are made without what guards
their fields, which is half of libcst's start-up and a third of its parsing: frozen dataclasses set their
fields by way of ``object.__setattr__``. In somebody else's process libcst stays as it is.

Every node is checked as it is made: that a name is one, that brackets match. The checks are for programs
that build nodes; what libcst's own parser makes of a text is valid (its authors note as much where they
check), and there they are left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from fromlogits_audit import process

_dataclass = dataclasses.dataclass


def _unguarded(cls: type | None = None, /, **options: Any) -> Any:
    """``dataclass``, where it defines nodes: they have methods of their own for equality and ``repr``."""
    if cls is None:
        return lambda cls: _unguarded(cls, **options)
    if options.get("frozen") and cls.__module__.startswith("libcst._nodes."):
        options.update(frozen=False, eq=False, repr=False)
    return _dataclass(cls, **options)


@contextmanager
def _cheap_nodes() -> Iterator[None]:
    dataclasses.dataclass = _unguarded
    try:
        yield
    finally:
        dataclasses.dataclass = _dataclass


with _cheap_nodes() if process.own else nullcontext():
    import libcst
    from libcst import *  # noqa: F403 - under the same names
    from libcst._nodes.internal import CodegenState as CodegenState

_CHECK = libcst.CSTNode.__post_init__


def _no_check(self: libcst.CSTNode) -> None:
    """Instead of the check."""


@contextmanager
def _unchecked() -> Iterator[None]:
    # Another thread that builds nodes meanwhile has some of them unchecked, and none wrong.
    libcst.CSTNode.__post_init__ = _no_check  # type: ignore[method-assign]
    try:
        yield
    finally:
        libcst.CSTNode.__post_init__ = _CHECK  # type: ignore[method-assign]


def parse(text: str) -> libcst.Module:
    """The tree of a module.

    Raises:
        libcst.ParserSyntaxError: the text is no module for libcst.
    """
    with _unchecked():
        return libcst.parse_module(text)
