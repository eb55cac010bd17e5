"""What a watched program did, as sites: compiled models with their first batch, and losses it called itself.

Facts are worked out when they are there to be seen, so that neither models nor tensors are kept alive. A
site's place is worked out at the end (:mod:`fromlogits_audit.live.places`).
"""

from __future__ import annotations

import inspect
import sys
import threading
import weakref
from collections.abc import Iterable
from dataclasses import field
from typing import Any

from fromlogits_audit.catalogue.interface import LossFunctionSpec
from fromlogits_audit.ir import Form, Kind, Location, Loss, Output, Runtime, Scale, Site, Undecided, Why
from fromlogits_audit.lean import dataclass
from fromlogits_audit.live import observing
from fromlogits_audit.live.hooks import Call, Hooks
from fromlogits_audit.live.labels import labels_of
from fromlogits_audit.live.lineage import named
from fromlogits_audit.live.objects import loss_of
from fromlogits_audit.live.runtime import runtime_of
from fromlogits_audit.live.sites import doubted, has_own_step, sites_of
from fromlogits_audit.live.spots import Spot, calls_directly, stack
from fromlogits_audit.live.structure import LiveOutput, flat, shape_of
from fromlogits_audit.saved.losses import known_loss

MAX_TRIES = 20
"""Calls of one loss at one place whose values are measured before they are left unknown."""
NOWHERE = Location("")


@dataclass
class Compiled:
    """One call of ``compile``: what it was given, where, and what the model's outputs were seen to be."""

    model: weakref.ref[Any]
    given: dict[str, Any]
    names: tuple[str, ...]
    stack: tuple[Spot, ...]
    layers: dict[str, Spot] = field(default_factory=dict)
    """Where the model's layers were constructed, by their names."""
    observed: dict[str | None, Output] = field(default_factory=dict)
    by_keras: bool = False
    """Whether Keras itself compiled: a clone, a model that was loaded."""
    seen: bool = False
    """Whether the first batch has been through."""
    labels: Any = None
    sites: tuple[Site, ...] = ()
    inner: tuple[Site, ...] = ()


@dataclass
class Met:
    """One loss that the program called itself, at one place, with one kind of output."""

    loss: Any
    stack: tuple[Spot, ...]
    born: Spot | None
    site: Site
    layers: dict[str, Spot]
    tries: int = 0


class Recording:
    """One watcher's notes."""

    def __init__(self, hooks: Hooks) -> None:
        self.compiles: list[Compiled] = []
        self.meetings: list[Met] = []
        self.wrapping: list[Any] = []
        self._hooks = hooks
        self._by_model: dict[int, Compiled] = {}
        self._met: dict[Any, Met] = {}
        self._lock = threading.RLock()

    # -- compile, fit and evaluate -----------------------------------------------------------
    def compiled(self, model: Any, given: dict[str, Any], names: tuple[str, ...], call: Call) -> None:
        by_keras = not calls_directly(call.frame)
        made = Compiled(weakref.ref(model), given, names, stack(call.frame), by_keras=by_keras)
        with self._lock:
            self.compiles.append(made)
            self._by_model[id(model)] = made
        self._settle(made, model)

    def predicted(self, model: Any, y_pred: Any) -> None:
        made = self._of(model)
        if made is None or (made.seen and made.observed):
            return
        for name, tensor in named(model, y_pred):
            found = observing.output_of(self._hooks.lineage, tensor, name)
            if found is not None and (found.known or name not in made.observed):
                made.observed[name] = found

    def wants_batch(self, model: Any) -> bool:
        made = self._of(model)
        return made is not None and not made.seen

    def batch(self, model: Any, data: Any, state: Any) -> None:
        made = self._of(model)
        if made is None or made.seen:
            return
        x, y = observing.unpacked(data)
        if state is None:
            made.labels = y
            self._settle(made, model, y)
            return
        made.seen, made.labels = True, None
        self._settle(made, model, y, x, state)

    def _of(self, model: Any) -> Compiled | None:
        made = self._by_model.get(id(model))
        return made if made is not None and made.model() is model else None

    def _settle(self, made: Compiled, model: Any, y: Any = None, x: Any = None, state: Any = None) -> None:
        """Work out the sites of a compile from all that is known by now."""

        lineage = self._hooks.lineage

        own_step = has_own_step(model)

        def fill(outputs: tuple[LiveOutput, ...]) -> tuple[LiveOutput, ...]:
            if own_step and made.observed:
                # What such a step makes of an output is what reaches the loss.
                return observing.filled(observing.emptied(outputs), made.observed)
            filled = observing.filled(outputs, observing.by_symbols(lineage, model, outputs))
            filled = observing.filled(filled, made.observed)
            if made.given.get("loss") is None or all(one.output.known for one in filled):
                return filled
            if x is not None:
                return observing.measured(model, filled, x, state)
            return observing.filled(filled, self._hooks.safely(observing.traced, lineage, model) or {})

        found = sites_of(model, None if own_step else y, fill=fill)
        if made.seen and not made.observed:
            found = doubted(found, model)
        made.sites, made.inner = found.sites, found.inner
        inside = getattr(model, "_flatten_layers", None)
        made.layers.update(self._layers(inside() if inside is not None else ()))

    # -- losses that the program calls -------------------------------------------------------
    def met(self, loss: Any, spec: LossFunctionSpec | None, given: dict[str, Any], call: Call) -> None:
        y_pred = given.get(spec.predictions if spec is not None else "y_pred")
        if call.around:
            self._wraps(call.around)
        leaves = flat(y_pred)
        if len(leaves) != 1:
            return
        y_true = given.get(spec.labels if spec is not None else "y_true")
        self._meet(loss, spec, given, call, leaves[0], y_true)

    def _wraps(self, around: Iterable[Any]) -> None:
        for one in around:
            for outer in (one, getattr(one, "fn", None)):
                if outer is not None and not any(outer is known for known in self.wrapping):
                    self.wrapping.append(outer)

    def _meet(
        self,
        loss: Any,
        spec: LossFunctionSpec | None,
        given: dict[str, Any],
        call: Call,
        tensor: Any,
        y_true: Any,
    ) -> None:
        made = self._hooks.lineage.of(tensor)
        frame = call.frame
        flag = given.get("from_logits") if spec is not None else None
        origin = (made.activation, id(made.layer), made.name) if made is not None else None
        key = (frame.f_code, frame.f_lasti, id(loss), flag, origin)
        known = self._met.get(key)
        if known is not None and (known.site.output.known or known.tries >= MAX_TRIES):
            return
        output = observing.output_of(self._hooks.lineage, tensor, made.name if made else None)
        output = observing.from_values(output or _unseen(tensor), tensor)
        if known is not None:
            known.tries += 1
            known.site = known.site.at(output=output)
            return
        what = _called(spec, given) if spec is not None else loss_of(loss, output.units)
        if what is None:
            return
        site = Site(Kind.LOSS, NOWHERE, output, loss=what, runtime=_runtime(loss))
        site = site.at(labels=labels_of(y_true, shape_of(tensor)))
        layers = self._layers([made.layer] if made is not None else [])
        self._met[key] = Met(loss, stack(frame), self._hooks.births.of(loss), site, layers)
        self.meetings.append(self._met[key])

    def _layers(self, layers: Iterable[Any]) -> dict[str, Spot]:
        born = {
            str(getattr(one, "name", "")): self._hooks.births.of(one) for one in layers if one is not None
        }
        return {name: spot for name, spot in born.items() if spot is not None}

    # -- the end -----------------------------------------------------------------------------
    def finish(self) -> None:
        """Look once more at the models that were compiled and never trained: they may have changed."""
        for made in self.compiles:
            model = made.model()
            if model is not None and not made.seen and self._of(model) is made:
                self._hooks.safely(self._settle, made, model, made.labels)

    def is_wrapping(self, value: Any) -> bool:
        """Whether a loss of the program's own was seen to call another that is a site of its own."""
        return any(value is one for one in self.wrapping)


def _unseen(tensor: Any) -> Output:
    shape = shape_of(tensor)
    units = shape[-1] if shape else None
    return Output(
        Scale.UNKNOWN,
        units=units,
        reason=Undecided(Why.EXTERNAL, "nothing that is watched made this value"),
    )


def _called(spec: LossFunctionSpec, given: dict[str, Any]) -> Loss:
    """A loss function of Keras or TensorFlow with the arguments of one call."""
    flag = given.get("from_logits", False) if spec.has_flag else None
    name = spec.name.rpartition(".")[2]
    plain = flag is None or isinstance(flag, bool)
    return known_loss(
        spec.loss,
        None if flag is None else bool(flag),
        form=Form.OP if spec.always_logits else Form.CALL,
        spelled=f"{name}(from_logits={flag!r})" if "from_logits" in given else name,
        explicit="from_logits" in given,
        misuse=None if plain else f"from_logits={str(flag)[:40]!r} is no bool",
        always_logits=spec.always_logits,
        axis=given.get("axis", -1),
    )


def _runtime(loss: Any) -> Runtime:
    """The runtime that a loss which was called belongs to."""
    if not inspect.isfunction(loss):
        return runtime_of(loss)
    root = str(loss.__module__).partition(".")[0]
    if root == "keras":
        return runtime_of(sys.modules["keras"].losses.MeanSquaredError())
    return Runtime(2 if root == "tf_keras" else None, "tensorflow")
