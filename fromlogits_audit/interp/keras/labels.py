"""What operations on labels leave of their encoding: which rows survive, and how many classes.

Class numbers that are filtered, shifted or taken modulo are class numbers still, of another number of
classes. One-hot rows that are mixed or smoothed keep their width; a column of them, or their sum, is
something else.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fromlogits_audit.catalogue.interface import OpEffect
from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.items import content_of, spread
from fromlogits_audit.interp.keras.shapes import dims, number
from fromlogits_audit.interp.keras_values import DRAWN, LayerV, TensorV, data_tensor
from fromlogits_audit.interp.values import NONE, Args, Const, ListV, SliceV, TupleV, Unknown, Value
from fromlogits_audit.ir import LabelEncoding, Labels

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

INTEGER, ONE_HOT = LabelEncoding.INTEGER, LabelEncoding.ONE_HOT
MAX_LITERAL = 256
"""Numbers of a literal that are looked at."""
_LOSING = (
    OpEffect.REDUCE,
    OpEffect.MEAN,
    OpEffect.UNIT,
    OpEffect.LOG,
    OpEffect.EXP,
    OpEffect.CLIP,
    OpEffect.LINEAR,
)


def uncounted(labels: Labels | None) -> Labels | None:
    """The same class numbers, of some of the classes only or of others; one-hot rows keep their width."""
    if labels is None or labels.encoding is not INTEGER:
        return labels
    return replace(labels, classes=None)


def some_of(element: Value) -> Value:
    """An element, or what is made of it, of which some are left out."""
    if isinstance(element, TupleV):
        return TupleV(tuple(map(some_of, element.items)), element.open)
    if isinstance(element, TensorV) and element.labels is not None:
        return replace(element, labels=uncounted(element.labels))
    return element


def labelled(run: Run, effect: OpEffect, name: str, args: Args, result: Value) -> Value:
    """The result of a tensor function with what is left of the labels in it."""
    if not isinstance(result, TensorV):
        return result
    before, after = _labels_in(run, args), result.labels
    if effect in (OpEffect.CONCAT, OpEffect.STACK):
        after = _joined(before) if effect is OpEffect.CONCAT and _along_samples(name, args, before) else None
    elif after is None or effect in (OpEffect.NEW, OpEffect.ARGMAX):
        return result
    elif effect in _LOSING:
        after = None
    elif effect is OpEffect.RESHAPE:
        after = _reshaped(after, result)
    elif effect is not OpEffect.KEEP:
        after = uncounted(after) if len(set(before)) == 1 else None
    elif name.endswith("expand_dims") and after.encoding is ONE_HOT:
        after = None
    return result if after == result.labels else replace(result, labels=after)


def _labels_in(run: Run, args: Args) -> list[Labels | None]:
    """The labels of all tensors that are given, also in a list."""
    found: list[Labels | None] = []
    for value in args.all():
        items = spread(run, value) if isinstance(value, (ListV, TupleV)) else TupleV((value,))
        for item in items.items if isinstance(items, TupleV) else ():
            found += [item.labels] if isinstance(item, TensorV) else []
    return found


_BESIDE = ("hstack", "column_stack", "dstack", "c_")


def _along_samples(name: str, args: Args, parts: Sequence[Labels | None]) -> bool:
    """Whether a function puts its arguments one after the other, and not side by side."""
    short = name.rpartition(".")[2]
    axis = args.keywords.get("axis") or (args.positional[1] if len(args.positional) > 1 else None)
    if short in _BESIDE or (axis is not None and not isinstance(axis, TensorV) and number(axis) != 0):
        return False
    # Class numbers under one another in a vstack are a row each.
    return short != "vstack" or all(part is not None and part.encoding is ONE_HOT for part in parts)


def _joined(parts: Sequence[Labels | None]) -> Labels | None:
    """Labels put one after the other."""
    known = [part for part in parts if part is not None]
    if not known or len(known) != len(parts) or len({part.encoding for part in known}) != 1:
        return None
    sizes = {part.classes for part in known}
    return known[0] if len(sizes) == 1 else replace(known[0], classes=None)


def _reshaped(labels: Labels, result: TensorV) -> Labels | None:
    """One-hot rows survive only where the last axis is still that of the classes."""
    if labels.encoding is not ONE_HOT:
        return labels
    last = result.shape[-1] if result.shape else None
    return labels if last is not None and last == labels.classes else None


def after_operator(symbol: str, a: Value, b: Value, result: Value) -> Value:
    """Labels after ``y - 1``, ``y % 10``, ``y * 0.9 + 0.01`` ..."""
    if not isinstance(result, TensorV):
        return result
    sides = [v.labels for v in (a, b) if isinstance(v, TensorV) and v.labels is not None]
    if not sides:
        return result if result.labels is None else replace(result, labels=None)
    labels: Labels | None = sides[0]
    if len(sides) == 2 and sides[0] != sides[1]:
        labels = None
    elif sides[0].encoding is INTEGER:
        labels = _shifted(symbol, sides[0], a, b)
    elif symbol not in ("+", "-", "*", "/"):
        labels = None
    return replace(result, labels=labels)


def _shifted(symbol: str, labels: Labels, a: Value, b: Value) -> Labels | None:
    """Class numbers after an operator with a whole number on its right."""
    whole = isinstance(b, Const) and isinstance(b.value, int) and isinstance(a, TensorV)
    if not whole or symbol not in ("+", "-", "%", "//"):
        return None
    size = b.value if symbol == "%" and isinstance(b, Const) and b.value > 2 else None
    return replace(labels, classes=size)


def after_index(tensor: TensorV, key: Value) -> Labels | None:
    """Labels after ``y[key]``."""
    labels = tensor.labels
    if labels is None or (isinstance(key, Const) and isinstance(key.value, str)):
        return None
    if isinstance(key, TupleV):
        whole = all(isinstance(part, SliceV) or part is NONE for part in key.items[1:])
        if labels.encoding is ONE_HOT:
            return (
                labels if whole and not any(part is NONE or _cuts(part) for part in key.items[1:]) else None
            )
        return labels if labels.encoding is INTEGER else None
    return labels if isinstance(key, SliceV) and not _cuts(key) else uncounted(labels)


def _cuts(part: Value) -> bool:
    """Whether a slice takes a part of an axis only."""
    ends = (part.lower, part.upper, part.step) if isinstance(part, SliceV) else ()
    return not all(isinstance(end, Const) and end.value is None for end in ends)


# -- arrays ----------------------------------------------------------------------------------------
def of_literal(run: Run, value: Value) -> Labels | None:
    """What the numbers of ``np.array([0, 2, 1])`` or ``np.array([[0, 1], [1, 0]])`` can only be.

    A row of zeros and ones may be one sample or many; it is left open.
    """
    rows = _numbers(run, value, 2)
    if not isinstance(rows, list) or not rows:
        return None
    if all(isinstance(row, list) for row in rows):
        if all(len(row) == 1 for row in rows):
            return _class_numbers([row[0] for row in rows])
        widths = {len(row) for row in rows}
        hot = all(sorted(row) == [0] * (len(row) - 1) + [1] for row in rows)
        return Labels(ONE_HOT, widths.pop()) if hot and len(widths) == 1 else None
    return _class_numbers(rows)


def _class_numbers(numbers: list[Any]) -> Labels | None:
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers)
    return Labels(INTEGER, max(numbers) + 1) if whole and max(numbers) >= 2 else None


def _numbers(run: Run, value: Value, depth: int) -> Any:
    """The plain numbers of a literal, None where one is not known."""
    if isinstance(value, Const):
        return value.value if isinstance(value.value, (int, float)) else None
    content = content_of(run, value) if isinstance(value, ListV) else value
    if not depth or not isinstance(content, TupleV) or content.open or len(content.items) > MAX_LITERAL:
        return None
    inner = [_numbers(run, item, depth - 1) for item in content.items]
    nested = {isinstance(one, list) for one in inner}
    return None if None in inner or len(nested) != 1 else inner


def counted(args: Args) -> TensorV:
    """``np.arange(n)``: whole numbers from 0."""
    sizes = [number(value) for value in args.positional]
    start = 0 if len(sizes) == 1 else next(iter(sizes), None)
    whole = 0 < len(sizes) <= 2 and not args.keywords and None not in sizes
    return data_tensor(None, Labels(INTEGER, sizes[-1]) if whole and start == 0 else None, "a range")


def drawn(run: Run, low: Value | None, high: Value | None, size: Value | None) -> TensorV:
    """Random whole numbers from ``low`` up to and without ``high``: one for each sample, or no labels.

    Zeros and ones in several columns are multi-hot targets, and a size that is not known may be that.
    """
    least, most = number(low) if low is not None else 0, number(high) if high is not None else None
    shape = dims(run, size) if size is not None else None
    column = shape is not None and (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1))
    if isinstance(size, Unknown) or not column:
        return TensorV(shape=shape, reason=DRAWN)
    if most is not None and most <= 2:
        return data_tensor(shape, Labels(LabelEncoding.BINARY, 2) if most == 2 else None)
    return data_tensor(shape, Labels(INTEGER, most if least == 0 else None))


def codes(key: Hashable) -> TensorV | None:
    """``column.astype("category").cat.codes``: the numbers of the classes; None of anything but ``.cat``."""
    of_categories = isinstance(key, tuple) and len(key) == 3 and (key[0], key[2]) == ("attribute", "cat")
    return data_tensor(None, Labels(INTEGER), "class numbers") if of_categories else None


def one_hot(size: Value | None) -> Labels:
    """One-hot labels of as many classes as ``size`` says."""
    return Labels(ONE_HOT, number(size) if size is not None else None)


_CATEGORY, _LOOKUPS = (
    "keras.layers.CategoryEncoding",
    ("keras.layers.StringLookup", "keras.layers.IntegerLookup"),
)


def encoded(layer: LayerV) -> Labels | None:
    """The labels that a preprocessing layer makes, None for one that makes none."""
    name = layer.spec.name
    mode = layer.slots.get("output_mode", Const("multi_hot" if name == _CATEGORY else "int"))
    if name not in (_CATEGORY, *_LOOKUPS) or not isinstance(mode, Const):
        return None
    if mode.value == "one_hot":
        return one_hot(layer.slots.get("num_tokens"))
    return Labels(INTEGER) if mode.value == "int" else None


def written(tensor: TensorV, key: Value, value: Value) -> Labels | None:
    """Labels after ``y[key] = value``: ones at class numbers make one-hot rows of zeros."""
    labels = tensor.labels
    one = isinstance(value, Const) and value.value == 1
    if labels is None and one and isinstance(key, TupleV) and len(key.items) == 2:
        column = key.items[1]
        given = column.labels if isinstance(column, TensorV) else None
        return Labels(ONE_HOT, tensor.units) if given is not None and given.encoding is INTEGER else None
    whole = isinstance(value, Const) and isinstance(value.value, int)
    return uncounted(labels) if labels is not None and labels.encoding is INTEGER and whole else None


def distinct(run: Run, value: Value | None) -> int | None:
    """How many different constants a literal holds."""
    content = content_of(run, value) if isinstance(value, (ListV, TupleV)) else None
    if not isinstance(content, TupleV) or content.open:
        return None
    plain = {v.value for _, v in _options(run, content) if isinstance(v, Const)}
    return len(plain) if all(isinstance(v, Const) for _, v in _options(run, content)) else None


def _options(run: Run, content: TupleV) -> list[tuple[object, Value]]:
    return [pair for item in content.items for pair in alternatives(item, run.state.guard)]
