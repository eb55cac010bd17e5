"""Functions that take some of the values they are given: ``where``, ``gather``, ``slice``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit.interp.items import spread
from fromlogits_audit.interp.keras.activations import opaque
from fromlogits_audit.interp.keras.shapes import UNRANKED, number, ranked
from fromlogits_audit.interp.keras_values import TensorV, data_tensor
from fromlogits_audit.interp.values import NONE, Args, Const, FuncV, ListV, Place, TupleV, Unknown, Value
from fromlogits_audit.ir import Scale, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def first(args: Args) -> TensorV:
    """The tensor that a function is given; an unknown argument may be one."""
    for value in args.all():
        if isinstance(value, TensorV):
            return value
        if isinstance(value, Unknown):
            return TensorV(reason=value.reason)
    return data_tensor()


def select(run: Run, name: str, args: Args, place: Place | None, axis: Value | None) -> Value:
    short = name.rpartition(".")[2]
    values = _chosen_from(run, args, place) if short in _BY_CONDITION else args.positional[:1]
    tensors = [v for v in values if isinstance(v, TensorV)] or [first(args)]
    if len({t.scale for t in tensors}) > 1:
        return opaque(replace(tensors[0], shape=None), Undecided(Why.COMBINED, short))
    chosen = tensors[0]
    if short == "gather" and chosen.shape is not None and _gathers_before_classes(args, chosen.shape):
        return replace(chosen, shape=(UNRANKED, chosen.units), layer=None, parents=(chosen,))
    if short in _SPLITS and number(axis if axis is not None else Const(0)) == 0 and len(tensors) == 1:
        part = replace(chosen, shape=(UNRANKED, chosen.units), layer=None, parents=(chosen,))
        return TupleV((part,), open=True)
    if chosen.scale is Scale.PROBABILITIES and short != "where":
        return opaque(replace(chosen, shape=None), Undecided(Why.COMBINED, f"{short} of probabilities"))
    return replace(chosen, shape=None, layer=None, parents=(chosen,))


_SPLITS = ("split", "array_split")
"""Along the first axis, which is theirs by default, they part the rows."""
_BY_CONDITION = ("where", "switch", "select", "choose", "compress", "extract")
"""Their first argument says which of the others are taken."""
_CONDITIONS = ("condition", "condlist", "pred", "index")


def _chosen_from(run: Run, args: Args, place: Place | None) -> list[Value]:
    """What ``where(condition, a, b)`` takes its values from; lists and functions of them too."""
    given = [v for name, v in args.keywords.items() if name not in _CONDITIONS]
    chosen: list[Value] = []
    for value in (*args.positional[1:], *given):
        items = spread(run, value) if isinstance(value, (ListV, TupleV)) else None
        for item in items.items if isinstance(items, TupleV) else (value,):
            chosen.append(run.call(item, Args(), place) if isinstance(item, FuncV) else item)
    return chosen


def _gathers_before_classes(args: Args, shape: tuple[int | None, ...]) -> bool:
    """Whether ``gather`` picks rows and leaves the last axis whole."""
    given = args.get(3, "axis"), args.get(4, "batch_dims")
    axis, batch = (0 if v is None or v is NONE else number(v) for v in given)
    if ranked(shape) is None or axis is None or batch is None:
        return False
    return 0 <= max(axis, batch) < len(shape) - 1
