"""Texts as a program writes them: literals, several side by side, formatted ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fromlogits_audit import cst
from fromlogits_audit.interp.choice import choose, product
from fromlogits_audit.interp.operators import MAX_TEXT, put_together
from fromlogits_audit.interp.state import Frame
from fromlogits_audit.interp.values import Choice, Const, Place, Value
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.comprehend import Evaluate
    from fromlogits_audit.interp.run import Run


def literal(run: Run, frame: Frame, node: cst.SimpleString) -> Value:
    if node.value[0] in "'\"" and "\\" not in node.value:
        # Most strings: libcst would parse each of them once more.
        size = 3 if node.value[:3] in ("'''", '"""') and len(node.value) > 5 else 1
        return Const(node.value[size:-size], Place(frame.chunk, node))
    try:
        return Const(node.evaluated_value, Place(frame.chunk, node))
    except (ValueError, SyntaxError, MemoryError):
        return run.state.fresh(Why.UNSUPPORTED, "string")


def concatenated(run: Run, frame: Frame, node: cst.ConcatenatedString, evaluate: Evaluate) -> Value:
    """``"a" f"{b}"``."""
    text: Any = None
    part: cst.BaseExpression | None = node
    while part is not None:
        left, part = (part.left, part.right) if isinstance(part, cst.ConcatenatedString) else (part, None)
        value = evaluate(run, frame, left)
        if not isinstance(value, Const):
            return value
        text = value.value if text is None else text + value.value
    return Const(text, Place(frame.chunk, node))


def formatted(run: Run, frame: Frame, node: cst.FormattedString, evaluate: Evaluate) -> Value:
    """``f"a{b}"``, for each value that ``b`` may have."""
    parts: list[Value] = []
    for part in node.parts:
        said: Value | None
        if isinstance(part, cst.FormattedStringText):
            said = None if "\\" in part.value else Const(part.value.replace("{{", "{").replace("}}", "}"))
        else:
            said = _said(run, frame, part, evaluate)  # type: ignore[arg-type]
        if said is None:
            return put_together(run)
        parts.append(said)
    place = Place(frame.chunk, node)
    if not any(isinstance(part, Choice) for part in parts):
        return _joined(run, parts, place)
    return choose([(guard, _joined(run, row, place)) for guard, row in product(parts, run.state.guard)])


def _joined(run: Run, parts: Sequence[Value], place: Place) -> Value:
    text = ""
    for part in parts:
        if not isinstance(part, Const):
            return put_together(run)
        text += str(part.value)
        if len(text) > MAX_TEXT:
            return run.state.fresh(Why.LIMIT, "a text too long")
    return Const(text, place)


def _said(run: Run, frame: Frame, part: cst.FormattedStringExpression, evaluate: Evaluate) -> Value | None:
    """What an expression adds to a formatted string, None where that is not known."""
    value = evaluate(run, frame, part.expression)
    known = isinstance(value, (Const, Choice)) and not part.format_spec and part.conversion in (None, "s")
    return value if known else None
