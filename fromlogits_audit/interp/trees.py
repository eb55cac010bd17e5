"""libcst's parser, without the checks that its nodes are meant for when programs build them.

Every node that libcst makes is checked as it is made: that a name is one, that brackets match. What
its own parser makes of a text that parses is valid as it is, and the checks are a fifth of the
parsing (libcst's authors note as much where they do it).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import libcst as cst

_CHECK = cst.CSTNode.__post_init__


def _no_check(self: cst.CSTNode) -> None:
    """Instead of the check."""


@contextmanager
def _unchecked() -> Iterator[None]:
    # Another thread that builds nodes meanwhile has some of them unchecked, and none wrong.
    cst.CSTNode.__post_init__ = _no_check  # type: ignore[method-assign]
    try:
        yield
    finally:
        cst.CSTNode.__post_init__ = _CHECK  # type: ignore[method-assign]


def parse_module(text: str) -> cst.Module:
    """The tree of a module.

    Raises:
        libcst.ParserSyntaxError: the text is no module for libcst.
    """
    with _unchecked():
        return cst.parse_module(text)
