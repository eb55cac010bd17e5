"""Trees of single statements: the same as libcst's own, standing where libcst says, in every process."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

import fromlogits_audit
from fromlogits_audit.cst import parse
from fromlogits_audit.interp.positions import Positions

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
SPELLINGS = {
    "brackets": "x = ((a + b) * (c))[(1):2, ...]\ny = (  # why\n    a,\n)\n",
    "lines": "if a: b; c\nwith d as e, \\\n     f:\n\tpass\n\n\n# end\n",
    "strings": 'f"{a!r:>{b}}" "c" \'d\'\n',
    "blocks": "# head\n\nif a:\n    b  # c\nelif d:\n\n    # why\n    e; f\nelse: g\n"
    "try:\n  h\nexcept I: pass\nexcept J as k:\n  l(\n  m,\n  )\nelse:\n  n\nfinally:\n  o\np\n",
    "texts": 'def f():\n    """a\n\n  b"""\n'
    "    return f'''{c}\n{d}''' + \\\n        e\n    # end\n\ng\n",
    "cases": "match a:\n    # b\n    case [c, *_]:\n        d\n    case _: e\n"
    "while f:\n    g\nelse:\n    h\nfor i in (\n    j\n): k\n",
    "definitions": "@a\nclass B(C, metaclass=D):\n    async def e(self, /, f=1, *g, **h) -> None: ...\n",
}


def texts() -> list[tuple[str, str]]:
    found = sorted(FIXTURES.rglob("*.py"))[::7]
    return [
        *SPELLINGS.items(),
        *((str(path.relative_to(FIXTURES)), path.read_text("utf-8")) for path in found),
    ]


def parsed(text: str) -> cst.Module | None:
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError:  # a fixture that is to be refused
        return None


@pytest.mark.parametrize(("name", "text"), texts())
def test_a_tree_is_that_of_libcst(name: str, text: str) -> None:
    expected = parsed(text)
    if expected is None:
        with pytest.raises(cst.ParserSyntaxError):
            parse(text)
    else:
        assert parse(text).deep_equals(expected), name


@pytest.mark.parametrize(("name", "text"), texts())
def test_positions_are_those_of_libcst(name: str, text: str) -> None:
    tree = parsed(text)
    if tree is None:
        return
    wrapper = MetadataWrapper(tree, unsafe_skip_copy=True)
    positions = Positions(tree)
    for node, place in wrapper.resolve(PositionProvider).items():
        start, end = place.start, place.end
        expected = (start.line, start.column + 1, end.line, end.column + 1)
        assert positions.span(node) == expected, (name, cst.Module([]).code_for_node(node))


@pytest.mark.parametrize(("name", "text"), SPELLINGS.items())
def test_positions_are_the_same_where_it_is_known_who_will_ask(name: str, text: str) -> None:
    tree = cst.parse_module(text)
    every = Positions(tree)
    nodes = list(MetadataWrapper(tree, unsafe_skip_copy=True).resolve(PositionProvider))
    for first, second in zip(nodes, reversed(nodes), strict=True):
        positions = Positions(tree, [first])
        assert positions.span(first) == every.span(first), name
        assert positions.span(second) == every.span(second), name  # asked for all the same


@pytest.mark.parametrize("text", ["x = 1\n", "x = = 1\n"])
def test_nodes_that_others_build_are_checked_as_before(text: str) -> None:
    try:
        parse(text)
    except cst.ParserSyntaxError:
        assert "= =" in text
    with pytest.raises(cst.CSTValidationError):
        cst.Name("")


# -- processes: in one of this tool's own, libcst is its nodes, quick ones, and its parser ----------------
WAYS = {
    "guarded": "lean.claim(False)",
    "own": "lean.claim()",
    "own, of another layout": "lean.claim(); nodes._MODULES += ('_nodes.gone',)",
}
SHOW = """
import pickle, sys
from fromlogits_audit import lean, nodes
{way}
from fromlogits_audit import cst
text = sys.stdin.read()
try:
    cst.Name("")
except cst.CSTValidationError:
    print("checked")
print("guarded" if "__setattr__" in vars(cst.Name) else "quick")
try:
    tree = cst.parse(text)
except cst.ParserSyntaxError as error:
    print(repr(error), error, error.message, error.raw_line, error.raw_column, error.editor_column)
    print(repr(pickle.loads(pickle.dumps(error))), error.context)
else:
    print(repr(tree), tree.code == text, tree.bytes == text.encode(), tree.encoding, tree.default_newline)
    sent = pickle.loads(pickle.dumps(tree))
    print(repr(sent), [type(node).__name__ for node in tree.children])
    print(tree.with_changes(body=()).body, tree != sent, len({{tree, tree, sent}}))
    class Seen(cst.CSTVisitor):
        def visit_Name(self, node): print("visit", node.value)
        def leave_Call(self, node): print("leave", len(node.args))
        def visit_Call_args(self, node): print("args")
        def visit_FormattedStringExpression(self, node): return False
    tree.visit(Seen())
    class Renamed(cst.CSTTransformer):
        def leave_Name(self, node, updated): return updated.with_changes(value=node.value + "_")
    print(tree.visit(Renamed()).code)
print("all of libcst" if "libcst.metadata" in sys.modules else "nodes")
print(tree.deep_clone().deep_equals(tree)) if "tree" in globals() else None
"""
WRONG = {"operators": "x = = 1\n", "brackets": "a\nx = (\n", "indent": "if a:\n\tb\n  c\n", "string": "'"}


def ran(code: str, text: str = "") -> list[str]:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", [*SPELLINGS, *WRONG])
def test_a_tree_or_an_error_is_the_same_in_a_process_of_ones_own(name: str) -> None:
    text = {**SPELLINGS, **WRONG}[name]
    guarded, own, fallback = (ran(SHOW.format(way=way), text) for way in WAYS.values())
    assert guarded == fallback
    assert (guarded[:2], own[0]) == (["checked", "guarded"], "quick")
    assert "nodes" in own  # the installed libcst is the one that can be taken apart
    assert guarded[2:] == ["all of libcst" if line == "nodes" else line for line in own[1:]]


USED = """
import libcst, sys
from libcst.{module} import {name}
from libcst import parse_expression
assert libcst.Name is cst.Name and isinstance(parse_expression("a"), cst.Name)
assert isinstance(libcst.parse_module(b"# coding: latin-1"), cst.Module)
assert "visit_Name" in dir(libcst.CSTVisitor) and "leave_Name" in dir(libcst.CSTTransformer)
assert issubclass(libcst.CSTVisitor, sys.modules["libcst._typed_visitor"].CSTTypedVisitorFunctions)
assert set(libcst.__all__) <= set(dir(libcst)) and not hasattr(libcst, "__no_such__")
print({name}.__name__)
"""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("_batched_visitor", "BatchableCSTVisitor"),
        ("codemod", "CodemodContext"),
        ("helpers", "get_full_name_for_node"),
        ("matchers", "matches"),
        ("metadata", "MetadataWrapper"),
        ("metadata.scope_provider", "ScopeProvider"),
        ("tool", "main"),
    ],
)
def test_who_asks_for_the_rest_of_libcst_gets_it(module: str, name: str) -> None:
    code = "from fromlogits_audit import lean; lean.claim(); from fromlogits_audit import cst"
    assert ran(code + USED.format(module=module, name=name)) == [name]


def test_nothing_of_this_tool_asks_for_the_rest() -> None:
    """mypy has the whole of libcst before it."""
    code = (
        "from fromlogits_audit import lean; lean.claim(); from fromlogits_audit import cst; print(*dir(cst))"
    )
    known = set(" ".join(ran(code)).split())
    used = {
        node.attr
        for path in Path(fromlogits_audit.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "cst"
    }
    assert {"Name", "parse"} <= used <= known


def test_the_process_of_a_command_is_its_own() -> None:
    code = (
        "import os; from fromlogits_audit import cli, lean; "
        "os._exit = lambda status: print(lean.is_own()); cli.main(['--version'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"


def test_somebody_elses_libcst_stays_as_it_is() -> None:
    with pytest.raises(FrozenInstanceError):
        cst.Name("a").value = "b"  # type: ignore[misc]
