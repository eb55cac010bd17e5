"""A large class is read part by part: its header is what libcst makes of the statement without the body."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest

from fromlogits_audit.interp.outline import SMALL_CLASS
from fromlogits_audit.interp.parse import Chunk, ParsedModule
from fromlogits_audit.source.text import SourceFile

BODY = "    x = 1\n" * (SMALL_CLASS + 1)
HEADS = {
    "plain": "class A:\n",
    "bases": "class A(B, c.D, *e, metaclass=F, **g):\n",
    "decorated": "@a\n@b.c(1, d='e')\nclass A(B):  # why\n",
    "over lines": "class A(\n    B,\n    # why\n    metaclass=C,\n):\n",
    "docstring": "class A(B):\n    '''Text.'''\n\n",
    "first part decorated": "class A(B):\n    @a\n    @b\n    def c(self):\n        pass\n\n",
    "hard to make": "class A(B[c,]):\n",
    "hard to make, first part decorated": "class A(B[c,]):\n    @a\n    def c(self):\n        pass\n\n",
}


def chunk(text: str) -> Chunk:
    module = ParsedModule(SourceFile(path=Path("a.py"), shown="a.py", text=text), "a")
    (found,) = (chunk for chunk in module.chunks() if chunk.defined)
    return found


@pytest.mark.parametrize("before", ["", "'''loss'''\nimport a\n\n\n"], ids=["first", "later"])
@pytest.mark.parametrize("head", HEADS)
def test_a_header_is_that_of_the_class(head: str, before: str) -> None:
    text = before + HEADS[head] + BODY
    large = chunk(text)
    header = large.header()
    (made,) = header.body
    theirs = cst.parse_module(text).body[-1]
    assert isinstance(made, cst.ClassDef) and isinstance(theirs, cst.ClassDef)
    for field in ("name", "bases", "keywords", "decorators"):
        assert said(getattr(made, field)) == said(getattr(theirs, field))
    assert len(made.body.body) == 1 and isinstance(made.body.body[0], cst.SimpleStatementLine)
    line = 1 + text[: text.index("class A")].count("\n")
    assert header.span(made)[:2] == (line, 1)
    assert header.code_of(made).count("def c") == 0


def said(nodes: object) -> list[str]:
    """What nodes say, white space and commas apart."""
    several = nodes if isinstance(nodes, (list, tuple)) else [nodes]
    codes = (cst.Module([]).code_for_node(node) for node in several)
    return ["".join(code.partition("#")[0].split()).rstrip(",").replace('"""', "'") for code in codes]
