"""``model.compile``: every loss and metric is paired with its output."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp.choice import alternatives, product
from fromlogits_audit.interp.dicts import others_of
from fromlogits_audit.interp.items import content_of, spread
from fromlogits_audit.interp.keras import losses, metrics, steps
from fromlogits_audit.interp.keras.models import outputs_of
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
from fromlogits_audit.ir import Kind, Undecided, Why
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

HEADS = "$heads"
"""The slot of a model that holds the names of its outputs, in their order."""
PARAMETERS = ("optimizer", "loss", "metrics", "loss_weights", "weighted_metrics")


@dataclass(frozen=True)
class Head:
    """One output of a model. ``key`` is what a dict of losses calls it, ``name`` what a report does."""

    value: Value
    key: str | None
    name: str | None


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
                pairs = _paired(run, one_loss, heads)
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


def _paired(run: Run, loss: Value, heads: list[Head]) -> list[tuple[Head, Value]]:
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
                _metrics(run, compiled.bound, _paired(run, loss, heads), heads, compiled.place, hops)


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
