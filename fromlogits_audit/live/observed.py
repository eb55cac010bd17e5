"""What a model returns for one batch, where its structure does not show it: called once, and watched.

Which layer or activation made each tensor decides the scale wherever that is seen; else the values are
measured, over inputs as they are and over larger ones. A loss of the project's own is called on what came
out, to see which losses of Keras it calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

from fromlogits_audit.errors import UsageError
from fromlogits_audit.ir import Family, Loss, Output, Site, Undecided, Why
from fromlogits_audit.live.calling import State, magnitudes, predicted, tensors
from fromlogits_audit.live.hooks import HOOKS
from fromlogits_audit.live.lineage import named, tensor_of
from fromlogits_audit.live.measured import facts, measure
from fromlogits_audit.live.own import followed
from fromlogits_audit.live.recording import Recording
from fromlogits_audit.live.sites import Outputs
from fromlogits_audit.live.structure import LiveOutput, as_outputs, flat, place_of, shape_of
from fromlogits_audit.live.verdict import compare
from fromlogits_audit.saved.graph import Named
from fromlogits_audit.saved.values import Tensor, data


class Observation:
    """One look at a model with one batch: ``x`` as the model takes it (None: there is none).

    ``state`` are the weights of a model on JAX in the middle of ``fit``. The model is called in inference
    mode, only if something is open, and holds afterwards what it held before. While the look lasts
    (``with``), Keras is watched.
    """

    def __init__(self, model: Any, x: Any = None, state: State = ()) -> None:
        self._model = model
        self._x = x
        self._state = state
        self._recording = Recording(HOOKS)
        self._result: Any = None
        self._called = False

    def __enter__(self) -> Observation:
        HOOKS.add(self._recording)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        HOOKS.remove(self._recording)
        self._result = None

    # -- outputs -----------------------------------------------------------------------------
    def fill(self, outputs: Outputs) -> Outputs:
        """The outputs, those that the structure leaves open by what the model returns.

        Raises UsageError where it can't be called.
        """
        if self._x is None or all(one.output.known for one in outputs):
            return outputs
        found = self._outputs()
        if len(found) != len(outputs):
            return found
        return tuple(_completed(one, seen) for one, seen in zip(outputs, found, strict=True))

    def _outputs(self) -> Outputs:
        seen = [(name, value, _tensor(value)) for name, value in named(self._model, self._predicted())]
        outputs = tuple(
            _sound(one, value) for one, (_, value, _) in zip(self._named(seen), seen, strict=True)
        )
        if all(one.output.known for one in outputs):
            return outputs
        values = [flat(self._result), *self._larger(len(outputs))]
        return tuple(measure(one, [batch[at] for batch in values]) for at, one in enumerate(outputs))

    def _predicted(self) -> Any:
        if not self._called:
            self._result = self._call(self._x)
            self._called = True
        return self._result

    def _call(self, x: Any) -> Any:
        try:
            return predicted(self._model, x, self._state)
        except Exception as error:
            # Whatever the model's own code raises: x does not fit it, or it can't be called outside of fit.
            words = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            raise UsageError(f"{_name(self._model)} can't be called on x: {words}") from error

    def _larger(self, count: int) -> list[list[Any]]:
        """What the model returns for inputs of another magnitude."""
        _, *others = magnitudes(self._x)
        found = [flat(self._call(x)) for x in others]
        return [batch for batch in found if len(batch) == count]

    def _named(self, seen: Sequence[tuple[str | None, Any, Tensor]]) -> Outputs:
        """Outputs with every name that a dict of losses may use for them."""
        listed = [
            Named(
                name if name is not None and not name.isdigit() else None, name or _name(self._model), tensor
            )
            for name, _, tensor in seen
        ]
        outputs = as_outputs(listed, place_of(self._model))
        if len(outputs) < 2:
            return outputs
        return tuple(
            replace(one, keys=(*one.keys, f"output_{at + 1}"), output=replace(one.output, name=one.name))
            for at, one in enumerate(outputs)
        )

    # -- losses ------------------------------------------------------------------------------
    def follow(self, site: Site, value: Any, y: Any) -> list[Site]:
        """The sites of a loss of the project's own: those of the losses that it calls, where labels and
        outputs are there to call it with; itself where it takes no logarithm, or stays unknown."""
        met = self._met(site, value, y) if y is not None and self._x is not None else []
        if met:
            return [site.at(loss=loss, output=replace(out, name=site.output.name)) for loss, out in met]
        plain = followed(site, value, ran=True)
        return [plain if plain.loss is not None and plain.loss.family is Family.ANY else site]

    def _met(self, site: Site, value: Any, y: Any) -> list[tuple[Loss, Output]]:
        outputs = dict(named(self._model, self._predicted()))
        y_pred = outputs.get(site.output.name) if len(outputs) > 1 else next(iter(outputs.values()), None)
        if y_pred is None or not callable(value):
            return []
        before = len(self._recording.meetings)
        try:
            value(tensors(self._model, y), y_pred)
        except Exception:
            # Its own code, called here and not by Keras: what it raises says nothing of the model.
            return []
        inside = [one.site for one in self._recording.meetings[before:]]
        known = (one for one in inside if one.loss is not None and one.loss.family is not Family.UNKNOWN)
        return [(one.loss, one.output) for one in known if one.loss is not None]


def _tensor(value: Any) -> Tensor:
    made = HOOKS.lineage.of(value)
    found = tensor_of(made) if made is not None else data(what="an output that no layer returned")
    shape = shape_of(value)
    return replace(found, shape=(None, *shape[1:]) if shape else shape)


def _sound(one: LiveOutput, value: Any) -> LiveOutput:
    """An output as its tensor was seen to be made, unless its values can't be that: then something that was
    not seen has changed the tensor."""
    values = facts([value])
    if not one.output.known or values is None or not compare(one.output, values).contradicts:
        return one
    what = f"its values are no {one.output.scale.value}, which is what its last layer gives"
    output = one.output
    return replace(
        one, output=Output(units=output.units, name=output.name, reason=Undecided(Why.EXTERNAL, what))
    )


def _name(model: Any) -> str:
    return str(getattr(model, "name", type(model).__name__))


def _completed(one: LiveOutput, seen: LiveOutput) -> LiveOutput:
    """An output as the structure has it, its gaps filled."""
    if one.output.known:
        return one
    keys = tuple(dict.fromkeys((*one.keys, *seen.keys)))
    output = replace(seen.output, name=one.output.name)
    return replace(one, output=output, keys=keys, evidence=seen.evidence, shape=one.shape or seen.shape)
