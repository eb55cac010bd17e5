"""``model.compile``: every loss and metric is paired with its output."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp.choice import alternatives, product
from fromlogits_audit.interp.items import content_of, spread
from fromlogits_audit.interp.keras import losses, metrics, steps
from fromlogits_audit.interp.keras.models import outputs_of
from fromlogits_audit.interp.keras.pairing import Head, heads_of, paired
from fromlogits_audit.interp.keras.precision import note_half_precision
from fromlogits_audit.interp.keras_values import LossV, ModelV, TensorV
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    Const,
    DictV,
    Entries,
    Guard,
    Hop,
    InstanceV,
    ListV,
    Obj,
    Place,
    TupleV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Kind
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

HEADS = "$heads"
"""The slot of a model that holds the names of its outputs, in their order."""
PARAMETERS = ("optimizer", "loss", "metrics", "loss_weights", "weighted_metrics")


@dataclass(frozen=True, eq=False)
class Compiled(Value):
    """What ``compile`` was given, and where."""

    bound: dict[str, Value]
    place: Place


COMPILED = "$compiled"
"""The slot of a model that holds it."""


def compile_model(run: Run, model: Value, args: Args, place: Place) -> None:
    """Pair losses and metrics with the outputs of a model, under all alternatives."""
    bound = args.bind(PARAMETERS)
    if isinstance(model, InstanceV):
        model.trained = True
    loss, rest = bound.get("loss"), args.double or args.star
    if loss is None and rest is not None:
        loss = Unknown(rest.reason, ("argument", rest.key, "loss"))
    if loss is None and "metrics" not in bound and "weighted_metrics" not in bound:
        return
    loss = loss or NONE
    if isinstance(model, (ModelV, InstanceV)) and "$loss" in model.slots and _is_its_own(place):
        loss = model.slots["$loss"]
    third = args.positional[2] if len(args.positional) > 2 else None
    if third is not None and "metrics" not in args.keywords and _weights(run, third):
        bound.pop("metrics")
    if isinstance(model, (ModelV, InstanceV)):
        run.state.write(model, "$loss", loss)
        run.state.write(model, COMPILED, Compiled(bound, place))
    outputs = outputs_of(run, model, place)
    hops = (Hop(place, "compiled here"),)
    fallback = argument_place(place, "loss", 1) or place
    ledger = run.recorder.ledger
    by_itself = ledger.awaiting(Kind.LOSS, steps.UNUSED, model) if steps.decide(model) else nullcontext()
    with run.recorder.together(), by_itself:
        _note_ends(run, outputs)
        for guard, (one_loss, one_output) in _fitting(run, product([loss, outputs], run.state.guard)):
            with run.state.branch(guard):
                heads = heads_of(run, one_output)
                pairs = paired(run, one_loss, heads)
                named = heads if len(heads) > 1 else [head for head, _ in pairs]
                for head, asked in pairs:
                    losses.meet(run, asked, None, head.value, place=fallback, hops=hops, name=head.name)
                with _measured_by(run, model):
                    _metrics(run, bound, pairs, heads, place, hops)
            if isinstance(model, Obj):
                run.state.write(model, HEADS, TupleV(tuple(Const(head.name) for head in named)))


def _is_its_own(place: Place) -> bool:
    """``model.compile(loss=model.loss)``: of several models each keeps its own loss."""
    given = argument_place(place, "loss", 1)
    called = place.node.func if isinstance(place.node, cst.Call) else None
    if given is None or not isinstance(given.node, cst.Attribute) or not isinstance(called, cst.Attribute):
        return False
    return given.node.attr.value == "loss" and given.node.value.deep_equals(called.value)


def _fitting(run: Run, rows: list[tuple[Guard, tuple[Value, ...]]]) -> list[tuple[Guard, tuple[Value, ...]]]:
    """The combinations that Keras compiles: it refuses a list of losses that does not fit the outputs."""
    fitting = [row for row in rows if _as_many(run, *row[1])]
    return fitting or rows


def _as_many(run: Run, loss: Value, outputs: Value) -> bool:
    given, heads = content_of(run, loss), content_of(run, outputs)
    if not isinstance(loss, (ListV, TupleV)) or not isinstance(given, TupleV) or given.open:
        return True
    if isinstance(heads, TensorV) and heads.reason is None:
        return len(given.items) == 1
    return not isinstance(heads, TupleV) or heads.open or len(given.items) == len(heads.items)


def _note_ends(run: Run, outputs: Value) -> None:
    """In which precision the outputs end, each over all that it may be."""
    ends: dict[int, list[Value]] = {}
    for _, option in alternatives(outputs, run.state.guard):
        for position, head in enumerate(heads_of(run, option)):
            ends.setdefault(position, []).append(head.value)
    for options in ends.values():
        note_half_precision(run, options)


def _weights(run: Run, value: Value) -> bool:
    """Keras 3 takes loss_weights third, Keras 2 metrics: numbers tell them apart."""
    items = spread(run, value) if isinstance(value, (ListV, TupleV)) else None
    return isinstance(items, TupleV) and any(
        isinstance(v, Const) and isinstance(v.value, (int, float)) for v in items.items
    )


def argument_place(place: Place, name: str, index: int) -> Place | None:
    """Where an argument of a call stands."""
    node = place.node
    if not isinstance(node, cst.Call):
        return None
    plain = [arg for arg in node.args if arg.keyword is None and not arg.star]
    for arg in node.args:
        if arg.keyword is not None and arg.keyword.value == name:
            return Place(place.chunk, arg.value)
    return Place(place.chunk, plain[index].value) if index < len(plain) else None


# -- metrics ---------------------------------------------------------------------------------
def _measured_by(run: Run, model: Value) -> AbstractContextManager[None]:
    """The compiled metrics of a model meet its outputs meanwhile, unless its own steps give them others."""
    if not steps.measures(model):
        return nullcontext()
    evaluated = NONE if steps.own(model, "compute_metrics") is not None else model
    return run.recorder.ledger.awaiting(Kind.METRIC, steps.by_hand(model), evaluated)


def update_compiled(run: Run, model: Obj, predicted: Value, place: Place | None) -> None:
    """``self.compiled_metrics.update_state(y, y_pred)``, ``self.compute_metrics(x, y, y_pred, ...)``."""
    compiled = model.slots.get(COMPILED)
    if not isinstance(compiled, Compiled):
        return
    hops = (Hop(place, "updated here"),) if place is not None else ()
    with run.recorder.together():
        for guard, (loss, option) in product([model.slots["$loss"], predicted], run.state.guard):
            with run.state.branch(guard):
                heads = heads_of(run, option)
                _metrics(run, compiled.bound, paired(run, loss, heads), heads, compiled.place, hops)


def _metrics(
    run: Run,
    bound: dict[str, Value],
    pairs: list[tuple[Head, Value]],
    heads: list[Head],
    place: Place,
    hops: tuple[Hop, ...],
) -> None:
    partners = {id(head.value): _partner(run, loss, head, place) for head, loss in pairs}
    for parameter in ("metrics", "weighted_metrics"):
        given = bound.get(parameter, NONE)
        for _, option in alternatives(given, run.state.guard):
            for head, metric in _assigned(run, option, heads):
                if isinstance(metric, (ListV, TupleV)):
                    continue
                where = argument_place(place, parameter, 2) or place
                given_it = _alone(head.value) if id(head.value) not in partners else head.value
                partner = partners.get(id(head.value))
                metrics.meet(run, metric, given_it, partner, place=where, name=head.name, hops=hops)


def _alone(output: Value) -> Value:
    """An output that no loss meets: what the model's other losses ask for says nothing of it."""
    return replace(output, final=None) if isinstance(output, TensorV) else output


def _partner(run: Run, loss: Value, head: Head, place: Place) -> Value | None:
    units = head.value.units if isinstance(head.value, TensorV) else None
    options = [
        losses.resolved(run, v, place, units) or run.recorder.meanings.get(id(v))
        for _, v in alternatives(loss, run.state.guard)
    ]
    known = [o for o in options if isinstance(o, LossV)]
    return known[0] if len(known) == len(options) and known else None


def _assigned(run: Run, metrics_given: Value, heads: list[Head]) -> list[tuple[Head, Value]]:
    """Which metric goes to which output: by key, by position, or all to all."""
    content = content_of(run, metrics_given) if isinstance(metrics_given, (ListV, DictV)) else metrics_given
    if isinstance(content, Entries):
        named = [(head, content.items[head.key][1]) for head in heads if head.key in content.items]
        if not named and len(heads) == 1 and len(content.items) == 1:
            named = [(heads[0], next(iter(content.items.values()))[1])]
        return [(head, one) for head, value in named for one in _flat(run, value)]
    if isinstance(content, TupleV):
        nested = any(isinstance(v, (ListV, TupleV)) for v in content.items)
        if len(heads) > 1 and len(content.items) == len(heads):
            return [
                (head, one)
                for head, value in zip(heads, content.items, strict=True)
                for one in _flat(run, value)
            ]
        if nested:
            return (
                [(heads[0], one) for value in content.items for one in _flat(run, value)]
                if len(heads) == 1
                else []
            )
        return [(head, value) for head in heads for value in content.items]
    return [(head, content) for head in heads]


def _flat(run: Run, value: Value) -> list[Value]:
    if isinstance(value, (ListV, TupleV)):
        items = spread(run, value)
        return list(items.items) if isinstance(items, TupleV) else []
    return [value]
