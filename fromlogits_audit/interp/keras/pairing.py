"""Which loss goes to which output, as Keras pairs them: by key, by position, or one with all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import product
from fromlogits_audit.interp.dicts import others_of
from fromlogits_audit.interp.items import content_of
from fromlogits_audit.interp.keras import losses
from fromlogits_audit.interp.keras_values import TensorV
from fromlogits_audit.interp.values import (
    DictV,
    Entries,
    Hop,
    ListV,
    Obj,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


@dataclass(frozen=True)
class Head:
    """One output of a model. ``key`` is what a dict of losses calls it, ``name`` what a report does."""

    value: Value
    key: str | None
    name: str | None


def meet_compiled(run: Run, model: Obj, labels: Value | None, predicted: Value, place: Place | None) -> None:
    """A step gives outputs to the losses that its model was compiled with."""
    loss = model.slots.get("$loss")
    if loss is None:
        return
    hops = (Hop(place, "computed here"),) if place is not None else ()
    with run.recorder.together():
        branches = []
        for guard, (one_loss, output) in product([loss, predicted], run.state.guard):
            heads = heads_of(run, output)
            with run.state.branch(guard) as branch:
                for head, asked in paired(run, one_loss, heads):
                    given = _labels_of(run, labels, head, heads) if labels is not None else None
                    losses.meet(run, asked, given, head.value, place=place, hops=hops, name=head.name)
            branches.append(branch)
    run.state.join(branches)


def _labels_of(run: Run, labels: Value, head: Head, heads: list[Head]) -> Value | None:
    """The labels of one output: those under its key, or at its position."""
    content = content_of(run, labels)
    if isinstance(content, Entries):
        return content.items[head.key][1] if head.key in content.items else None
    if len(heads) == 1:
        return labels
    if not isinstance(content, TupleV) or content.open or len(content.items) != len(heads):
        return None
    pairs = zip(heads, content.items, strict=True)
    return next((given for other, given in pairs if other.value is head.value), None)


def heads_of(run: Run, outputs: Value) -> list[Head]:
    """The outputs of a model, one by one, with their names."""
    content = content_of(run, outputs)
    if isinstance(content, (Entries, TupleV)) and not content.items:
        return [Head(_collected(run, outputs), None, None)]
    if isinstance(content, Entries):
        return [Head(value, str(key), str(key)) for key, (_, value) in content.items.items()]
    if isinstance(content, TupleV):
        items = _flat_outputs(run, content)
        if len(items) == 1 and not content.open:
            return [Head(items[0], _layer_name(items[0]), None)]
        return [Head(v, _layer_name(v), _layer_name(v) or str(n)) for n, v in enumerate(items)]
    return [Head(content, _layer_name(content), None)]


def _collected(run: Run, outputs: Value) -> Value:
    """What stands for outputs that are collected at run time: what was put under keys that are not known."""
    others = others_of(outputs)
    return others if others is not None else run.state.fresh(Why.RUNTIME, "outputs collected at run time")


def _flat_outputs(run: Run, outputs: TupleV) -> tuple[Value, ...]:
    """Outputs, also ``(g, [a, b])``, as Keras counts them."""
    parts = [(item, content_of(run, item) if isinstance(item, ListV) else item) for item in outputs.items]
    nested = [part.items if isinstance(part, TupleV) and not part.open else (item,) for item, part in parts]
    return tuple(one for part in nested for one in part)


def _layer_name(value: Value) -> str | None:
    return value.name if isinstance(value, TensorV) else None


def paired(run: Run, loss: Value, heads: list[Head]) -> list[tuple[Head, Value]]:
    """Which loss goes to which output."""
    content = content_of(run, loss) if isinstance(loss, (ListV, DictV)) else loss
    if isinstance(content, (TupleV, Entries)) and not content.items:
        others = others_of(loss)
        reason = Undecided(Why.RUNTIME, "losses collected at run time")
        return [(head, others or Unknown(reason, ("losses", id(content)))) for head in heads]
    if isinstance(content, TupleV):
        return _by_position(content, heads)
    if isinstance(content, Entries):
        others = others_of(loss)
        pairs = _by_name(content, heads)
        return pairs if others is None else [*pairs, (_left_over(pairs, heads), others)]
    return [(head, loss) for head in heads]


def _left_over(pairs: list[tuple[Head, Value]], heads: list[Head]) -> Head:
    """The output of a loss under a key that is not known: the one that no other loss has."""
    paired = [head.value for head, _ in pairs]
    free = [head for head in heads if all(head.value is not value for value in paired)]
    if len(free) == 1:
        return free[0]
    return Head(TensorV(reason=Undecided(Why.RUNTIME, "which output a key means")), None, None)


def _by_position(content: TupleV, heads: list[Head]) -> list[tuple[Head, Value]]:
    if len(heads) == 1 and len(content.items) > 1:
        first = heads[0]
        if isinstance(first.value, TensorV) and first.value.reason is None:
            return [(first, content.items[0])]
        # An output that cannot be followed may be several.
        return [(Head(first.value, None, str(n)), item) for n, item in enumerate(content.items)]
    return list(zip(heads, content.items, strict=False))


def _by_name(content: Entries, heads: list[Head]) -> list[tuple[Head, Value]]:
    pairs: list[tuple[Head, Value]] = []
    used: set[str] = set()
    for head in heads:
        if head.key is not None and head.key in content.items:
            pairs.append((head, content.items[head.key][1]))
            used.add(head.key)
    left = [(str(key), value) for key, (_, value) in content.items.items() if key not in used]
    free = [head for head in heads if head.key is None]
    if len(left) == 1 and len(free) == 1 and len(heads) == len(content.items):
        return [*pairs, (Head(free[0].value, None, left[0][0] if len(heads) > 1 else None), left[0][1])]
    for key, value in left:
        known = len(heads) == 1 and len(content.items) == 1
        detail = Undecided(Why.UNSUPPORTED, f"which output is called {key}")
        output = heads[0].value if known else _nameless(heads, detail)
        pairs.append((Head(output, key, None if known else key), value))
    return pairs


def _nameless(heads: list[Head], reason: Undecided) -> Value:
    """An output that a dict of losses names and the model does not: unknown, with the better reason."""
    if len(heads) == 1 and isinstance(heads[0].value, TensorV) and heads[0].value.reason is not None:
        return heads[0].value
    if len(heads) == 1 and isinstance(heads[0].value, Unknown):
        return heads[0].value
    return TensorV(reason=reason)
