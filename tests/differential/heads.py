"""The last layers of a generated model: every spelling of an activation, and what stands around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .values import literal
from .writer import Module

SCALES = {
    "linear": "logits",
    "leaky_relu": "logits",
    "softmax": "probabilities",
    "sigmoid": "independent-probabilities",
    "hard_sigmoid": "independent-probabilities",
    "log_softmax": "log-probabilities",
    "tanh": "bounded",
    "softsign": "bounded",
    "relu": "non-negative",
    "softplus": "non-negative",
    "exponential": "non-negative",
    "elu": "non-negative",
    "gelu": "non-negative",
}
DRAWN = {"linear": 30, "softmax": 26, "sigmoid": 20, "tanh": 3, "relu": 4, "log_softmax": 3, "softplus": 2}
DRAWN |= {"hard_sigmoid": 2, "leaky_relu": 2, "exponential": 2, "elu": 1, "gelu": 1, "softsign": 1}
LAYERS = {"softmax": "Softmax", "relu": "ReLU", "leaky_relu": "LeakyReLU", "elu": "ELU"}
IN_TF = {
    "softmax": ("nn.softmax",),
    "sigmoid": ("nn.sigmoid", "sigmoid", "math.sigmoid"),
    "relu": ("nn.relu",),
    "tanh": ("nn.tanh", "tanh", "math.tanh"),
    "log_softmax": ("nn.log_softmax",),
    "softplus": ("nn.softplus", "math.softplus"),
    "elu": ("nn.elu",),
    "gelu": ("nn.gelu",),
}
NOT_IN_OPS = ("linear", "exponential")


@dataclass(frozen=True)
class Head:
    """What a model yields. ``units`` is the size of its last axis."""

    activation: str
    units: int

    @property
    def scale(self) -> str:
        return SCALES[self.activation]


@dataclass(frozen=True)
class Step:
    """One hop of a tensor: a layer, or a function of the tensor."""

    layer: str = ""
    op: Callable[[str], str] | None = None

    def on(self, tensor: str) -> str:
        return self.op(tensor) if self.op else f"{self.layer}({tensor})"


def draw_head(module: Module) -> Head:
    activation = module.project.choose("activation", DRAWN)
    units = module.rng.choice([1, 1, 2, 3, 5, 10])
    return Head(activation, max(units, 2) if activation == "log_softmax" else units)


def function(module: Module, name: str, in_tensorflow: bool) -> str:
    """An expression for the function of an activation."""
    kinds = {"activations": 3.0, "get": 0.5, "own": 1.0, "lambda": 1.0, "partial": 0.5}
    if name not in NOT_IN_OPS:
        kinds["ops"] = 2
    if in_tensorflow and name in IN_TF:
        kinds["tf"] = 2
    kind = module.project.choose("function", kinds)
    if kind == "tf":
        return module.tf(module.rng.choice(IN_TF[name]))
    if kind == "get":
        return f"{module.k('activations.get')}({name!r})"
    plain = (
        module.k(f"activations.{name}")
        if kind == "activations" or name in NOT_IN_OPS
        else module.k(f"ops.{name}")
    )
    if kind == "own":
        own = module.fresh("squash")
        module.define(f"def {own}(values):", f"    return {plain}(values)")
        return own
    if kind == "lambda":
        return f"lambda values: {plain}(values)"
    if kind == "partial":
        module.need("from functools import partial")
        axis = ", axis=-1" if name in ("softmax", "log_softmax") else ""
        return f"partial({plain}{axis})"
    return plain


def in_dense(module: Module, name: str, *, in_tensorflow: bool) -> str:
    """``, activation=...`` of a layer; empty where nothing needs to be said."""
    if name == "linear":
        choice = module.project.choose("spelling", {"omitted": 6, "none": 2, "string": 1, "function": 0.7})
        if choice == "omitted":
            return ""
        given = {
            "none": literal(module, None, "activation"),
            "string": literal(module, "linear", "activation"),
        }
        return f", activation={given.get(choice) or function(module, name, in_tensorflow)}"
    kinds = {"string": 6, "function": 4}
    if name in LAYERS:
        kinds["layer"] = 0.7
    choice = module.project.choose("spelling", kinds)
    if choice == "string":
        return f", activation={literal(module, name, 'activation')}"
    if choice == "layer":
        return f", activation={module.k(f'layers.{LAYERS[name]}')}()"
    return f", activation={function(module, name, in_tensorflow)}"


def as_layer(module: Module, name: str, *, in_tensorflow: bool) -> str:
    """An activation as a layer of its own."""
    kinds = {"activation-string": 4, "activation-function": 2, "lambda": 1.5, "custom": 1.5}
    if name in LAYERS:
        kinds["layer"] = 4
    choice = module.project.choose("layer", kinds)
    if choice == "layer":
        return f"{module.k(f'layers.{LAYERS[name]}')}()"
    if choice == "activation-string":
        return f"{module.k('layers.Activation')}({literal(module, name, 'activation')})"
    if choice == "activation-function":
        return f"{module.k('layers.Activation')}({function(module, name, in_tensorflow)})"
    if choice == "lambda":
        return f"{module.k('layers.Lambda')}({function(module, name, in_tensorflow)})"
    return f"{_own_layer(module, name, in_tensorflow)}()"


def _own_layer(module: Module, name: str, in_tensorflow: bool) -> str:
    own, base = module.fresh("Squash"), module.k("layers.Layer")
    body = function(module, name, in_tensorflow)
    if body.startswith("lambda"):
        body = f"({body})"
    module.define(f"class {own}({base}):", "    def call(self, inputs):", f"        return {body}(inputs)")
    return own


def matmul_layer(module: Module, head: Head, *, in_tensorflow: bool) -> str:
    """A layer of one's own with its weights in ``build`` and ``matmul`` or ``@`` in ``call``."""
    own, base = module.fresh("Head"), module.k("layers.Layer")
    product = module.rng.choice(["inputs @ self.w + self.b", "ops.matmul(inputs, self.w) + self.b"])
    if product.startswith("ops"):
        module.k("ops.matmul")
    result = product
    if head.activation != "linear":
        squash = function(module, head.activation, in_tensorflow)
        result = f"({squash})({product})" if squash.startswith("lambda") else f"{squash}({product})"
    module.define(
        f"class {own}({base}):",
        "    def __init__(self, units, **kwargs):",
        "        super().__init__(**kwargs)",
        "        self.units = units",
        "",
        "    def build(self, input_shape):",
        "        self.w = self.add_weight(shape=(input_shape[-1], self.units))",
        "        self.b = self.add_weight(shape=(self.units,), initializer='zeros')",
        "        super().build(input_shape)",
        "",
        "    def call(self, inputs):",
        f"        return {result}",
    )
    return f"{own}({literal(module, head.units, 'units')})"


KEEPERS = {
    "reshape": lambda m, u: f"{m.k('layers.Reshape')}(({literal(m, u, 'units')},))",
    "flatten": lambda m, u: f"{m.k('layers.Flatten')}()",
    "dropout": lambda m, u: f"{m.k('layers.Dropout')}(0.0)",
    "identity": lambda m, u: f"{m.k('layers.Identity')}()",
    "linear": lambda m, u: f"{m.k('layers.Activation')}('linear')",
    "lambda": lambda m, u: f"{m.k('layers.Lambda')}(lambda t: t)",
    "regularization": lambda m, u: f"{m.k('layers.ActivityRegularization')}(1e-4)",
    "noise": lambda m, u: f"{m.k('layers.GaussianNoise')}(0.0)",
}
ON_LOGITS = {
    "batch-normalization": lambda m, u: f"{m.k('layers.BatchNormalization')}()",
    "rescaling": lambda m, u: f"{m.k('layers.Rescaling')}(2.0)",
}


def steps(module: Module, head: Head, place: str, *, nested: bool = False) -> list[Step]:
    """The layers that make ``head`` out of features of shape (n, width).

    ``place`` is ``layers`` (nothing but layers), ``graph`` (functional: Keras's ops as well) or
    ``call`` (inside ``call``: TensorFlow's as well).
    """
    in_tensorflow = place == "call" or module.rng.random() < 0.3
    result = _dense_first(module, head, place, in_tensorflow)
    if module.rng.random() < 0.18:
        tail = module.project.choose("tail", dict.fromkeys(KEEPERS, 1.0))
        result.append(Step(KEEPERS[tail](module, head.units)))
    return result


def _dense_first(module: Module, head: Head, place: str, in_tensorflow: bool) -> list[Step]:
    dense = module.k("layers.Dense")
    units = literal(module, head.units, "units")
    kinds = {"in-dense": 6.0, "layer-after": 3.0, "matmul": 1.0}
    if place != "layers" and head.activation != "linear":
        kinds["op-after"] = 3
    if head.activation == "linear":
        kinds = {"in-dense": 8, "matmul": 1}
    kind = module.project.choose("head", kinds)
    if kind == "matmul":
        return [Step(matmul_layer(module, head, in_tensorflow=in_tensorflow))]
    if kind == "in-dense":
        made = [Step(f"{dense}({units}{in_dense(module, head.activation, in_tensorflow=in_tensorflow)})")]
        return made + _between(module, head) if head.scale == "logits" else made
    made = [Step(f"{dense}({units})"), *_between(module, head)]
    if kind == "layer-after":
        return [*made, Step(as_layer(module, head.activation, in_tensorflow=in_tensorflow))]
    squash = function(module, head.activation, in_tensorflow=place == "call")
    if squash.startswith("lambda"):
        squash = f"({squash})"
    return [*made, Step(op=lambda tensor: f"{squash}({tensor})")]


def _between(module: Module, head: Head) -> list[Step]:
    if module.rng.random() > 0.15:
        return []
    kind = module.project.choose("between", dict.fromkeys(ON_LOGITS, 1.0))
    return [Step(ON_LOGITS[kind](module, head.units))]
