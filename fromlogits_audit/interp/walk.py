"""Nodes inside a node, for those that only look: a visitor of libcst is ready to make each of them anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache

from fromlogits_audit import cst


def nodes(root: cst.CSTNode, *closed: type[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    """A node and all that is inside it, in no order; what is inside ``closed`` kinds of nodes is left out."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if closed and isinstance(node, closed):
            continue
        for name in _fields(type(node)):
            value = getattr(node, name)
            if isinstance(value, cst.CSTNode):
                waiting.append(value)
            elif isinstance(value, (tuple, list)):
                waiting += [one for one in value if isinstance(one, cst.CSTNode)]


@cache
def _fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """The fields that hold more than white space."""
    names = (field.name for field in fields(kind))
    return tuple(name for name in names if "whitespace" not in name and "line" not in name)
