"""The last turn of a loop of unknown length: ``activation="relu" if i < n - 1 else None`` asks for it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp import operators
from fromlogits_audit.interp.evaluate import evaluate
from fromlogits_audit.interp.values import Args, Const, ExternalV, Place, TupleV, Unknown, Value
from fromlogits_audit.interp.walk import nodes

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run
    from fromlogits_audit.interp.state import Frame


def last_item(run: Run, frame: Frame, node: cst.For, items: tuple[Value, ...]) -> Value | None:
    """What the loop variables are in the last turn: the counter is one less than the length.

    None where nothing in the body compares the counter, or where the length is known.
    """
    walks = _walks(node)
    if walks is None or len(items) != 1:
        return None
    name, of = walks
    place = Place(frame.chunk, node)
    length = evaluate(run, frame, of)
    if name == "enumerate":
        length = run.call(ExternalV("builtins.len"), Args((length,)), place)
    if not isinstance(length, Unknown):
        return None
    last = operators.binary(run, cst.Subtract(), length, Const(1), place)
    if name == "range":
        return last
    pair = items[0]
    return TupleV((last, *pair.items[1:])) if isinstance(pair, TupleV) else None


@lru_cache(maxsize=256)
def _walks(node: cst.For) -> tuple[str, cst.BaseExpression] | None:
    """``range`` or ``enumerate``, and what it is given, in a loop whose body compares the counter."""
    call, target = node.iter, node.target
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Name) or len(call.args) != 1:
        return None
    name, of = call.func.value, call.args[0].value
    if name == "enumerate" and isinstance(target, (cst.Tuple, cst.List)) and target.elements:
        target = target.elements[0].value  # type: ignore[assignment]
    simple = isinstance(of, (cst.Name, cst.Attribute, cst.Call))
    if name not in ("range", "enumerate") or not isinstance(target, cst.Name) or not simple:
        return None
    return (name, of) if _is_compared(node.body, target.value) else None


def _is_compared(body: cst.CSTNode, counter: str) -> bool:
    comparisons = (node for node in nodes(body) if isinstance(node, cst.Comparison))
    return any(
        {counter} < {name.value for name in nodes(one) if isinstance(name, cst.Name)} for one in comparisons
    )
