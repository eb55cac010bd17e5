"""libcst, the one parser whose trees are interpreted and edited; it is imported here only.

Two things make it cheaper, and leave its trees as they are.

Its nodes are 170 frozen dataclasses, half of libcst's start-up and a tenth of its parsing. In a process of
this tool's own they are quick ones (:mod:`fromlogits_audit.lean`); somebody else's libcst stays as it is.

Every node is checked as it is made: that a name is one, that brackets match. The checks are for programs
that build nodes, which this one does not; what libcst's own parser makes of a text is valid (its authors note
as much where they check), and there they are left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from fromlogits_audit import lean

_dataclass = dataclasses.dataclass


def _node(cls: type | None = None, /, **options: Any) -> Any:
    """``dataclass``, where it defines nodes."""
    if cls is None:
        return lambda cls: _node(cls, **options)
    define = lean.quick if cls.__module__.startswith("libcst._nodes.") else _dataclass
    return define(cls, **options)


@contextmanager
def _quick_nodes() -> Iterator[None]:
    dataclasses.dataclass = _node
    try:
        yield
    finally:
        dataclasses.dataclass = _dataclass


with _quick_nodes() if lean.is_own() else nullcontext():
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


if lean.is_own():  # Nobody else builds any, and changing a class makes Python forget where its methods are.
    libcst.CSTNode.__post_init__ = _no_check  # type: ignore[method-assign]
    _unchecked = nullcontext  # type: ignore[assignment]


def parse(text: str) -> libcst.Module:
    """The tree of a module.

    Raises:
        libcst.ParserSyntaxError: the text is no module for libcst.
    """
    with _unchecked():
        return libcst.parse_module(text)
