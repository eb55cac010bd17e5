"""What is replaced in Keras, TensorFlow and JAX while somebody watches, and what it reports.

Every replacement calls what it stands for with the same arguments and returns the same result; whatever
goes wrong in the watching itself is kept from the program. The replacements are shared: the first watcher
puts them in, the last takes them out.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import re
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

from fromlogits_audit.catalogue.activations import activation_function, activation_string
from fromlogits_audit.catalogue.interface import LossFunctionSpec
from fromlogits_audit.catalogue.losses import loss_function
from fromlogits_audit.catalogue.names import canonical
from fromlogits_audit.live import batches, observing, spots
from fromlogits_audit.live.births import Births
from fromlogits_audit.live.lineage import Lineage
from fromlogits_audit.live.patches import Arrivals, Patches, original

_ROOTS = ("keras", "tf_keras", "tensorflow", "jax")
_KERAS_API = re.compile(r"(tf_|tensorflow\.)?keras(\.(?!src\b)\w+)*\.(losses|ops|ops\.nn|backend)")
"""The public modules that hold loss functions; which of them a program imports is its own choice."""
_TENSORFLOW_API = ("nn", "compat.v1.nn", "compat.v1.losses", "compat.v2.nn")
_ACTIVATION_API = {"tensorflow": ("", "nn", "math", "compat.v1.nn"), "jax": ("nn",)}


class Watcher(Protocol):
    """Who is told. Nothing that it is handed may be kept alive longer than the call."""

    def compiled(self, model: Any, given: dict[str, Any], names: tuple[str, ...], call: Call) -> None:
        """``model.compile`` was called with these arguments; ``names`` are its parameters."""
        ...

    def predicted(self, model: Any, y_pred: Any) -> None:
        """A compiled model computes its loss on these outputs, values or symbols."""
        ...

    def wants_batch(self, model: Any) -> bool:
        """Whether the first batch of a model is still to be seen."""
        ...

    def batch(self, model: Any, data: Any, state: Any) -> None:
        """One batch of a model's data, before (``state`` is None) and after the step that consumed it."""
        ...

    def met(self, loss: Any, spec: LossFunctionSpec | None, given: dict[str, Any], call: Call) -> None:
        """The program itself called a loss."""
        ...


class Call:
    """One call of a loss by the program: the caller's frame, and the losses that are under way around it."""

    def __init__(self, frame: Any, around: tuple[Any, ...]) -> None:
        self.frame = frame
        self.around = around
        self.wraps_another = False


class Hooks:
    """The replacements, and the records that all watchers share."""

    def __init__(self) -> None:
        self.watchers: tuple[Watcher, ...] = ()
        self.lineage = Lineage()
        self.births = Births()
        self.problems: list[str] = []
        self._patches = Patches()
        self._lock = threading.RLock()
        self._local = threading.local()
        self._arrivals: Arrivals | None = None

    # -- who watches -------------------------------------------------------------------------
    def add(self, watcher: Watcher) -> None:
        with self._lock:
            self.watchers = (*self.watchers, watcher)
            if self._arrivals is None:
                self.problems.clear()
                self._arrivals = Arrivals(self._wanted)
                self._arrivals.install()

    def remove(self, watcher: Watcher) -> None:
        with self._lock:
            self.watchers = tuple(one for one in self.watchers if one is not watcher)
            if not self.watchers and self._arrivals is not None:
                self._arrivals.remove()
                self._arrivals = None
                self._patches.restore()
                self.lineage.clear()
                self.births.clear()

    def _wanted(self, name: str) -> Callable[[ModuleType], None] | None:
        """What is to be done once a module of this name is there."""
        if name not in _ROOTS and not _KERAS_API.fullmatch(name):
            return None
        acts = {
            "keras": self._keras,
            "tf_keras": self._tf_keras,
            "tensorflow": self._tensorflow,
            "jax": self._jax,
        }
        return functools.partial(self.safely, acts.get(name, self._functions))

    def safely(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """What watching does must never be what a program fails of."""
        try:
            return act(*arguments)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            if problem not in self.problems and len(self.problems) < 20:
                self.problems.append(problem)
            return None

    def _tell(self, event: str, *arguments: Any) -> None:
        for watcher in self.watchers:
            self.safely(getattr(watcher, event), *arguments)

    # -- what is replaced --------------------------------------------------------------------
    def _keras(self, module: ModuleType) -> None:
        trainer = importlib.import_module("keras.src.trainers.trainer").Trainer
        self._model(trainer, _backend_trainer(module))
        self._layer(module.Layer)
        self._losses(module.Loss)
        self._patches.replace(module.metrics.Metric, "__init__", self._init)
        backend = importlib.import_module("keras.src.backend")
        self._patches.replace(backend, "compute_output_spec", self._output_spec)
        for name in sorted(vars(backend.nn)):
            if activation_string(name) is not None:
                self._patches.replace(backend.nn, name, functools.partial(self._activation, name))

    def _tf_keras(self, module: ModuleType) -> None:
        self._model(module.Model, module.Model)
        self._layer(module.layers.Layer)
        self._losses(module.losses.Loss)
        self._patches.replace(module.metrics.Metric, "__init__", self._init)

    def _tensorflow(self, module: ModuleType) -> None:
        for part in _TENSORFLOW_API:
            owner = _reached(module, part)
            if owner is not None:
                self._functions(owner, f"tensorflow.{part}")
        self._activations("tensorflow", module)

    def _model(self, trainer: Any, backend: Any) -> None:
        self._patches.replace(trainer, "compile", self._compile)
        self._patches.replace(trainer, "compute_loss", self._compute_loss)
        for kind in ("train", "test"):
            make = functools.partial(self._make_function, f"{kind}_function")
            self._patches.replace(backend, f"make_{kind}_function", make)

    def _layer(self, layer: Any) -> None:
        self._patches.replace(layer, "__init__", self._init)
        self._patches.replace(layer, "__call__", self._layer_call)

    def _losses(self, loss: Any) -> None:
        self._patches.replace(loss, "__init__", self._init)
        self._patches.replace(loss, "__call__", self._loss_call)

    def _functions(self, owner: Any, name: str | None = None) -> None:
        """Replace the loss functions of a module, whose name is ``name`` to its users."""
        for one in sorted(vars(owner)):
            spec = loss_function(canonical(f"{name or owner.__name__}.{one}")) if one.islower() else None
            if spec is not None:
                self._patches.replace(owner, one, functools.partial(self._function, spec))

    def _jax(self, module: ModuleType) -> None:
        self._activations("jax", module)

    def _activations(self, root: str, module: ModuleType) -> None:
        for part in _ACTIVATION_API[root]:
            owner = _reached(module, part)
            for name in sorted(vars(owner)) if owner is not None else ():
                spec = activation_function(canonical(".".join(filter(None, (root, part, name)))))
                if spec is not None:
                    self._patches.replace(owner, name, functools.partial(self._activation, spec.name))

    # -- the replacements --------------------------------------------------------------------
    def _init(self, before: Any) -> Any:
        @_like(before)
        def __init__(self_: Any, *args: Any, **kwargs: Any) -> None:
            before(self_, *args, **kwargs)
            if self.watchers:
                self.safely(self.births.note, self_, spots.caller())

        return __init__

    def _layer_call(self, before: Any) -> Any:
        @_like(before)
        def __call__(self_: Any, *args: Any, **kwargs: Any) -> Any:
            result = before(self_, *args, **kwargs)
            if self.watchers:
                self.safely(self._returned, self_, (args, kwargs), result)
            return result

        return __call__

    def _returned(self, layer: Any, arguments: Any, result: Any) -> None:
        self.lineage.layer(layer, arguments, result)
        if hasattr(layer, "train_step"):
            self.lineage.model(layer, result)

    def _activation(self, name: str, before: Any) -> Any:
        @_like(before)
        def activation(*args: Any, **kwargs: Any) -> Any:
            result = before(*args, **kwargs)
            if self.watchers and (args or kwargs):
                argument = args[0] if args else next(iter(kwargs.values()))
                axis = kwargs.get("axis", args[1] if len(args) > 1 and name.endswith("softmax") else -1)
                self.safely(self.lineage.activation, name, argument, result, axis)
            return result

        return activation

    def _output_spec(self, before: Any) -> Any:
        @_like(before)
        def compute_output_spec(function: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.watchers:
                return before(function, *args, **kwargs)
            seen: list[Any] = []

            def traced(*inner: Any, **named: Any) -> Any:
                result = function(*inner, **named)
                seen.append(self.safely(observing.tensors_of, self.lineage, result))
                return result

            result = before(traced, *args, **kwargs)
            if seen and seen[-1]:
                self.safely(self.lineage.known, result, seen[-1])
            return result

        return compute_output_spec

    def _compile(self, before: Any) -> Any:
        signature = inspect.signature(before)

        @_like(before)
        def compile(self_: Any, *args: Any, **kwargs: Any) -> Any:
            args, kwargs = batches.mapped(original, args), batches.mapped(original, kwargs)
            result = before(self_, *args, **kwargs)
            if self.watchers:
                self.safely(self._compiled, self_, signature, args, kwargs)
            return result

        return compile

    def _compiled(self, model: Any, signature: Any, args: Any, kwargs: Any) -> None:
        given = dict(signature.bind(model, *args, **kwargs).arguments)
        names = tuple(signature.parameters)[1:]
        self._tell("compiled", model, given, names, Call(spots.caller(), ()))

    def _compute_loss(self, before: Any) -> Any:
        signature = inspect.signature(before)

        @_like(before)
        def compute_loss(self_: Any, *args: Any, **kwargs: Any) -> Any:
            if self.watchers:
                self.safely(self._predicted, self_, signature, args, kwargs)
            return before(self_, *args, **kwargs)

        return compute_loss

    def _predicted(self, model: Any, signature: Any, args: Any, kwargs: Any) -> None:
        given = signature.bind(model, *args, **kwargs).arguments
        self._tell("predicted", model, given.get("y_pred"))

    def _make_function(self, attribute: str, before: Any) -> Any:
        @_like(before)
        def make_function(self_: Any, *args: Any, **kwargs: Any) -> Any:
            result = before(self_, *args, **kwargs)
            if any(self.safely(one.wants_batch, self_) for one in self.watchers):
                self.safely(batches.intercept, self_, attribute, functools.partial(self._tell, "batch"))
            # tf_keras puts what this returns into the attribute.
            return result if result is None else getattr(self_, attribute, result)

        return make_function

    def _loss_call(self, before: Any) -> Any:
        @_like(before)
        def __call__(self_: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._begin(self_)
            try:
                result = before(self_, *args, **kwargs)
            finally:
                self._end()
            if call is not None and not call.wraps_another:
                given = dict(zip(("y_true", "y_pred"), args, strict=False)) | kwargs
                self._tell("met", self_, None, given, call)
            return result

        return __call__

    def _function(self, spec: LossFunctionSpec, before: Any) -> Any:
        names = spec.parameters.names

        @_like(before)
        def function(*args: Any, **kwargs: Any) -> Any:
            call = self._begin(before)
            try:
                result = before(*args, **kwargs)
            finally:
                self._end()
            if call is not None:
                self._tell("met", before, spec, dict(zip(names, args, strict=False)) | kwargs, call)
            return result

        return function

    # -- losses under way ----------------------------------------------------------------------
    def _begin(self, loss: Any) -> Call | None:
        """A loss is called; None where Keras itself does it, on behalf of ``compile`` or another loss."""
        around: list[Any] = self._local.__dict__.setdefault("around", [])
        call = None
        if self.watchers:
            frame = spots.caller()
            if spots.calls_directly(frame):
                call = Call(frame, tuple(one for one, _ in around))
                for _, outer in around:
                    if outer is not None:
                        outer.wraps_another = True
        around.append((loss, call))
        return call

    def _end(self) -> None:
        self._local.around.pop()


def _like(before: Any) -> Callable[[Any], Any]:
    """Makes a replacement look like what it stands for; autograph calls it as it is."""

    def decorate(now: Any) -> Any:
        functools.update_wrapper(now, before)
        with contextlib.suppress(TypeError, ValueError):
            now.__signature__ = inspect.signature(before)
        now.autograph_info__ = {}
        return now

    return decorate


def _backend_trainer(keras: ModuleType) -> Any:
    """The class that makes the training function of this backend."""
    return next(cls for cls in keras.Model.__mro__ if "make_train_function" in vars(cls))


def _reached(module: Any, dotted: str) -> Any:
    for part in dotted.split(".") if dotted else ():
        module = getattr(module, part, None)
    return module


HOOKS = Hooks()
"""The replacements of this process. Everybody who watches shares them (:mod:`fromlogits_audit.live.observed`
does, for one call of a model), so that nobody takes another's replacement for the original."""
