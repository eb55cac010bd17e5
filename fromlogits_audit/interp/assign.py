"""Assignment targets: names, attributes, items, sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp import containers
from fromlogits_audit.interp.attributes import set_attribute
from fromlogits_audit.interp.choice import alternatives, choose
from fromlogits_audit.interp.items import DATA, content_of, spread, unpacked
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.state import Frame
from fromlogits_audit.interp.values import Choice, ExternalV, InstanceV, ListV, TupleV, Value

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


def assign(run: Run, frame: Frame, target: cst.CSTNode, value: Value) -> None:
    """Bind a value to a target."""
    from fromlogits_audit.interp.evaluate import evaluate

    if isinstance(target, cst.Name):
        holder = frame.globals_of.get(target.value, frame)
        run.state.write(holder, target.value, value)
    elif isinstance(target, cst.Attribute):
        base = evaluate(run, frame, target.value)
        if isinstance(base, ExternalV):
            # ``tf.model = ...``: the module keeps it.
            run.state.write(frame.root, ("patched", base.name, target.attr.value), value)
        else:
            set_attribute(run, base, target.attr.value, value)
    elif isinstance(target, cst.Subscript):
        _item(run, frame, target, value)
    elif isinstance(target, (cst.Tuple, cst.List)):
        _sequence(run, frame, target, value)
    elif isinstance(target, cst.StarredElement):
        assign(run, frame, target.value, value)


def _item(run: Run, frame: Frame, target: cst.Subscript, value: Value) -> None:
    from fromlogits_audit.interp.evaluate import evaluate, index_of

    base = evaluate(run, frame, target.value)
    index = index_of(run, frame, target)
    branches = []
    options = alternatives(base, run.state.guard)
    for guard, option in options:
        with run.state.branch(guard) as branch:
            if isinstance(option, InstanceV):
                if run.call_special(option, "__setitem__", (index, value), None) is None:
                    containers.set_item(run, option.slots.get(DATA, option), index, value)
            elif isinstance(option, TensorV):
                _written(run, frame, option, run.keras.written(option, index, value))
            else:
                containers.set_item(run, option, index, value)
        branches.append(branch)
    if isinstance(base, Choice):
        run.state.join(branches)
    else:
        run.state.adopt(branches[0])


def _written(run: Run, frame: Frame | None, before: TensorV, after: Value) -> None:
    """An array is changed where it is: by every name that it has here."""
    while frame is not None and after is not before:
        for name, value in list(frame.slots.items()):
            if value is before:
                run.state.write(frame, name, after)
        frame = frame.parent


def _sequence(run: Run, frame: Frame, target: cst.Tuple | cst.List, value: Value) -> None:
    elements = target.elements
    starred = next((i for i, e in enumerate(elements) if isinstance(e, cst.StarredElement)), None)
    if starred is None:
        for element, item in zip(elements, unpacked(run, value, len(elements)), strict=True):
            assign(run, frame, element.value, item)
        return
    items = _around_star(run, value, starred, len(elements) - starred - 1)
    for element, item in zip(elements, items, strict=True):
        assign(run, frame, element.value, item)


def _around_star(run: Run, value: Value, before: int, after: int) -> list[Value]:
    """What the names before a starred one get, what that one gets, and what those after it do."""
    content = content_of(run, value)
    if isinstance(content, Choice):
        options = alternatives(content, run.state.guard)
        rows = [(guard, _around_star(run, option, before, after)) for guard, option in options]
        return [choose([(guard, row[n]) for guard, row in rows]) for n in range(before + 1 + after)]
    source = spread(run, content)
    if not isinstance(source, TupleV) or source.open or len(source.items) < before + after:
        items = unpacked(run, content, max(before, 1))
        known = source.items if isinstance(source, TupleV) else ()
        rest = known[before : len(known) - after] or items[-1:]
        return [*items[:before], ListV(tuple(rest), True), *(known or items)[-1:] * after]
    end = len(source.items) - after
    return [*source.items[:before], ListV(source.items[before:end]), *source.items[end:]]
