"""Nodes made from the standard library's tree are those that libcst makes of the same text, white space and
brackets aside, and stand in the same place; what may hold a loss construction is libcst's own."""

from __future__ import annotations

import ast
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import libcst as cst
import pytest

from fromlogits_audit.interp.positions import Positions
from fromlogits_audit.interp.transcript import Transcript
from fromlogits_audit.interp.written import Piece

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
TEXTS = {
    "nothing": "# a comment\n",
    "names": "a = b.c.d\ndel a, b[0], c.d\ndel a\nglobal x, y\n",
    "constants": "a = 1, 0x1F, 1_000, 1e3, .5, 1e999, True, None, ..., -3\n",
    "strings": "a = 'b', \"c'd\", '''e\nf''', b'g', 'h\\n', 'é\\ud800', '\"\"\"', '', 'i' 'j', r'\\k'\n",
    "calls": "f(a, *b, c=d, **e)(g)[h](i for i in j)\nf(\n    # why\n    a,\n)\n",
    "formatted": "f'{a}', f'b{c.d!r:>{e}}f{{g}}', rf'{h(i)}j', f\"{k['l']}\"\n"
    "if m:\n    raise N(f'é {o} p', f'{q + 1:.2f}')\n",
    "subscripts": "a[b], a[b, c], a[(b, c)], a[()], a[(b), (c)], a[((b), c)]\n"
    "a[b:c:d], a[:, None, ...], a[::2]\n",
    "displays": "a = [*b, c], {d}, {**e, f: g}, (h,), ()\n",
    "comprehensions": "[a for a, b in c if d if e for f in g]\n{a for a in b}\n{a: b for a in c}\n",
    "operators": "a + b * -c ** ~d @ e // f % g << h >> i & j | k ^ l - m / +n\nnot a and b and c or d\n"
    "a < b <= c == d != e > f >= g is h is not i in j not in k\na if b else c\n",
    "assignments": "a = b = c\na, *b = c\n(a, b) = c\na: int = 1\na: str\n"
    "a += b\na -= b\na *= b\na /= b\na //= b\na %= b\na **= b\n"
    "a @= b\na <<= b\na >>= b\na &= b\na |= b\na ^= b\n",
    "functions": "lambda: 0\nlambda a, *b, c=1, **d: e\n@f\n@g.h(1)\n"
    "def i(a, /, b: int = 1, *, c, d=2) -> int:\n    return\n    yield\n    yield a\n    yield from b\n\n\n"
    "async def j(*args, **kwargs):\n    await k\n"
    "    async for a in b:\n        pass\n    async with c as d, e:\n        pass\n    [x async for x in y]\n"
    "    nonlocal z\n",
    "classes": "@a\nclass B(C, d.E, *f, metaclass=G, **h):\n    '''text'''\n\n    x = 1\n\n"
    "    def m(self): # why\n        pass\n",
    "imports": "import a, b.c as d\nfrom . import e\nfrom ..f import g as h, i\nfrom j import *\n",
    "branches": "if a:\n    b\nelif c:\n    d\nelif e:\n    f\nelse:\n    if g:\n"
    "        h\n    else:\n        i\n",
    "loops": "for a, b in c:\n    break\nelse:\n    continue\nwhile (d := e):\n    pass\nelse:\n    f\n",
    "failures": "try:\n    a\nexcept B:\n    raise\nexcept (C, D) as e:\n    raise F from e\n"
    "else:\n    assert g, h\nfinally:\n    assert i\n",
    "managers": "with a:\n    b\nwith (c as d, e as (f, g)):\n    h\n",
    "left": "a; b; c = d\nif e: f\nmatch g:\n    case [h, *_]:\n        i\n    case _:\n        j\n"
    "x[k,]\nf(l=1, *m)\nf'{n[ o ]}'\nfor p in q:\n    f'{r}'; s\n    if t: u\n    v\n",
    "texts": "if a:\n    b = '''c\n  d'''\n    e(  # f\n  g,\n    )\n    h = i + \\\n  j\n",
    "indents": "if a:\n  if b:\n  \tc\n  else:\n    d = 'é', f(e)  # 'é'\n",
}
_WRITTEN_ONLY = frozenset(
    [
        *(
            "comma",
            "semicolon",
            "lpar",
            "rpar",
            "leading_lines",
            "header",
            "footer",
            "indent",
            "dot",
            "equal",
        ),
        *("start", "end"),
        *("lbracket", "rbracket", "lbrace", "rbrace", "first_colon", "second_colon", "colon"),
        *("trailing_whitespace", "lines_after_decorators"),
    ]
)
"""What libcst keeps of how something is written."""
_VALUES = (cst.Integer, cst.Float, cst.Imaginary, cst.SimpleString, cst.ConcatenatedString)
_PLACED = (
    cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.BinaryOperation, cst.Comparison, cst.IfExp,
    cst.List, cst.Dict, cst.Lambda, *_VALUES, cst.AugAssign, cst.Decorator, cst.FunctionDef, cst.ClassDef,
)  # fmt: skip
Bears = Callable[[str], bool]


def texts() -> list[tuple[str, str]]:
    found = [(str(path.relative_to(FIXTURES)), path) for path in sorted(FIXTURES.rglob("*.py"))[::9]]
    read = ((name, path.read_text("utf-8", "replace")) for name, path in found)
    return [*TEXTS.items(), *((name, text) for name, text in read if "\f" not in text and parses(text))]


def parses(text: str) -> bool:
    try:
        ast.parse(text)
        cst.parse_module(text)
    except (SyntaxError, cst.ParserSyntaxError):
        return False
    return True


def some(text: str) -> Bears:
    chance = random.Random(text)
    return lambda _: chance.random() < 0.3


WAYS: dict[str, Callable[[str], Bears]] = {
    "all": lambda _: lambda _: True, "none": lambda _: lambda _: False, "some": some,
}  # fmt: skip


def pairs(one: Any, other: Any) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    """The nodes of two trees that are the same but for how they are written."""
    if isinstance(one, _VALUES):
        assert isinstance(other, _VALUES)
        assert worth(one) == worth(other)
        yield one, other
        return
    assert type(one) is type(other)
    yield one, other
    for field in fields(one):
        if field.name in _WRITTEN_ONLY or field.name.startswith("whitespace"):
            continue
        first, second = getattr(one, field.name), getattr(other, field.name)
        if isinstance(first, (list, tuple)):
            assert len(first) == len(second), field.name
            for a, b in zip(first, second, strict=True):
                yield from pairs(a, b)
        elif isinstance(first, cst.CSTNode):
            yield from pairs(first, second)
        else:
            assert first == second, field.name


def worth(node: Any) -> Any:
    """The value of a literal, as the interpreter takes it."""
    return float(node.value) if isinstance(node, cst.Float) else node.evaluated_value


def transcript(text: str, bears: Bears) -> Transcript:
    return Transcript(Piece(text, 1), text.split("\n"), ast.parse(text).body, bears)


def both(text: str, bears: Bears) -> tuple[cst.Module, Transcript, list[tuple[cst.CSTNode, cst.CSTNode]]]:
    whole, made = cst.parse_module(text), transcript(text, bears)
    assert len(whole.body) == len(made.body)
    return whole, made, [p for a, b in zip(whole.body, made.body, strict=True) for p in pairs(a, b)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "text"), texts())
def test_nodes_are_those_of_libcst_and_stand_where_they_do(name: str, text: str, way: str) -> None:
    whole, made, same = both(text, WAYS[way](text))
    positions = Positions(whole)
    for theirs, ours in same:
        found = made.span(ours)
        if found is None:  # parts of an import, which nobody asks for
            assert isinstance(ours, (cst.Name, cst.Attribute)) or not isinstance(ours, _PLACED)
        elif isinstance(ours, _PLACED):
            # The end of a definition is where the next statement begins, for libcst.
            upto = 2 if isinstance(ours, (cst.FunctionDef, cst.ClassDef)) else 4
            expected = positions.span(theirs)
            assert expected is not None
            assert found[:upto] == expected[:upto], cst.Module([]).code_for_node(theirs)


def place(text: str, part: str) -> tuple[int, int]:
    before = text[: text.index(part)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


@pytest.mark.parametrize("name", TEXTS)
def test_only_nodes_of_the_tree_are_remembered(name: str) -> None:
    """A node that was given up leaves its identity to others, which stand elsewhere."""
    made = transcript(TEXTS[name], some(name))
    alive = {id(node) for statement in made.body for node in walk(statement)}
    assert set(made._stands) <= alive


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from walk(child)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("loss = f(a)  # why\nb = c\n", ["loss = f(a)"]),
        ("def f():\n    with a:\n        return loss(\n  b\n)\n", ["return loss(\n  b\n)"]),
        ("def loss(loss=loss):\n    import loss\n    pass\n", []),
        ("f'{a}'\nf'{a[ 0 ]}'\n", ["f'{a[ 0 ]}'"]),
        ("a; b\nc\n", ["a; b"]),
        ("if a:\n    if b: c\n    d\n", ["    if b: c"]),
        ("@f\nclass A:\n    def b(self): pass\n", ["    def b(self): pass"]),
        ("if a:\n    b\nelif c[d,]:\n    loss\n", ["if a:\n    b\nelif c[d,]:\n    loss"]),
    ],
)
def test_libcst_parses_what_may_hold_a_loss_and_what_is_hard_to_make(text: str, left: list[str]) -> None:
    made = transcript(text, lambda part: "loss" in part)
    assert [piece.text for piece in made._statements.pieces] == left


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a = f((b), c = d)\n", "f((b), c = d)"),
        ("if a:\n    while b:\n        é = 'é', g(c , d)  # e\n", "g(c , d)"),
        ("with f(a), (g(b)) as c:\n    d\n", "g(b)"),
        ("if x:\n    @f\n    @g(a, b)\n    def h(c=i( d )):\n        return h(e)\n", "i( d )"),
        ("if x:\n    @f\n    @g(a, b)\n    def h(c=i( d )):\n        return h(e)\n", "g(a, b)"),
        (
            "class A:\n    def b(self):\n        return c(\n            # why\n            d,\n        )\n",
            "c(",
        ),
    ],
)
def test_an_original_has_its_brackets_and_white_space(text: str, part: str) -> None:
    whole, made, same = both(text, lambda _: False)
    positions = Positions(whole)
    theirs, ours = next(
        (a, b)
        for a, b in same
        if isinstance(a, cst.Call) and (positions.span(a) or ())[:2] == place(text, part)
    )
    original = made.original(ours)
    assert original is not None
    assert made.span(original) == positions.span(theirs)
    assert made.original(original) is original
    # libcst counts indentation from the block that it parsed.
    dense = ["".join(cst.Module([]).code_for_node(node).split()) for node in (original, theirs)]
    assert dense[0] == dense[1]


@pytest.mark.parametrize("text", ["if a:\n    b\nelif f(c):\n    d\n", "try:\n    a\nexcept f(b):\n    c\n"])
def test_what_cannot_be_parsed_by_itself_has_no_original(text: str) -> None:
    _, made, same = both(text, lambda _: False)
    ours = next(b for a, b in same if isinstance(a, cst.Call))
    assert made.original(ours) is None


def test_the_text_of_a_node_is_that_of_the_file() -> None:
    text = "def f(a):\n    return  g( a,# why\n  b)\n"
    _, made, same = both(text, lambda _: False)
    codes = {type(b).__name__: made.code_of(b) for _, b in same}
    assert codes["Call"] == "g( a,# why\n  b)"
    assert codes["FunctionDef"] == text.rstrip("\n")


@pytest.mark.parametrize("refused", ["if a:\n\tb\n        c\n", "a = = b\n"])
def test_what_libcst_refuses_is_refused_where_it_has_to_parse_it(refused: str) -> None:
    with pytest.raises(cst.ParserSyntaxError):
        Transcript(Piece(refused, 1))


def test_what_nests_too_deeply_is_left_to_libcst() -> None:
    text = f"a = {'(' * 90}b{')' * 90}\nc = {'[' * 150}{']' * 150}\n"
    tree, before = ast.parse(text), sys.getrecursionlimit()
    sys.setrecursionlimit(len(_stack()) + 120)
    try:
        made = Transcript(Piece(text, 1), text.split("\n"), tree.body, lambda _: False)
    finally:
        sys.setrecursionlimit(before)
    assert [cst.Module([]).code_for_node(statement) for statement in made.body] == text.splitlines(True)


def _stack() -> list[object]:
    frame, found = sys._getframe(), list[object]()
    while frame is not None:
        found.append(frame)
        frame = frame.f_back  # type: ignore[assignment]
    return found
