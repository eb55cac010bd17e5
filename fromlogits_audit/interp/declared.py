"""What the project's configuration says of names that the code can't tell.

``outputs`` gives the scale of what a function, a class of models or layers, or an external name yields;
``losses`` says which Keras loss a loss of the project's own behaves like. A name of the project is its
module's path relative to the project's root and its qualified name (``pkg.heads.build``,
``pkg.nets.Net.head``), with or without a leading ``src``; an external name is spelled in any way that an
import may spell it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fromlogits_audit.catalogue.losses import loss_class
from fromlogits_audit.catalogue.names import canonical
from fromlogits_audit.interp.choice import alternatives, choose
from fromlogits_audit.interp.equality import method_of_made
from fromlogits_audit.interp.functions import invoke
from fromlogits_audit.interp.keras.losses import LOSS_VALUE
from fromlogits_audit.interp.keras_values import MODEL_INPUT, LossV, ModelV, TensorV, data_tensor
from fromlogits_audit.interp.values import (
    FALSE,
    Args,
    ClassV,
    Const,
    ExternalV,
    FuncCore,
    FuncV,
    Hop,
    InstanceV,
    Place,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Form, Scale
from fromlogits_audit.source.defined import SOURCE_FOLDERS

if TYPE_CHECKING:
    from fromlogits_audit.interp.parse import ParsedModule
    from fromlogits_audit.interp.run import Run

ACTIVATIONS: Mapping[Scale, str] = {
    Scale.LOGITS: "linear",
    Scale.PROBABILITIES: "softmax",
    Scale.INDEPENDENT: "sigmoid",
    Scale.LOG_PROBABILITIES: "log_softmax",
    Scale.BOUNDED: "tanh",
    Scale.NON_NEGATIVE: "relu",
}
"""The activation that stands for a declared scale."""


class LossLike(Protocol):
    """A declared loss: a Keras class, and the flag where it is not the call's or the class's own."""

    @property
    def like(self) -> str: ...

    @property
    def from_logits(self) -> bool | None: ...


class Declared:
    """The declarations of one run. Names count from ``root``; it notes which of them were met."""

    def __init__(
        self, outputs: Mapping[str, Scale], losses: Mapping[str, LossLike], root: Path | None = None
    ) -> None:
        self._outputs = outputs
        self._losses = losses
        self._root = root
        self._canonical = {canonical(name): name for name in (*outputs, *losses)}
        self._met: set[str] = set()

    @property
    def words(self) -> frozenset[str]:
        """The last parts of the names of losses: code that mentions one may hold a site."""
        return frozenset(name.rpartition(".")[2] for name in self._losses)

    # -- calls ---------------------------------------------------------------------------------
    def call(self, run: Run, function: FuncV, args: Args, receiver: Value | None = None) -> Value | None:
        """What a call of a project's function gives, None where nothing is declared of it."""
        name = self._named(run, function.core.module, qualified(function.core))
        if name is None:
            return None
        place = function.place or Place(function.core.chunk, function.core.node)
        own = args.rest() if receiver is not None else args
        if name in self._losses:
            function.core.entered = True
            return self._loss(run, name, own, place)
        # It runs all the same: what it builds and compiles inside is to be checked too.
        returned = invoke(run, function.core, args, receiver)
        rows = [
            (g, self._yielded(run, name, one, own, place))
            for g, one in alternatives(returned, run.state.guard)
        ]
        return choose(rows)

    def construct(self, run: Run, cls: ClassV, args: Args, place: Place | None) -> Value | None:
        """What a class of the project yields where it is instantiated."""
        name = self._named(run, cls.module, cls.name)
        if name is None:
            return None
        where = place or Place(cls.chunk, cls.node)
        if name in self._losses:
            for core in run.functions:
                core.entered = core.entered or core.owner is cls
            return self._loss(run, name, args, where)
        return self._model(name, where)

    def external(self, run: Run, function: Value, args: Args, place: Place | None) -> Value | None:
        """What a call of a name outside the project gives."""
        name = self._named_outside(function)
        if name is None or place is None:
            return None
        self._met.add(name)
        if name in self._losses:
            return self._loss(run, name, args, place)
        return self._yielded(run, name, None, args, place)

    def reference(self, function: Value, place: Place | None) -> LossV | None:
        """The loss that a name outside the project means where it is handed on, not called."""
        name = self._named_outside(function)
        if name is None or name not in self._losses or place is None:
            return None
        self._met.add(name)
        return self._built(name, None, place)

    # -- what they give ------------------------------------------------------------------------
    def _yielded(self, run: Run, name: str, returned: Value | None, args: Args, place: Place) -> Value:
        """A tensor, or a model that yields it, whichever the call seems to return."""
        if isinstance(returned, TensorV):
            return self._scaled(returned, name, place)
        if isinstance(returned, (ModelV, InstanceV)):
            return self._model(name, place)
        given = [one for value in args.all() for _, one in alternatives(value, run.state.guard)]
        if any(isinstance(one, TensorV) for one in given):
            return self._scaled(TensorV(), name, place)
        return self._model(name, place)

    def _model(self, name: str, place: Place) -> ModelV:
        model = ModelV("functional", place)
        model.slots["$inputs"] = data_tensor(what=MODEL_INPUT)
        model.slots["$outputs"] = self._scaled(TensorV(), name, place)
        return model

    def _scaled(self, tensor: TensorV, name: str, place: Place) -> TensorV:
        scale = self._outputs[name]
        hop = Hop(place, f"{name} is declared to give {scale.value}")
        return replace(tensor, scale=scale, activation=ACTIVATIONS[scale], reason=None, trace=(hop,))

    def _loss(self, run: Run, name: str, args: Args, place: Place) -> Value:
        """An instance; or, given labels and predictions, the meeting itself."""
        loss = self._built(name, args.keywords.get("from_logits"), place)
        labels, predicted = args.get(0, "y_true"), args.get(1, "y_pred")
        if labels is not None and predicted is not None and _is_data(labels, predicted):
            run.recorder.meet(loss, predicted, labels=labels)
            return data_tensor((), what=LOSS_VALUE)
        run.recorder.note_built(loss)
        return loss

    def _built(self, name: str, given: Value | None, place: Place) -> LossV:
        """A declared loss; ``given`` is the flag that its own call says."""
        row = self._losses[name]
        spec = loss_class(f"keras.losses.{row.like}")
        assert spec is not None, f"{row.like} is checked where the configuration is read"
        declared = Const(row.from_logits) if row.from_logits is not None else FALSE
        return LossV(
            replace(spec, name=f"custom:{name.rpartition('.')[2]}"),
            (given or declared) if spec.has_flag else None,
            Form.CUSTOM,
            place,
            explicit=given is not None,
            always_logits=spec.always_logits,
            trace=(Hop(place, f"{name} is declared to be like {row.like}"),),
        )

    # -- names ---------------------------------------------------------------------------------
    def _named_outside(self, function: Value) -> str | None:
        """The declared name that means something outside the project: a method of its objects too."""
        name = function.name if isinstance(function, ExternalV) else method_of_made(function)
        return self._canonical.get(name) if name is not None else None

    def _named(self, run: Run, module: ParsedModule, qualname: str) -> str | None:
        """The declared name that means a definition, if there is one."""
        for name in self._names(run, module, qualname):
            if name in self._losses or name in self._outputs:
                self._met.add(name)
                return name
        return None

    def _names(self, run: Run, module: ParsedModule, qualname: str) -> list[str]:
        names = []
        for root in (self._root, run.modules.project.root):
            path = module.file.path
            if path.is_absolute() and (root is None or not path.is_relative_to(root)):
                continue
            inner = path.relative_to(root) if path.is_absolute() and root is not None else path
            parts = list(inner.with_suffix("").parts)
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            names.append(".".join([*parts, qualname]))
            if parts and parts[0] in SOURCE_FOLDERS:
                names.append(".".join([*parts[1:], qualname]))
        return names

    @property
    def met(self) -> frozenset[str]:
        """The declared names that the code uses."""
        return frozenset(self._met)


def _is_data(labels: Value, predicted: Value) -> bool:
    """Whether two arguments are labels and predictions, not options of a factory."""
    return any(isinstance(value, (TensorV, Unknown)) for value in (labels, predicted))


def qualified(core: FuncCore) -> str:
    """The function's name below its module: its class, or the functions around it, before it."""
    names = [core.name]
    if core.owner is not None:
        return f"{core.owner.name}.{core.name}"
    frame = core.closure
    while frame.core is not None:
        names.insert(0, frame.core.name)
        frame = frame.core.closure
    return ".".join(names)
