"""The shape of the package: who imports whom, how large things are, what loads when."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "fromlogits_audit"
OURS = "fromlogits_audit"
MODULES = sorted(PACKAGE.rglob("*.py"))

HEAVY = ("tensorflow", "keras", "tf_keras", "jax", "torch")
FRONTENDS = {"source": "code", "interp": "code", "saved": "saved", "live": "live"}
MAY_USE = {"live": {"saved"}}
"""A living layer describes itself by its config: what a config does to a scale is known in one place. Never
the other way round, because saved models are read without a framework."""
OUTER = ("cli", "pipeline", "config", "suppress", "cache", "fixes", "baseline")
PURE = ("ir.py", "finding.py", "errors.py", "rules", "reporters", "catalogue")

MODULE_LINES = 400
FUNCTION_LINES = 70


@dataclass(frozen=True)
class Import:
    """One import: of what, on which line, and whether it waits inside a function."""

    module: str
    line: int
    inside_function: bool


def imports(tree: ast.AST, package: str = OURS) -> Iterator[Import]:
    """Every import in a module, relative ones resolved against ``package``."""
    yield from _imports(tree, package, inside=False)


def _imports(node: ast.AST, package: str, *, inside: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, inside) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = package.rsplit(".", child.level - 1)[0] + "." if child.level else ""
            module = (base + (child.module or "")).rstrip(".")
            # `from package import name` may name a module: count both.
            yield Import(module, child.lineno, inside)
            yield from (Import(f"{module}.{alias.name}", child.lineno, inside) for alias in child.names)
        else:
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from _imports(child, package, inside=inside or function)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports_of(path: Path) -> list[Import]:
    package = ".".join(path.relative_to(ROOT).with_suffix("").parts[:-1])
    return list(imports(parsed(path), package))


def part_of(path: Path) -> str:
    """The folder or file directly under the package that a module belongs to."""
    return path.relative_to(PACKAGE).parts[0]


def is_under(module: str, *roots: str) -> bool:
    return any(module == root or module.startswith(root + ".") for root in roots)


def ours(*parts: str) -> tuple[str, ...]:
    return tuple(f"{OURS}.{part}" for part in parts)


def violations(path: Path, *forbidden: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{found.line} imports {found.module}"
        for found in imports_of(path)
        if is_under(found.module, *forbidden)
    ]


def ids(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import tensorflow as tf", [("tensorflow", False)]),
        ("def f():\n    import keras", [("keras", True)]),
        ("from fromlogits_audit import interp", [(OURS, False), (f"{OURS}.interp", False)]),
        ("from . import judge", [(f"{OURS}.rules", False), (f"{OURS}.rules.judge", False)]),
        ("from ..source import text", [(f"{OURS}.source", False), (f"{OURS}.source.text", False)]),
        ("if True:\n    import libcst", [("libcst", False)]),
    ],
)
def test_the_reader_of_imports_sees_each_spelling(source: str, expected: list[tuple[str, bool]]) -> None:
    found = imports(ast.parse(source), f"{OURS}.rules")
    assert [(one.module, one.inside_function) for one in found] == expected


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) in PURE], ids=ids)
def test_the_pure_parts_import_no_parser_no_framework_and_no_frontend(path: Path) -> None:
    forbidden = (*HEAVY, "click", "h5py", *ours("cst", *FRONTENDS, *OUTER))
    assert violations(path, *forbidden) == []


@pytest.mark.parametrize("name", ["ir.py", "errors.py"])
def test_the_waist_imports_nothing_of_ours(name: str) -> None:
    """But how a class is made."""
    mine = {found.module for found in imports_of(PACKAGE / name) if is_under(found.module, OURS)}
    assert all(is_under(module, *ours("lean")) for module in mine)


def test_a_finding_knows_the_waist_only() -> None:
    mine = {found.module for found in imports_of(PACKAGE / "finding.py") if is_under(found.module, OURS)}
    assert all(is_under(module, *ours("ir", "lean")) for module in mine)


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) in FRONTENDS], ids=ids)
def test_frontends_know_no_other_frontend_and_no_rule(path: Path) -> None:
    mine = FRONTENDS[part_of(path)]
    allowed = MAY_USE.get(part_of(path), set())
    others = [name for name, group in FRONTENDS.items() if group != mine and name not in allowed]
    assert violations(path, *ours(*others, "rules", "reporters", "report", *OUTER)) == []


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) == "source"], ids=ids)
def test_reading_files_knows_no_interpreter(path: Path) -> None:
    assert violations(path, *ours("interp", "cst")) == []


def test_the_parser_is_imported_in_one_place() -> None:
    """What is imported first decides how its nodes are made."""
    assert {path.name for path in MODULES if violations(path, "libcst")} == {"cst.py"}


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_frameworks_are_imported_in_live_only_and_inside_functions(path: Path) -> None:
    wrong = [
        found
        for found in imports_of(path)
        if is_under(found.module, *HEAVY) and not (part_of(path) == "live" and found.inside_function)
    ]
    assert wrong == []


@pytest.mark.parametrize("arguments", [["--help"], ["scan", "--help"], ["--version"]])
def test_help_loads_neither_parser_nor_framework_nor_terminal_library(arguments: list[str]) -> None:
    code = (
        "import json, sys; from fromlogits_audit.cli import run; "
        f"status = run({arguments!r}); "
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in json.loads(done.stderr)}
    assert "click" in loaded
    assert loaded.isdisjoint({"libcst", "rich", "pathspec", "h5py", *HEAVY})


def test_a_scan_loads_only_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import keras\nkeras.losses.MeanSquaredError()\n", "utf-8")
    code = (
        "import sys; from fromlogits_audit import lean; lean.claim(); from fromlogits_audit.cli import run; "
        f"run(['scan', '--no-cache', '--jobs=1', {str(tmp_path)!r}]); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stderr.split())
    assert {"libcst", "fromlogits_audit.interp.engine", "fromlogits_audit.pins"} <= loaded
    assert loaded.isdisjoint({
        "_hashlib", "difflib", "fromlogits_audit.fixes", "fromlogits_audit.source.notebook",
        "libcst.metadata", "multiprocessing", "rich", "shutil", "sqlite3", "textwrap", "tomllib",
        "traceback",
    })  # fmt: skip
    # Before Python 3.11 click's own imports lead to it.
    assert sys.version_info < (3, 11) or "subprocess" not in loaded


def _is_table(path: Path) -> bool:
    """A module of the catalogue that is data: more rows than a module of code may have lines."""
    return part_of(path) == "catalogue"


@pytest.mark.parametrize("path", [path for path in MODULES if not _is_table(path)], ids=ids)
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_functions_stay_small(path: Path) -> None:
    functions = (
        node for node in ast.walk(parsed(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    long = [f.name for f in functions if (f.end_lineno or f.lineno) - f.lineno + 1 > FUNCTION_LINES]
    assert long == []


TEXTS = [
    path
    for pattern in (
        "fromlogits_audit/**/*.py",
        "tests/**/*.py",
        "docs/**/*.md",
        "benchmarks/**/*",
        "*.md",
        "*.toml",
    )
    for path in sorted(ROOT.glob(pattern))
    if path.is_file() and path.suffix in {".py", ".md", ".toml"}
] + [ROOT / "Makefile", ROOT / ".ci" / "run", ROOT / ".pre-commit-hooks.yaml"]

# Written in pieces, so that this file does not find itself.
PRIVATE = re.compile(
    "|".join(["/" + "home/[a-z]", "/" + "root/", "/" + "work/", "/" + "Users/[a-z]", "file:" + "///"])
)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_names_somebody_s_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [match.group() for match in PRIVATE.finditer(text)] == []
