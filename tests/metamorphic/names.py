"""Which names a module binds, reads and imports: what a transformation has to leave together."""

from __future__ import annotations

import libcst as cst

Statement = cst.BaseStatement


class _Names(cst.CSTVisitor):
    """Names read and bound, and those that are spelled where a renaming does not reach."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        self.bound: set[str] = set()
        self.fixed: set[str] = set()
        self.parameters: set[str] = set()

    def visit_Name(self, node: cst.Name) -> None:
        self.read.add(node.value)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        self.fixed.add(node.attr.value)
        node.value.visit(self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        if node.keyword is not None:
            self.fixed.add(node.keyword.value)
        node.value.visit(self)
        return False

    def visit_Param(self, node: cst.Param) -> None:
        self.fixed.add(node.name.value)
        self.parameters.add(node.name.value)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.fixed.add(node.name.value)

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        self.fixed.add(node.name.value)
        inner = _Names()
        node.body.visit(inner)  # attributes of the class are read through it
        self.read |= inner.read
        self.fixed |= inner.fixed | inner.bound
        self.parameters |= inner.parameters
        return False

    def visit_Global(self, node: cst.Global) -> None:
        self.fixed |= {item.name.value for item in node.names}

    def visit_ImportAlias(self, node: cst.ImportAlias) -> bool:
        name = node.asname.name if node.asname is not None else node.name
        while isinstance(name, cst.Attribute):
            name = name.value
        self.fixed.add(name.value if isinstance(name, cst.Name) else "")
        return False

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self.bound |= _targets(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self.fixed |= _targets(node.target)

    def visit_For(self, node: cst.For) -> None:
        self.bound |= _targets(node.target)


def _targets(node: cst.CSTNode) -> set[str]:
    if isinstance(node, cst.Name):
        return {node.value}
    if isinstance(node, (cst.Tuple, cst.List)):
        return {name for element in node.elements for name in _targets(element.value)}
    return set()


def of(*nodes: cst.CSTNode) -> _Names:
    found = _Names()
    for node in nodes:
        node.visit(found)
    return found


def is_definition(statement: Statement) -> bool:
    return isinstance(statement, (cst.FunctionDef, cst.ClassDef))


def is_import(statement: Statement) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and all(
        isinstance(part, (cst.Import, cst.ImportFrom)) for part in statement.body
    )


def is_docstring(statement: Statement) -> bool:
    """A docstring or another string that stands alone."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    only = statement.body[0]
    return isinstance(only, cst.Expr) and isinstance(only.value, (cst.SimpleString, cst.ConcatenatedString))
