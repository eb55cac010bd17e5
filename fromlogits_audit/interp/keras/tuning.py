"""``keras_tuner``: searches that compile the models they build once more, with a loss of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.classes import own_method
from fromlogits_audit.interp.keras.compiling import compile_model
from fromlogits_audit.interp.keras_values import ModelV
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    BoundV,
    FuncV,
    InstanceV,
    ListV,
    PartialV,
    Place,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

LIBRARIES = ("keras_tuner", "kerastuner")
_SEARCHES = ("RandomSearch", "Hyperband", "BayesianOptimization", "GridSearch", "Tuner")
SEARCHES = tuple(
    f"{library}.{inner}{name}" for library in LIBRARIES for inner in ("", "tuners.") for name in _SEARCHES
)


def search(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``RandomSearch(build, loss=..., metrics=...)``: what the function builds is compiled with these."""
    run.escaped(name, args)  # the search builds models as well, now and later
    hypermodel = args.get(0, "hypermodel")
    if args.keywords.get("loss", NONE) is not NONE:
        given = _compiled_with(args)
        for guard, model in alternatives(_built(run, hypermodel, place), run.state.guard):
            with run.state.branch(guard):
                compile_model(run, model, Args((), given), place)
    if isinstance(hypermodel, InstanceV):
        return BagV(name, hypermodel=hypermodel)
    if isinstance(hypermodel, (FuncV, BoundV, PartialV)):
        return BagV(name, hypermodel=BagV("hypermodel", build=hypermodel))
    return None


def call_method(run: Run, tuner: BagV, name: str, args: Args, place: Place | None) -> Value | None:
    """``tuner.get_best_models()[0]`` is what the hypermodel builds, of whatever hyperparameters."""
    if name != "get_best_models" or place is None:
        return run.state.fresh(Why.EXTERNAL, f"{name} of {tuner.kind}")
    kept = tuner.slots["hypermodel"]
    model = _built(run, kept.slots["build"] if isinstance(kept, BagV) else kept, place)
    return ListV((model,), open=True)


def _compiled_with(args: Args) -> dict[str, Value]:
    return {name: value for name, value in args.keywords.items() if name in ("loss", "metrics")}


WRAPPERS = ("scikeras.wrappers.KerasClassifier", "scikeras.wrappers.KerasRegressor")


def wrapped(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``KerasClassifier(build, loss=...)``: what the function builds is compiled with these, where it has not
    compiled it itself. What the wrapper is stays unknown."""
    build = args.get(0, "model")
    if args.keywords.get("loss", NONE) is NONE or not isinstance(build, (FuncV, BoundV, PartialV)):
        return None
    given = _compiled_with(args)
    for guard, model in alternatives(run.call(build, Args(), place), run.state.guard):
        if isinstance(model, (ModelV, InstanceV)) and "$loss" not in model.slots:
            with run.state.branch(guard):
                compile_model(run, model, Args((), given), place)
    return None


FEDERATED = (
    "tensorflow_federated.learning.from_keras_model",
    "tensorflow_federated.learning.models.from_keras_model",
)


def federated(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``tff.learning.models.from_keras_model(model, loss, ...)``: the loss meets what the model returns."""
    model, given = args.get(0, "keras_model"), _compiled_with(args)
    second = args.positional[1] if len(args.positional) > 1 else None
    if name.endswith("models.from_keras_model") and second is not None:
        given.setdefault("loss", second)
    if model is not None and given:
        compile_model(run, model, Args((), given), place)
    return None


def _built(run: Run, hypermodel: Value | None, place: Place) -> Value:
    """The model that a function or a ``HyperModel`` builds of hyperparameters that nobody knows."""
    values = run.state.fresh(Why.RUNTIME, "hyperparameters")
    if isinstance(hypermodel, InstanceV):
        build = own_method(hypermodel.cls, "build")
        hypermodel = BoundV(build, hypermodel) if build is not None else None
    if isinstance(hypermodel, (FuncV, BoundV, PartialV)):
        return run.call(hypermodel, Args((values,)), place)
    return Unknown(Undecided(Why.UNSUPPORTED, "what a search builds"), ("search", id(place.node)))
