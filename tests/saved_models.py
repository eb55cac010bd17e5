"""Makes saved models with a real Keras, and what each live model measurably returns.

``python saved_models.py keras|tf_keras FOLDER`` runs in a process of its own: one process holds one
Keras. Beside the models it writes ``truth.npz``: for each output the values for inputs of two magnitudes.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

PROBABILITIES, INDEPENDENT, LOGITS = "probabilities", "independent-probabilities", "logits"
LOGARITHMS, BOUNDED, NON_NEGATIVE = "log-probabilities", "bounded", "non-negative"
UNKNOWN = "unknown"

Build = Callable[[Any], Any]
"""From a Keras (``keras`` or ``tf_keras``) to a model."""

SHAPES: dict[str, tuple[Build, str]] = {}
"""By name: how to build it, and the scale of its outputs (of all where there are several)."""

IN_GRAPHS: dict[str, str] = {}
"""Those that are also saved as SavedModel, with the scale that can be told there."""


def shape(name: str, scale: str, graph: str | None = None) -> Callable[[Build], Build]:
    def add(build: Build) -> Build:
        SHAPES[name] = (build, scale)
        if graph is not None:
            IN_GRAPHS[name] = graph
        return build

    return add


def sequential(k: Any, *layers: Any, inputs: tuple[int, ...] = (8,)) -> Any:
    return k.Sequential([k.Input(inputs), *layers])


_ACTIVATIONS = {
    "linear": LOGITS,
    "softmax": PROBABILITIES,
    "sigmoid": INDEPENDENT,
    "hard_sigmoid": INDEPENDENT,
    "tanh": BOUNDED,
    "softsign": BOUNDED,
    "relu": NON_NEGATIVE,
    "softplus": NON_NEGATIVE,
    "leaky_relu": LOGITS,
}
for _name, _scale in _ACTIVATIONS.items():
    shape(f"dense-{_name}", _scale, graph=_scale)(
        lambda k, name=_name: sequential(k, k.layers.Dense(4, activation=name))  # type: ignore[misc]
    )
# elu, gelu and silu go a little below zero, which the measurement of "non-negative" does not allow.
for _name in ("gelu", "swish"):
    IN_GRAPHS[f"dense-{_name}"] = NON_NEGATIVE
    SHAPES[f"dense-{_name}"] = (
        lambda k, name=_name: sequential(k, k.layers.Dense(4, activation=name)),  # type: ignore[misc]
        NON_NEGATIVE,
    )


@shape("softmax-layer-then-dropout", PROBABILITIES, graph=PROBABILITIES)
def _(k: Any) -> Any:
    return sequential(k, k.layers.Dense(4), k.layers.Softmax(), k.layers.Dropout(0.2))


@shape("activation-layer", INDEPENDENT)
def _(k: Any) -> Any:
    return sequential(k, k.layers.Dense(4), k.layers.Activation("sigmoid"))


@shape("no-bias", LOGITS, graph=LOGITS)
def _(k: Any) -> Any:
    return sequential(k, k.layers.Dense(4, use_bias=False))


@shape("normalised-scores", LOGITS)
def _(k: Any) -> Any:
    return sequential(k, k.layers.Dense(4), k.layers.BatchNormalization())


@shape("class-axis-taken-apart", UNKNOWN, graph=UNKNOWN)
def _(k: Any) -> Any:
    return sequential(k, k.layers.Dense(4, activation="softmax"), k.layers.Reshape((2, 2)))


@shape("class-axis-put-together", PROBABILITIES, graph=PROBABILITIES)
def _(k: Any) -> Any:
    return sequential(
        k, k.layers.Dense(4, activation="softmax"), k.layers.Reshape((4, 1)), k.layers.Flatten()
    )


@shape("softmax-over-another-axis", UNKNOWN, graph=UNKNOWN)
def _(k: Any) -> Any:
    return sequential(k, k.layers.Dense(3), k.layers.Softmax(axis=1), inputs=(5, 8))


@shape("time-distributed", PROBABILITIES)
def _(k: Any) -> Any:
    return sequential(k, k.layers.TimeDistributed(k.layers.Dense(4, activation="softmax")), inputs=(5, 8))


@shape("recurrent", BOUNDED)
def _(k: Any) -> Any:
    return sequential(k, k.layers.LSTM(4), inputs=(5, 8))


@shape("recurrent-both-ways-then-dense", PROBABILITIES)
def _(k: Any) -> Any:
    both = k.layers.Bidirectional(k.layers.GRU(4, return_sequences=True))
    return sequential(k, both, k.layers.Dense(3, activation="softmax"), inputs=(5, 8))


@shape("both-ways", BOUNDED)
def _(k: Any) -> Any:
    return sequential(k, k.layers.Bidirectional(k.layers.LSTM(4)), inputs=(5, 8))


@shape("segmentation", PROBABILITIES, graph=PROBABILITIES)
def _(k: Any) -> Any:
    head = k.layers.Conv2D(3, 1, activation="softmax")
    return sequential(k, head, k.layers.UpSampling2D(2), inputs=(6, 6, 3))


@shape("pooled-scores", LOGITS, graph=LOGITS)
def _(k: Any) -> Any:
    return sequential(k, k.layers.Conv2D(3, 3), k.layers.GlobalAveragePooling2D(), inputs=(6, 6, 3))


@shape("pooled-maximum-of-sigmoids", UNKNOWN)
def _(k: Any) -> Any:
    head = k.layers.Conv2D(3, 3, activation="sigmoid")
    return sequential(k, head, k.layers.GlobalMaxPooling2D(), inputs=(6, 6, 3))


@shape("two-outputs", PROBABILITIES, graph=PROBABILITIES)
def _(k: Any) -> Any:
    x = k.Input((8,))
    heads = [k.layers.Dense(n, activation="softmax", name=name)(x) for n, name in ((3, "a"), (5, "b"))]
    return k.Model(x, heads)


@shape("outputs-by-name", LOGITS, graph=LOGITS)
def _(k: Any) -> Any:
    x = k.Input((8,))
    return k.Model(x, {"first": k.layers.Dense(3)(x), "second": k.layers.Dense(5)(x)})


@shape("nested", PROBABILITIES, graph=PROBABILITIES)
def _(k: Any) -> Any:
    inner = sequential(k, k.layers.Dense(4, activation="relu"), k.layers.Dense(3, activation="softmax"))
    x = k.Input((8,))
    return k.Model(x, inner(x))


@shape("nested-twice-called", LOGITS)
def _(k: Any) -> Any:
    inner = sequential(k, k.layers.Dense(3))
    x, y = k.Input((8,)), k.Input((8,))
    return k.Model([x, y], k.layers.Add()([inner(x), inner(y)]))


@shape("nested-of-two-outputs", INDEPENDENT)
def _(k: Any) -> Any:
    x = k.Input((8,))
    inner = k.Model(x, [k.layers.Dense(5)(x), k.layers.Dense(2, activation="sigmoid")(x)])
    y = k.Input((8,))
    return k.Model(y, k.layers.Dropout(0.1)(inner(y)[1]))


@shape("shared-layer", PROBABILITIES)
def _(k: Any) -> Any:
    x, y, dense = k.Input((8,)), k.Input((8,)), k.layers.Dense(3)
    return k.Model([x, y], k.layers.Softmax()(k.layers.Concatenate()([dense(x), dense(y)])))


@shape("average-of-softmaxes", PROBABILITIES, graph=PROBABILITIES)
def _(k: Any) -> Any:
    x = k.Input((8,))
    return k.Model(x, k.layers.Average()([k.layers.Dense(3, activation="softmax")(x) for _ in range(3)]))


@shape("sum-of-softmaxes", UNKNOWN, graph=UNKNOWN)
def _(k: Any) -> Any:
    x = k.Input((8,))
    return k.Model(x, k.layers.Add()([k.layers.Dense(3, activation="softmax")(x) for _ in range(2)]))


@shape("scores-times-gate", LOGITS)
def _(k: Any) -> Any:
    x = k.Input((8,))
    return k.Model(x, k.layers.Multiply()([k.layers.Dense(3)(x), k.layers.Dense(3, activation="sigmoid")(x)]))


@shape("sigmoids-side-by-side", INDEPENDENT)
def _(k: Any) -> Any:
    x = k.Input((8,))
    return k.Model(x, k.layers.Concatenate()([k.layers.Dense(n, activation="sigmoid")(x) for n in (1, 2)]))


def _functions(k: Any) -> Any:
    """Where a Keras has functions on tensors: ``keras.ops``, or TensorFlow's for tf_keras."""
    if hasattr(k, "ops"):
        return k.ops
    import tensorflow

    return tensorflow


def operation(name: str, scale: str, apply: Callable[[Any, Any], Any], graph: str | None = None) -> None:
    """A model that ends in an operation on ``Dense(4)``."""

    def build(k: Any) -> Any:
        x = k.Input((8,))
        return k.Model(x, apply(_functions(k), k.layers.Dense(4)(x)))

    shape(name, scale, graph)(build)


def _softmax(f: Any, z: Any) -> Any:
    return f.softmax(z) if hasattr(f, "softmax") else f.nn.softmax(z)


operation("op-softmax", PROBABILITIES, _softmax, graph=PROBABILITIES)
operation("op-sigmoid", INDEPENDENT, lambda f, z: f.sigmoid(z))
operation("op-arithmetic", LOGITS, lambda f, z: z * 2.0 + 1.0, graph=LOGITS)
operation("op-division", LOGITS, lambda f, z: z / 2.0)
operation("op-part-of-the-classes", UNKNOWN, lambda f, z: _softmax(f, z)[:, :2])
operation("op-one-class", INDEPENDENT, lambda f, z: _softmax(f, z)[:, 1])
operation("op-new-axis", PROBABILITIES, lambda f, z: f.expand_dims(_softmax(f, z), 1))
operation("op-side-by-side", INDEPENDENT, lambda f, z: _joined(f, [f.sigmoid(z), f.sigmoid(z)]))


def _joined(f: Any, values: list[Any]) -> Any:
    return (f.concatenate if hasattr(f, "concatenate") else f.concat)(values, axis=-1)


# -- losses --------------------------------------------------------------------------------------
LOSSES: dict[str, tuple[Callable[[Any], Any], list[tuple[str | None, str, bool | None]]]] = {
    "string": (lambda k: "binary_crossentropy", [(None, "BinaryCrossentropy", False)]),
    "alias": (lambda k: "mse", [(None, "MeanSquaredError", None)]),
    "function": (
        lambda k: k.losses.sparse_categorical_crossentropy,
        [(None, "SparseCategoricalCrossentropy", False)],
    ),
    "instance": (
        lambda k: k.losses.CategoricalCrossentropy(from_logits=True),
        [(None, "CategoricalCrossentropy", True)],
    ),
    "focal": (
        lambda k: k.losses.BinaryFocalCrossentropy(from_logits=True),
        [(None, "BinaryFocalCrossentropy", True)],
    ),
    "default": (lambda k: k.losses.KLDivergence(), [(None, "KLDivergence", None)]),
    "lambda": (lambda k: lambda y, p: k.losses.mean_squared_error(y, p), [(None, "custom:<lambda>", None)]),
}
"""By name: the loss of a model of one output, and what is read back: (output, name, from_logits)."""

LOSSES_OF_TWO: dict[str, tuple[Callable[[Any], Any], list[tuple[str | None, str, bool | None]]]] = {
    "list": (
        lambda k: ["mse", k.losses.SparseCategoricalCrossentropy(from_logits=True)],
        [("a", "MeanSquaredError", None), ("b", "SparseCategoricalCrossentropy", True)],
    ),
    "dict": (
        lambda k: {"b": "categorical_crossentropy", "a": "mae"},
        [("a", "MeanAbsoluteError", None), ("b", "CategoricalCrossentropy", False)],
    ),
    "one-for-both": (
        lambda k: "categorical_crossentropy",
        [("a", "CategoricalCrossentropy", False), ("b", "CategoricalCrossentropy", False)],
    ),
    "none-for-one": (lambda k: [None, "mse"], [("b", "MeanSquaredError", None)]),
}


def compiled(k: Any) -> Iterator[tuple[str, Any]]:
    for name, (loss, _) in LOSSES.items():
        model = sequential(k, k.layers.Dense(3))
        model.compile(optimizer="sgd", loss=loss(k))
        yield f"loss-{name}", model
    for name, (loss, _) in LOSSES_OF_TWO.items():
        model = SHAPES["two-outputs"][0](k)
        model.compile(optimizer="sgd", loss=loss(k))
        yield f"loss-of-two-{name}", model


def oddities(k: Any) -> Iterator[tuple[str, Any]]:
    """Models that are wrong, unsafe or of the project's own."""
    yield "lambda", sequential(k, k.layers.Dense(4), k.layers.Lambda(lambda z: z * 2))

    class Doubled(k.layers.Layer):  # type: ignore[misc]
        def call(self, z: Any) -> Any:
            return z * 2

    yield "own-layer", sequential(k, k.layers.Dense(4), Doubled())
    yield "softmax-of-one", sequential(k, k.layers.Dense(1, activation="softmax"))
    yield "softmax-twice", sequential(k, k.layers.Dense(4, activation="softmax"), k.layers.Softmax())
    half = "mixed_float16"
    yield "half", sequential(k, k.layers.Dense(4, dtype=half), k.layers.Softmax(dtype=half))
    single, soft = {"dtype": "float32"}, {"activation": "softmax"}
    yield "float-then-half", sequential(k, k.layers.Dense(4, **soft, **single), k.layers.Identity(dtype=half))
    timed = k.layers.TimeDistributed(k.layers.Dense(4, **soft, **single), dtype=half)
    yield "float-in-half", sequential(k, k.layers.Reshape((1, -1)), timed)
    yield "half-then-float", sequential(k, k.layers.Dense(4, dtype=half), k.layers.Softmax(dtype="float32"))
    scored = sequential(k, k.layers.Dense(1))
    loss = k.losses.BinaryCrossentropy(from_logits=True)
    scored.compile(
        optimizer="sgd", loss=loss, metrics=["accuracy", "AUC", k.metrics.BinaryAccuracy(threshold=0.0)]
    )
    yield "metrics", scored


# -- the process ---------------------------------------------------------------------------------
def measured(model: Any) -> list[Any]:
    """The outputs for inputs of two magnitudes, flat: [small, large] for each output."""
    import numpy

    random = numpy.random.default_rng(0)
    sizes = [tuple(one.shape[1:]) for one in model.inputs]
    found: list[list[Any]] = []
    for magnitude in (1.0, 30.0):
        fed = [(random.standard_normal((64, *size)) * magnitude).astype("float32") for size in sizes]
        outputs = model(fed if len(fed) > 1 else fed[0], training=False)
        values = outputs.values() if isinstance(outputs, dict) else outputs
        values = list(values) if isinstance(outputs, (dict, list, tuple)) else [outputs]
        found.append([numpy.asarray(value, dtype="float64") for value in values])
    return [numpy.stack(pair) for pair in zip(*found, strict=True)]


def save(model: Any, stem: Path, *, graph: bool) -> dict[str, str]:
    """In every format that this Keras can write for the model; why not, where it can't."""
    refused = {}
    for suffix in (".keras", ".h5"):
        try:
            model.save(stem.with_name(stem.name + suffix))
        except (ValueError, TypeError, NotImplementedError) as error:
            refused[stem.name + suffix] = str(error)
    if graph:
        folder = str(stem.with_name(stem.name + "-graph"))
        if type(model).__module__.startswith("tf_keras"):
            model.save(folder, save_format="tf")
        else:
            model.export(folder, verbose=False)
    return refused


def main(library: str, folder: Path) -> None:
    import numpy

    k = importlib.import_module(library)
    k.utils.set_random_seed(0)
    truth: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for name, (build, _) in SHAPES.items():
        model = build(k)
        for at, values in enumerate(measured(model)):
            truth[f"{name}/{at}"] = values
        refused.update(save(model, folder / name, graph=name in IN_GRAPHS))
    for name, model in [*compiled(k), *oddities(k)]:
        refused.update(save(model, folder / name, graph=False))
    numpy.savez(folder / "truth.npz", **truth)
    (folder / "refused.json").write_text(json.dumps(refused))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
