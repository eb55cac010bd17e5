"""libcst, the one parser whose trees are interpreted and edited; it is imported here only.

In a process of this tool's own it is what :mod:`fromlogits_audit.nodes` makes of it, with the same trees;
somebody else's libcst stays as it is, but for its check of every node while a text is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from fromlogits_audit import lean, nodes

with nodes.alone() if lean.is_own() else nullcontext(False) as _quick:
    import libcst
    from libcst import *  # noqa: F403 - under the same names
    from libcst._nodes.internal import CodegenState as CodegenState


def _no_check(self: libcst.CSTNode) -> None:
    """Instead of the check."""


_CHECK = getattr(libcst.CSTNode, "__post_init__", _no_check)


@contextmanager
def unchecked() -> Iterator[None]:
    """While nodes are made of what is known to be Python."""
    # Another thread that builds nodes meanwhile has some of them unchecked, and none wrong.
    libcst.CSTNode.__post_init__ = _no_check  # type: ignore[method-assign]
    try:
        yield
    finally:
        libcst.CSTNode.__post_init__ = _CHECK  # type: ignore[method-assign]


if _quick:  # Changing a class makes Python forget where its methods are.
    unchecked = nullcontext  # type: ignore[assignment]


def parse(text: str) -> libcst.Module:
    """The tree of a module.

    Raises:
        libcst.ParserSyntaxError: the text is no module for libcst.
    """
    with unchecked():
        return libcst.parse_module(text)
