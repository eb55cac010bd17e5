"""Trees of single statements: the same as libcst's own, standing where libcst says, in every process."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

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


# -- processes: nodes of this tool's own are made without their guards ------------------------------
SHOW = """
import sys
from fromlogits_audit import lean
lean.claim({own})
from fromlogits_audit import cst
text = sys.stdin.read()
try:
    cst.Name("")
except cst.CSTValidationError:
    print("checked")
tree = cst.parse(text)
print(hasattr(cst.Name, "__setattr__") and "__setattr__" in vars(cst.Name))
print(repr(tree), tree.code == text, tree.deep_clone().deep_equals(tree))
print(tree.with_changes(body=()).body, tree != tree.deep_clone(), len({{tree, tree}}))
"""


def shown(text: str, *, own: bool) -> list[str]:
    command = [sys.executable, "-c", SHOW.format(own=own)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_tree_is_the_same_in_a_process_of_ones_own(name: str) -> None:
    guarded, own = shown(SPELLINGS[name], own=False), shown(SPELLINGS[name], own=True)
    assert (guarded[:2], own[:1]) == (["checked", "True"], ["False"])
    assert guarded[2:] == own[1:]


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
