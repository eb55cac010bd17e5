"""The table of transformations: each takes a module's text and gives another that means the same.

None where a module is not of the kind that a transformation is for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

import libcst as cst

from . import names

Files = dict[str, str]
Transform = Callable[[str], "str | None"]


def _parsed(text: str) -> cst.Module:
    return cst.parse_module(text)


def _split(module: cst.Module) -> tuple[list[cst.BaseStatement], list[cst.BaseStatement]]:
    """Imports, definitions and docstrings, and what is left: the statements that do something."""
    keep, rest = [], []
    for statement in module.body:
        stays = names.is_definition(statement) or names.is_import(statement) or names.is_docstring(statement)
        (keep if stays and not rest else rest).append(statement)
    return keep, rest


def _with_body(module: cst.Module, body: Sequence[cst.BaseStatement]) -> str:
    return module.with_changes(body=body).code


def _indented(module: cst.Module, header: str, after: str = "") -> str | None:
    """The statements of a module below ``header``."""
    keep, rest = _split(module)
    if not rest:
        return None
    frame = cst.parse_module(f"{header}\n    pass\n{after}")
    block = frame.body[-1]
    inner = cst.IndentedBlock(body=rest)
    return _with_body(module, [*keep, *frame.body[:-1], block.with_changes(body=inner)])


def if_true(text: str) -> str | None:
    return _indented(_parsed(text), "if True:")


def main_guard(text: str) -> str | None:
    return None if "__main__" in text else _indented(_parsed(text), 'if __name__ == "__main__":')


def try_block(text: str) -> str | None:
    return _indented(
        _parsed(text), "try:", "except ZeroDivisionError:\n    raise\nfinally:\n    print('done')\n"
    )


def with_block(text: str) -> str | None:
    if "__main__" in text:
        return None  # what a module does as a script stands at its end, in nothing else
    module = _parsed(text)
    made = _indented(module, "with contextlib.nullcontext():")
    return None if made is None else _after_future(made, "import contextlib\n")


def once_loop(text: str) -> str | None:
    if any(names.is_definition(statement) for statement in _split(_parsed(text))[1]):
        return None  # nobody defines functions in a loop
    return _indented(_parsed(text), "for _once in range(1):")


def _after_future(text: str, line: str) -> str:
    """``line`` before everything but the module's docstring and ``from __future__``."""
    module = _parsed(text)
    at = 0
    for number, statement in enumerate(module.body):
        future = "__future__" in module.code_for_node(statement)
        if (names.is_docstring(statement) and number == 0) or future:
            at = number + 1
    extra = cst.parse_module(line).body
    return _with_body(module, [*module.body[:at], *extra, *module.body[at:]])


def _reads_inside(statements: Sequence[cst.BaseStatement]) -> set[str]:
    """Names that functions and classes among the statements read: they look them up in the module."""
    return names.of(*(s for s in statements if names.is_definition(s))).read


def extract_function(text: str) -> str | None:
    """What a module does, as a function that it calls."""
    module = _parsed(text)
    keep, rest = _split(module)
    found = names.of(*rest) if rest else None
    if found is None or any(names.is_definition(s) or names.is_import(s) for s in rest):
        return None
    if found.bound & _reads_inside(keep) or "global " in text or "lambda" in text or "__main__" in text:
        return None
    return _indented(module, "def everything():", "").rstrip() + "\n\n\neverything()\n"  # type: ignore[union-attr]


class _Rename(cst.CSTTransformer):
    def __init__(self, table: dict[str, str]) -> None:
        self.table = table

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        return updated_node.with_changes(value=self.table.get(original_node.value, original_node.value))

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def visit_ImportAlias(self, node: cst.ImportAlias) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False


def rename(text: str) -> str | None:
    """Variables by other names, where nothing spells them but the module itself."""
    module = _parsed(text)
    found = names.of(module)
    spelled = set(re.findall(r"\w+", " ".join(re.findall(r"\"[^\"\n]*\"|'[^'\n]*'", text))))
    free = sorted(found.bound - found.fixed - spelled - {"_", "__all__"})
    local = [name for name in free if not name.isupper() and not name.startswith("__")]
    if not local or "import *" in text or "locals()" in text or "globals()" in text:
        return None
    return module.visit(_Rename({name: f"{name}_anew" for name in local})).code


def alias_imports(text: str) -> str | None:
    """``import keras as keras_too``, ``from keras import layers as layers_too``."""
    module = _parsed(text)
    table: dict[str, str] = {}

    class Alias(cst.CSTTransformer):
        def leave_ImportAlias(
            self, original_node: cst.ImportAlias, updated_node: cst.ImportAlias
        ) -> cst.ImportAlias:
            name = original_node.name
            if original_node.asname is not None or not isinstance(name, cst.Name):
                return updated_node
            table[name.value] = f"{name.value}_too"
            made = cst.AsName(cst.Name(table[name.value]))
            return updated_node.with_changes(asname=made)

    body = [
        statement.visit(Alias()) if _of_keras(module, statement) else statement for statement in module.body
    ]
    bound = names.of(*(s for s in module.body if not names.is_import(s)))
    if not table or set(table) & (bound.bound | bound.parameters) or "global " in text:
        return None
    return module.with_changes(body=body).visit(_Rename(table)).code  # type: ignore[union-attr]


def _of_keras(module: cst.Module, statement: cst.BaseStatement) -> bool:
    line = module.code_for_node(statement).strip()
    return names.is_import(statement) and re.match(r"(from|import) (keras|tensorflow)\b", line) is not None


def reorder(text: str) -> str | None:
    """Definitions that stand side by side and need nothing of each other change places."""
    module = _parsed(text)
    body, moved, at = list(module.body), False, 0
    while at + 1 < len(body):
        one, two = body[at], body[at + 1]
        if _plain_function(one) and _plain_function(two):
            body[at], body[at + 1], moved = two, one, True
            at += 1
        at += 1
    return _with_body(module, body) if moved else None


def _plain_function(statement: cst.BaseStatement) -> bool:
    """A function whose definition evaluates nothing."""
    if not isinstance(statement, cst.FunctionDef) or statement.decorators or statement.returns:
        return False
    params = statement.params
    every = (*params.params, *params.kwonly_params, *params.posonly_params)
    return all(param.default is None and param.annotation is None for param in every)


class _OneArgumentALine(cst.CSTTransformer):
    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        if len(updated_node.args) < 2 or "\n" in cst.Module([]).code_for_node(original_node):
            return updated_node
        line = cst.ParenthesizedWhitespace(last_line=cst.SimpleWhitespace("        "))
        args = [
            arg.with_changes(comma=cst.Comma(whitespace_after=line))
            if number + 1 < len(updated_node.args)
            else arg
            for number, arg in enumerate(updated_node.args)
        ]
        return updated_node.with_changes(args=args, whitespace_before_args=line)

    def visit_FormattedString(self, node: cst.FormattedString) -> bool:
        return False


def continued_lines(text: str) -> str | None:
    return _parsed(text).visit(_OneArgumentALine()).code


def commented(text: str) -> str | None:
    """A comment before and behind every statement of a module, and empty lines between."""
    module = _parsed(text)
    note = [cst.EmptyLine(indent=False), cst.EmptyLine(comment=cst.Comment("# softmax, from_logits=True"))]
    body = []
    for statement in module.body:
        lines = [*note, *statement.leading_lines]  # type: ignore[attr-defined]
        body.append(statement.with_changes(leading_lines=lines))
    return _with_body(module, body)


def parenthesised(text: str) -> str | None:
    """``x = (value)``."""

    class Brackets(cst.CSTTransformer):
        def leave_Assign(self, original_node: cst.Assign, updated_node: cst.Assign) -> cst.Assign:
            if isinstance(updated_node.value, (cst.Yield, cst.Tuple)) or updated_node.value.lpar:
                return updated_node
            value = updated_node.value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
            return updated_node.with_changes(value=value)

    return _parsed(text).visit(Brackets()).code


def by_way_of_a_name(text: str) -> str | None:
    """``model.compile(loss=X)`` becomes ``goal = X`` and ``model.compile(loss=goal)``."""

    class Hoist(cst.CSTTransformer):
        count = 0

        def leave_SimpleStatementLine(
            self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
        ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine]:
            loss = _loss_argument(updated_node)
            if loss is None:
                return updated_node
            self.count += 1
            name = cst.Name(f"goal_{self.count}")
            given = cst.Assign([cst.AssignTarget(name)], loss.value.deep_clone())
            before = cst.SimpleStatementLine([given], leading_lines=updated_node.leading_lines)
            after = updated_node.deep_replace(loss.value, name).with_changes(leading_lines=[])
            return cst.FlattenSentinel([before, after])  # type: ignore[list-item]

    hoist = Hoist()
    made = _parsed(text).visit(hoist).code
    return made if hoist.count else None


def _loss_argument(line: cst.SimpleStatementLine) -> cst.Arg | None:
    """The ``loss=`` of a statement that is nothing but a call of ``compile``."""
    only = line.body[0] if len(line.body) == 1 else None
    if not isinstance(only, cst.Expr) or not isinstance(only.value, cst.Call):
        return None
    function = only.value.func
    if not isinstance(function, cst.Attribute) or function.attr.value != "compile":
        return None
    return next((arg for arg in only.value.args if arg.keyword and arg.keyword.value == "loss"), None)


def carriage_returns(text: str) -> str | None:
    return text.replace("\n", "\r\n")


def byte_order_mark(text: str) -> str | None:
    return "\ufeff" + text


def dead_weight(text: str) -> str | None:
    """A function and a class that nothing needs."""
    return text + "\n\ndef nobody(a, b=2):\n    return a + b\n\n\nclass Nothing:\n    x = 1\n"


TEXTS: dict[str, Transform] = {
    f.__name__: f
    for f in (
        if_true,
        main_guard,
        try_block,
        with_block,
        once_loop,
        extract_function,
        rename,
        alias_imports,
        reorder,
        continued_lines,
        commented,
        parenthesised,
        by_way_of_a_name,
        carriage_returns,
        byte_order_mark,
        dead_weight,
    )
}


_OF_SCRIPTS = (extract_function, main_guard, rename)
"""What they do to a module takes its names from those who import it."""


def _imported(path: str, files: Files) -> bool:
    """Whether another module of the program may import this one."""
    stem = path.removesuffix(".py").removesuffix("/__init__").rpartition("/")[2]
    word = re.compile(rf"\b(import|from)\b.*\b{stem}\b")
    return any(word.search(text) for other, text in files.items() if other != path)


def each_file(transform: Transform) -> Callable[[Files], Files | None]:
    """The transformation applied to every module of a program that it fits."""

    def apply(files: Files) -> Files | None:
        made = dict(files)
        for path, text in files.items():
            fits = path.endswith(".py") and not (transform in _OF_SCRIPTS and _imported(path, files))
            changed = transform(text) if fits else None
            if changed is not None:
                made[path] = changed
        return made if made != files else None

    return apply


def to_notebook(files: Files) -> Files | None:
    """A script that nothing imports becomes a notebook, some statements to a cell."""
    scripts = [path for path in files if path.endswith(".py") and "/" not in path]
    if len(files) != 1 or not scripts:
        return None
    module = _parsed(files[scripts[0]])
    if names.of(module).read & {"__file__"}:
        return None
    body = [module.code_for_node(statement) for statement in module.body]
    cells = ["".join(body[i : i + 2]) for i in range(0, len(body), 2)]
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": cell.strip("\n").splitlines(keepends=True),
            }
            for cell in cells
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    return {scripts[0].removesuffix(".py") + ".ipynb": json.dumps(notebook)}


def extract_module(files: Files) -> Files | None:
    """The functions and classes of a lone script move to a module beside it."""
    if len(files) != 1 or not next(iter(files)).endswith(".py"):
        return None
    path, text = next(iter(files.items()))
    module = _parsed(text)
    defined = [s for s in module.body if names.is_definition(s)]
    imports = [s for s in module.body if names.is_import(s)]
    rest = [s for s in module.body if s not in defined and s not in imports]
    others = names.of(*rest)
    if not defined or (others.bound | others.fixed) & names.of(*defined).read:
        return None
    moved = [s.name.value for s in defined]  # type: ignore[attr-defined]
    line = cst.parse_module(f"from moved_apart import {', '.join(moved)}\n").body
    if "global " in text or "__all__" in text:
        return None
    folder = path.rpartition("/")[0]
    beside = f"{folder}/moved_apart.py" if folder else "moved_apart.py"
    return {
        path: _with_body(module, [*imports, *line, *rest]),
        beside: _with_body(module, [*imports, *defined]),
    }


TRANSFORMS: dict[str, Callable[[Files], Files | None]] = {
    **{name: each_file(transform) for name, transform in TEXTS.items()},
    "to_notebook": to_notebook,
    "extract_module": extract_module,
}
