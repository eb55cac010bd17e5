"""The measuring process: ``python -m fromlogits_audit.live.probe``, a request on standard input.

Loads a model with Keras's safe mode on (unless told to trust it), feeds seeded inputs of small and large
scale and of fitting types, and writes range, sums and spread of each output as JSON. What the numbers
mean is decided elsewhere (:mod:`fromlogits_audit.live.verdict`).
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BATCH = 64
SCALES = (1.0, 30.0)
"""Standard deviations of the inputs; the large one drives activations into saturation."""
SEEDS = (0, 1)
FREE_AXIS = 16
"""The size of an axis that the model leaves open."""
VOCABULARY = 4
"""Ids are below this, so that they fit any embedding of that size; larger ones are read off the model."""


LIBRARIES = ("keras", "numpy", "tensorflow", "tf_keras")
"""What a measurement needs, whatever the model."""


class Unfit(Exception):
    """The model can't be measured, with the reason."""


def main() -> None:
    """Read the request, write the answer."""
    request = json.loads(sys.stdin.read())
    _limit(int(request["megabytes"]))
    try:
        answer = measure(request["path"], keras=request["keras"], trust=bool(request["trust"]))
    except MemoryError:
        answer = {"error": f"needs more than {request['megabytes']} MB"}
    except ModuleNotFoundError as error:
        named = error.name in LIBRARIES
        answer = {"missing": error.name} if named else {"error": f"{type(error).__name__}: {error}"}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
    Path(request["answer"]).write_text(json.dumps(answer), encoding="utf-8")


def _limit(megabytes: int) -> None:
    """Bound the address space, where the system can."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))


def measure(path: str, *, keras: int | None = None, trust: bool = False) -> dict[str, Any]:
    """The measurements of every output of the model at ``path``, which Keras ``keras`` wrote."""
    import numpy

    call, inputs, model = _loaded(path, keras, trust)
    tallies: dict[str, Tally] = {}
    for seed in SEEDS:
        for scale in SCALES:
            for name, values in _named(_fed(call, inputs, seed, scale)):
                tallies.setdefault(name, Tally()).add(numpy.asarray(values, dtype="float64"))
    del model
    return {"outputs": [{"name": name, **tally.facts()} for name, tally in tallies.items()]}


def _fed(call: Callable[[list[Any]], Any], inputs: list[Input], seed: int, scale: float) -> Any:
    """The outputs for seeded inputs. A SavedModel does not say which of its inputs are ids of an
    embedding, so one that refuses fractions gets whole numbers."""
    import numpy

    try:
        return call([one.sample(numpy.random.default_rng(seed), scale) for one in inputs])
    except Unfit:
        raise
    except Exception:
        fed = [one.sample(numpy.random.default_rng(seed), scale, whole=True) for one in inputs]
        return call(fed)


class Tally:
    """The running measurements of one output."""

    def __init__(self) -> None:
        self._parts: list[Any] = []
        self._flat = False

    def add(self, values: Any) -> None:
        """``values``: (batch, ..., units), or one number for each of the batch."""
        self._flat = values.ndim < 2
        self._parts.append(values.reshape(-1, 1) if self._flat else values)

    def facts(self) -> dict[str, Any]:
        import numpy

        # The large inputs may overflow (exp, log): the small ones then say what there is to say.
        usable = [part for part in self._parts if numpy.isfinite(part).all()] or self._parts
        rows = numpy.concatenate([part.reshape(-1, part.shape[-1]) for part in usable])
        finite = bool(numpy.isfinite(rows).all())
        with numpy.errstate(all="ignore"):
            sums, exps = rows.sum(axis=-1), numpy.exp(numpy.clip(rows, -700, 50)).sum(axis=-1)
        names = ("low", "high", "sum_low", "sum_high", "exp_low", "exp_high")
        bounds = [bound for one in (rows, sums, exps) for bound in (one.min(), one.max())]
        found = {name: float(bound) if finite else 0.0 for name, bound in zip(names, bounds, strict=True)}
        spread = float(rows.std(axis=0).max()) if finite else 0.0
        units = None if self._flat else int(rows.shape[-1])
        return {"units": units, "rows": len(rows), "spread": spread, "finite": finite, **found}


class Input:
    """One input of a model: ``shape`` without the batch, a numpy ``dtype`` name, ids below ``ids``."""

    def __init__(self, name: str, shape: tuple[int | None, ...], dtype: str, ids: int | None) -> None:
        self.name = name
        self._shape = tuple(FREE_AXIS if size is None else int(size) for size in shape)
        self._dtype = dtype
        self._ids = ids

    def sample(self, random: Any, scale: float, *, whole: bool = False) -> Any:
        """A batch of seeded values of that scale, or ids where the input is a number of something."""
        size = (BATCH, *self._shape)
        if self._dtype == "string":
            raise Unfit(f"input {self.name!r} takes text, for which there are no fitting samples")
        if self._dtype == "bool":
            return random.integers(0, 2, size).astype("bool")
        if whole or self._ids is not None or "int" in self._dtype:
            return random.integers(0, max(self._ids or VOCABULARY, 1), size).astype(self._dtype)
        return (random.standard_normal(size) * scale).astype(self._dtype)


Loaded = tuple[Callable[[list[Any]], Any], list[Input], Any]


def _loaded(path: str, keras: int | None, trust: bool) -> Loaded:
    """A function from inputs to outputs, what it takes, and the model itself (kept alive)."""
    if Path(path).is_dir():
        return _savedmodel(path)
    return _keras(path, keras, trust)


# -- Keras files ---------------------------------------------------------------------------------
def _keras(path: str, keras: int | None, trust: bool) -> Loaded:
    saving = _library(keras)
    model = saving.load_model(path, compile=False, safe_mode=not trust)
    ids = _vocabularies(model)
    inputs = [
        Input(_plain(one.name), tuple(one.shape[1:]), _dtype_name(one.dtype), ids.get(_plain(one.name)))
        for one in _flat(model.inputs or [])
    ]
    if not inputs:
        raise Unfit("its inputs are not known before it is called")

    def call(fed: list[Any]) -> Any:
        return _by_names(model, model(_packed(model, fed), training=False))

    return call, inputs, model


def _packed(model: Any, fed: list[Any]) -> Any:
    """Inputs in the structure that the model was made with: a list, or a dict by name."""
    for attribute in ("_inputs_struct", "_nested_inputs"):
        structure = getattr(model, attribute, None)
        if isinstance(structure, dict):
            return dict(zip(sorted(structure), fed, strict=True))
    return fed if len(fed) > 1 else fed[0]


def _by_names(model: Any, outputs: Any) -> Any:
    """Several outputs by the names of their layers."""
    if isinstance(outputs, (list, tuple)) and len(outputs) == len(getattr(model, "output_names", ())):
        names = list(model.output_names)
        return dict(zip(names, outputs, strict=True)) if len(set(names)) == len(names) else outputs
    return outputs


def _library(keras: int | None) -> Any:
    """The Keras that wrote the file: tf_keras for version 2, where it is installed."""
    if keras == 2 and importlib.util.find_spec("tf_keras") is not None:
        os.environ["TF_USE_LEGACY_KERAS"] = "1"
        import tf_keras

        return tf_keras.models
    import keras as library

    return library.saving


def _vocabularies(model: Any) -> dict[str, int]:
    """How many ids each input may hold: as many as the smallest embedding that it feeds."""
    sizes = [layer.input_dim for layer in _layers(model) if type(layer).__name__ == "Embedding"]
    if not sizes:
        return {}
    direct = {}
    for layer in model.layers:
        if type(layer).__name__ == "Embedding" or (hasattr(layer, "layers") and _layers(layer)):
            for source in _flat(getattr(layer, "input", [])):
                direct[_plain(getattr(source, "name", ""))] = min(sizes)
    return direct if len(_flat(model.inputs)) > 1 else {_plain(_flat(model.inputs)[0].name): min(sizes)}


def _layers(model: Any) -> Iterator[Any]:
    """Every layer, those of nested models too."""
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from _layers(layer)


# -- SavedModels ---------------------------------------------------------------------------------
def _savedmodel(path: str) -> Loaded:
    """The serving signature, called with its inputs by name."""
    import tensorflow

    loaded = tensorflow.saved_model.load(path)
    signatures = dict(loaded.signatures)
    if not signatures:
        raise Unfit("it has no signature that could be called")
    signature = signatures.get("serving_default") or signatures[sorted(signatures)[0]]
    _, keywords = signature.structured_input_signature
    inputs = [
        Input(name, tuple(spec.shape[1:] if spec.shape.rank else ()), spec.dtype.name, None)
        for name, spec in sorted(keywords.items())
    ]

    def call(fed: list[Any]) -> Any:
        constants = {one.name: tensorflow.constant(value) for one, value in zip(inputs, fed, strict=True)}
        return signature(**constants)

    return call, inputs, loaded


# -- structures ----------------------------------------------------------------------------------
def _named(outputs: Any) -> list[tuple[str, Any]]:
    if isinstance(outputs, dict):
        return [(str(key), value) for key, value in outputs.items()]
    if isinstance(outputs, (list, tuple)):
        return [(str(at), value) for at, value in enumerate(outputs)]
    return [("output", outputs)]


def _flat(structure: Any) -> list[Any]:
    if isinstance(structure, dict):
        return [one for key in sorted(structure) for one in _flat(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [one for item in structure for one in _flat(item)]
    return [structure]


def _plain(name: str) -> str:
    return name.partition(":")[0]


def _dtype_name(dtype: Any) -> str:
    return str(getattr(dtype, "name", dtype))


if __name__ == "__main__":
    main()
