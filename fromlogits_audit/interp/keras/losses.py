"""Losses: building them from classes, strings and functions, and letting them meet an output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import NoneType
from typing import TYPE_CHECKING

from fromlogits_audit import regex
from fromlogits_audit.catalogue.interface import LossFunctionSpec, LossSpec
from fromlogits_audit.catalogue.losses import inferred_string, loss_class, loss_function, loss_string
from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.classes import own_method
from fromlogits_audit.interp.creation import instantiate
from fromlogits_audit.interp.functions import invoke
from fromlogits_audit.interp.keras.custom import registered
from fromlogits_audit.interp.keras.refused import refused_call, refused_construction
from fromlogits_audit.interp.keras_values import LossV, TensorV, data_tensor
from fromlogits_audit.interp.values import (
    FALSE,
    NONE,
    Args,
    BoundV,
    ClassV,
    Const,
    ExternalV,
    FuncV,
    Hop,
    InstanceV,
    MethodV,
    PartialV,
    Place,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Form, Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

LOSS_VALUE = "the value of a loss"


def build_loss(run: Run, spec: LossSpec, args: Args, place: Place) -> LossV:
    """An instance of a Keras loss class."""
    names = spec.parameters.names
    given = args.bind(names)
    flag: Value | None = None
    if spec.has_flag:
        flag = given.get("from_logits")
        unknown = args.double or args.star
        if flag is None and unknown is not None:
            flag = Unknown(unknown.reason, ("argument", unknown.key, "from_logits"))
    explicit = flag is not None
    misuse = misuse_of(names, args, flag, called=False)
    loss = LossV(
        spec,
        (flag or FALSE) if spec.has_flag else None,
        Form.INSTANCE,
        place,
        explicit=explicit,
        always_logits=spec.always_logits,
        misuse=misuse,
        across=_is_across(given),
        refused=refused_construction(spec, args),
    )
    run.recorder.note_built(loss)
    tensors = [value for value in args.positional if isinstance(value, TensorV)]
    if misuse is not None and tensors:
        # Built where it should be called: the output it never sees is the one it was given.
        run.recorder.meet(loss, tensors[-1])
    return loss


def _is_across(given: Mapping[str, Value]) -> bool:
    """Whether classes may lie along another axis than the last; ``dim`` is what TensorFlow 1 calls it."""
    axis = given.get("axis", given.get("dim", NONE))
    return not (isinstance(axis, Const) and axis.value in (None, -1))


_LABELS = frozenset({"y_true", "true", "truth", "real", "y", "label", "labels", "target", "targets"})
_PREDICTIONS = frozenset(
    {
        "y_pred",
        "y_hat",
        "pred",
        "preds",
        "predicted",
        "prediction",
        "predictions",
        "logits",
        "output",
        "outputs",
    }
)


def _say_labels_and_predictions(args: Args) -> bool:
    """Whether the first two arguments are parameters of those names, of a function that nothing calls."""
    keys = [value.key if isinstance(value, Unknown) else None for value in args.positional[:2]]
    names = [key[-1] if isinstance(key, tuple) and key[0] == "parameter" else None for key in keys]
    return len(names) == 2 and names[0] in _LABELS and names[1] in _PREDICTIONS


def misuse_of(names: tuple[str, ...], args: Args, flag: Value | None, *, called: bool) -> str | None:
    """What is wrong with a construction itself, in words, or None."""
    start = 2 if called else 0
    tensors = [v for v in args.positional if isinstance(v, TensorV)]
    if not called and (tensors or "y_pred" in args.keywords or _say_labels_and_predictions(args)):
        return "labels and predictions are given to the constructor, which builds a loss and computes none"
    for name, value in list(zip(names, args.positional, strict=False))[start:]:
        if flag is None and isinstance(value, Const) and value.value is True and name != "from_logits":
            return f"the positional True lands on {name}, not on from_logits"
    if isinstance(flag, TensorV):
        return "from_logits is given a tensor"
    if isinstance(flag, ExternalV) and flag.name.startswith("keras.losses.Reduction."):
        return "from_logits is given a reduction"
    if isinstance(flag, Const) and not isinstance(flag.value, (bool, NoneType)):
        effect = "taken as True" if flag.value else "taken as False"
        return f"from_logits={flag.value!r} is no bool and is {effect}"
    return None


def string_loss(value: Const, units: int | None = None, place: Place | None = None) -> LossV | None:
    """The loss that ``compile`` makes of a string; ``place`` is where one is given that is put together."""
    text, where = value.value, value.place or place
    if not isinstance(text, str) or where is None:
        return None
    spec = loss_string(text)
    if spec is None and inferred_string(text):
        spec = loss_string("binary_crossentropy" if units == 1 else "categorical_crossentropy")
    if spec is None:
        return None
    return LossV(spec, FALSE if spec.has_flag else None, Form.STRING, where, always_logits=spec.always_logits)


def reference_loss(value: ExternalV, place: Place | None) -> LossV | None:
    """A Keras loss function or class that is named, not called."""
    where = value.place or place
    if where is None:
        return None
    function = loss_function(value.name)
    if function is not None:
        flag = FALSE if function.has_flag else None
        return LossV(function.loss, flag, Form.FUNCTION, where, always_logits=function.takes_logits)
    spec = loss_class(value.name)
    if spec is not None:
        return LossV(
            spec, FALSE if spec.has_flag else None, Form.CLASS, where, always_logits=spec.always_logits
        )
    return None


OUT_OF_SIGHT = Undecided(Why.EXTERNAL, "the loss is given to code outside the project")


def note_given(run: Run, values: Iterable[Value | None], reason: Undecided) -> None:
    """Losses of Keras that are given to what is not followed: they meet their outputs out of sight."""
    for given in values:
        loss = resolved(run, given, given.place) if isinstance(given, ExternalV) and given.place else None
        if loss is not None:
            run.recorder.note_built(loss)
            run.recorder.note_escape(loss, reason)


def resolved(run: Run, value: Value, place: Place | None, units: int | None = None) -> LossV | None:
    """The Keras loss behind a value, where it is directly one."""
    if isinstance(value, LossV):
        return value
    if isinstance(value, Const):
        return string_loss(value, units, place)
    if isinstance(value, (ExternalV, Unknown)):
        declared = run.declared_loss(value, value.place or place)
        if isinstance(value, Unknown) or declared is not None:
            return declared
        return reference_loss(value, place)
    if isinstance(value, InstanceV):
        inner = kept(run, value)
        return inner if isinstance(inner, LossV) and not _own_call(value) else None
    return None


def combined(symbol: str, a: Value, b: Value, place: Place) -> Value | None:
    """``dice + 2 * focal``, which some libraries define for their losses; None where it is no such thing."""
    losses = [
        loss
        for loss in (reference_loss(v, place) if isinstance(v, ExternalV) else v for v in (a, b))
        if isinstance(loss, LossV) and loss.spec.name.startswith("custom:")
    ]
    if symbol == "*" and len(losses) == 1 and isinstance(b if isinstance(a, LossV) else a, (Const, Unknown)):
        return losses[0]
    if symbol != "+" or len(losses) != 2:
        return None
    terms = tuple(term for loss in losses for term in (loss.terms or (loss,)))
    return replace(losses[0], terms=terms)


def kept(run: Run, instance: InstanceV) -> Value | None:
    """The Keras loss inside a subclass of one, as it is under what is assumed here."""
    inner = instance.slots.get("$loss")
    options = alternatives(inner, run.state.guard) if inner is not None else []
    return options[0][1] if len(options) == 1 else inner


def _own_call(instance: InstanceV) -> FuncV | None:
    return own_method(instance.cls, "call") or own_method(instance.cls, "__call__")


def meet(
    run: Run,
    loss: Value,
    labels: Value | None,
    predicted: Value,
    *,
    place: Place | None,
    hops: tuple[Hop, ...] = (),
    name: str | None = None,
) -> Value:
    """Let a loss of whatever kind meet an output; what it computes is a number."""
    with run.recorder.together():
        for guard, option in alternatives(loss, run.state.guard):
            with run.state.branch(guard) as branch:
                _meet_one(run, option, labels, predicted, place=place, hops=hops, name=name)
            run.state.adopt(branch)
    return data_tensor((), what=LOSS_VALUE)


def _meet_one(
    run: Run,
    loss: Value,
    labels: Value | None,
    predicted: Value,
    *,
    place: Place | None,
    hops: tuple[Hop, ...],
    name: str | None,
) -> None:
    if isinstance(loss, Const) and loss.value is None:
        return
    if isinstance(loss, LossV) and loss.terms:
        for term in loss.terms:
            _meet_one(run, term, labels, predicted, place=place, hops=hops, name=name)
        return
    if isinstance(loss, Const) and string_loss(loss, None, place) is None:
        loss = registered(run, loss) or loss
    if isinstance(loss, InstanceV) and _own_call(loss) is None:
        inner = kept(run, loss)
        loss = inner if isinstance(inner, PartialV) else loss
    units = predicted.units if isinstance(predicted, TensorV) else None
    known = resolved(run, loss, place, units)
    if known is not None:
        run.recorder.meet(known, predicted, hops=hops, name=name, labels=labels, fallback=place)
    elif isinstance(loss, (FuncV, BoundV, PartialV, InstanceV, ClassV, MethodV)):
        _meet_own(run, loss, labels, predicted, place=place, hops=hops, name=name)
    else:
        reason = (
            loss.reason
            if isinstance(loss, Unknown)
            else Undecided(Why.OPAQUE_LOSS, "a loss that is not known")
        )
        where = loss.place if isinstance(loss, (Unknown, ExternalV, Const)) and loss.place else place
        if isinstance(loss, ExternalV):
            reason = Undecided(Why.EXTERNAL, f"loss {loss.name}")
        run.recorder.meet(
            Unknown(reason, ("loss", id(loss)), where), predicted, hops=hops, name=name, fallback=place
        )


def _meet_own(
    run: Run,
    loss: Value,
    labels: Value | None,
    predicted: Value,
    *,
    place: Place | None,
    hops: tuple[Hop, ...],
    name: str | None,
) -> None:
    """A loss of the project's own: run it, and see whether a Keras loss meets the output inside."""
    if isinstance(loss, ClassV):
        loss = instantiate(run, loss, Args(), place)
    truth = labels if labels is not None else data_tensor(what="labels")
    with run.recorder.capture(name, hops, predicted) as capture:
        if isinstance(loss, InstanceV):
            own = _own_call(loss)
            if own is not None:
                invoke(run, own.core, Args((loss, truth, predicted)), loss)
            else:
                run.recorder.note_opaque(Undecided(Why.OPAQUE_LOSS, "has no call() that can be followed"))
        elif isinstance(loss, MethodV) and isinstance(loss.receiver, Const):
            run.recorder.note_opaque(Undecided(Why.OPAQUE_LOSS, f"is {loss.name} of a constant"))
        else:
            run.call(loss, Args((truth, predicted)), place)
    run.recorder.meanings[id(loss)] = capture.meant()
    if capture.sites == 0:
        where = _place_of(loss) or place
        if where is not None:
            run.recorder.custom(_name_of(loss), where, predicted, capture.opaque, output=name, hops=hops)


def _place_of(loss: Value) -> Place | None:
    return loss.place if isinstance(loss, (FuncV, BoundV, PartialV, InstanceV)) else None


def _name_of(loss: Value) -> str:
    if isinstance(loss, FuncV):
        return loss.core.name
    if isinstance(loss, BoundV):
        return loss.func.core.name
    if isinstance(loss, InstanceV):
        return loss.cls.name
    if isinstance(loss, PartialV):
        return _name_of(loss.func)
    return "loss"


def call_function(run: Run, spec: LossFunctionSpec, function: ExternalV, args: Args, place: Place) -> Value:
    """``keras.losses.binary_crossentropy(y, p)``, ``tf.nn.*_with_logits(labels=..., logits=...)``."""
    given = args.bind(spec.parameters.names)
    # ``tf.losses`` and ``tf.nn.ctc_loss`` of TensorFlow 1 call their parameters otherwise.
    predicted = given.get(spec.predictions) or args.get(-1, "predictions") or args.get(-1, "inputs")
    labels = given.get(spec.labels) or args.keywords.get("labels")
    if _has_old_order(spec, args, place):
        predicted, labels = labels, predicted
    unknown = args.double or args.star
    if predicted is None and unknown is not None:
        predicted = Unknown(unknown.reason, ("argument", unknown.key, "predictions"))
    flag: Value | None = given.get("from_logits") if spec.has_flag else None
    explicit = flag is not None
    if flag is None and spec.has_flag and unknown is not None:
        flag = Unknown(unknown.reason, ("argument", unknown.key, "from_logits"))
    loss = LossV(
        spec.loss,
        (flag or FALSE) if spec.has_flag else None,
        Form.OP if spec.always_logits else Form.CALL,
        function_place(function, place),
        explicit=explicit,
        always_logits=spec.takes_logits,
        misuse=misuse_of(spec.parameters.names, args, flag, called=True),
        across=_is_across({**given, **args.keywords}),
        refused=refused_call(spec, args, predicted),
    )
    if predicted is None:
        predicted = next(reversed(args.all()), data_tensor())
    hops = (Hop(place, "called here"),)
    run.recorder.meet(loss, predicted, hops=hops, labels=labels)
    return data_tensor((), what=LOSS_VALUE)


_GRAPH = regex.later(r"\btf\.(?:placeholder|(?:Interactive)?Session|initialize_all_variables)\(")


def _has_old_order(spec: LossFunctionSpec, args: Args, place: Place) -> bool:
    """``tf.nn.*_with_logits(logits, labels)``, as it was before TensorFlow 1.0.

    From then on TensorFlow 1 took names only; without names, the first are the labels since TensorFlow 2.
    """
    text = place.chunk.module.file.text
    both = spec.always_logits and spec.name.startswith("tf.nn.") and len(args.positional) > 1
    return both and "compat.v1" not in text and _GRAPH.search(text) is not None


def function_place(function: ExternalV, place: Place) -> Place:
    """The call itself, unless the function was named elsewhere first."""
    named = function.place
    if named is None or named.chunk is not place.chunk or named.node is getattr(place.node, "func", None):
        return place if named is None or named.chunk is place.chunk else named
    return named
