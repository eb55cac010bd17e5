"""A model config, executed on abstract tensors: Sequential, functional, nested, shared layers.

Nothing is built and nothing imported; a class that is not in the catalogue yields an unknown output.
Work is bounded by the number of layers (each call of each layer is visited once) and by the depth of
nesting.
"""

from __future__ import annotations

from dataclasses import field, replace

from fromlogits_audit.catalogue.interface import Effect, LayerSpec
from fromlogits_audit.catalogue.layers import layer_class
from fromlogits_audit.catalogue.names import canonical
from fromlogits_audit.ir import Why
from fromlogits_audit.lean import dataclass
from fromlogits_audit.saved.activations import Recorder
from fromlogits_audit.saved.layers import apply_layer
from fromlogits_audit.saved.nodes import Call, Ref, calls_of, output_refs
from fromlogits_audit.saved.values import Dims, Json, Tensor, Value, data, dims, tensors_of, unknown

MAX_DEPTH = 40
"""Models inside models; wrappers inside wrappers."""
MAX_CALLS = 10_000
"""Layer calls in all; NASNetLarge has 1,000. Nested models that double would be exponential without it."""

MODELS = ("Functional", "Model", "Sequential")
_OP_LAYERS = ("TFOpLambda", "SlicingOpLambda")


@dataclass(frozen=True)
class Named:
    """One output of a model: what a dict of losses calls it, and the layer that it comes out of."""

    key: str | None
    layer: str
    tensor: Tensor


@dataclass
class Walker:
    """One walk over one model."""

    recorder: Recorder = field(default_factory=Recorder)
    calls: int = 0
    depth: int = 0

    # -- models ------------------------------------------------------------------------------
    def outputs(self, entry: Json, inputs: Value = None) -> list[Named]:
        """The outputs of a model's entry, called on ``inputs`` (None: its own input layers)."""
        config = entry.get("config") if isinstance(entry, dict) else None
        if isinstance(config, list):  # Keras 2.0 and 2.1 wrote a Sequential as the list of its layers
            config = {"layers": config}
        if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
            return [self._without_layers(entry)]
        if self.depth >= MAX_DEPTH:
            return [Named(None, "model", unknown(Why.LIMIT, "models nested too deeply"))]
        self.depth += 1
        try:
            if "output_layers" in config:
                return _Graph(self, config).outputs(inputs)
            return self._sequential(entry, config, inputs)
        finally:
            self.depth -= 1

    def _without_layers(self, entry: Json) -> Named:
        name = str(entry.get("class_name"))[:80] if isinstance(entry, dict) else "model"
        what = f"{name} is a class of its own, whose call is not in the file"
        return Named(None, _short(name), unknown(Why.OPAQUE_LAYER, what))

    def _sequential(self, entry: Json, config: Json, inputs: Value) -> list[Named]:
        layers = [one for one in config["layers"] if isinstance(one, dict)]
        value = inputs if inputs is not None else data(_first_shape(entry, config, layers))
        named, inner = "model", None
        for one in layers:
            if self.calls > MAX_CALLS:
                value, inner = self.layer(one, value), None
                break
            if class_of(one) == "InputLayer":
                if inputs is None:
                    value = self.layer(one, value)
                continue
            named = name_of(one)
            if is_model(one):
                inner = self.outputs(one, value)
                value = _structure(inner)
            else:
                inner, value = None, self.layer(one, value)
        if inner is not None and len(inner) > 1:
            return inner
        found = tensors_of(value) or [unknown(Why.UNSUPPORTED, "a Sequential without layers")]
        return [Named(None, named, found[0])] if len(found) == 1 else [Named(None, named, t) for t in found]

    # -- layers ------------------------------------------------------------------------------
    def layer(self, entry: Json, inputs: Value, keywords: dict[str, Value] | None = None) -> Value:
        """The value of one call of a layer's (or a model's) entry."""
        self.calls += 1
        if self.calls > MAX_CALLS or self.depth >= MAX_DEPTH:
            return unknown(Why.LIMIT, "more layers than are followed")
        self.depth += 1
        try:
            return self._layer(entry, inputs, keywords or {})
        finally:
            self.depth -= 1

    def _layer(self, entry: Json, inputs: Value, keywords: dict[str, Value]) -> Value:
        if is_model(entry):
            return _structure(self.outputs(entry, inputs))
        name, config = class_of(entry), config_of(entry)
        label = f"{_short(name)} {name_of(entry)!r}"
        if name == "InputLayer":
            return data(_batch_shape(config), dtype=_plain_dtype(config))
        if name in _OP_LAYERS:
            return self._operation(entry, inputs, keywords, label)
        operation = may_be_operation(entry)
        spec = spec_of(entry)
        two = spec is not None and spec.effect is Effect.MERGE and _operands(inputs)
        if spec is not None and not (operation and two):
            return apply_layer(self, spec, config, _first_argument(inputs), label)
        if operation:
            return self._operation(entry, inputs, {**_settings(config), **keywords}, label)
        return unknown(Why.OPAQUE_LAYER, f"{label} is no layer of Keras")

    def _operation(self, entry: Json, inputs: Value, keywords: dict[str, Value], label: str) -> Value:
        """An operation as a node of its own; most models have none, so its tables load late."""
        from fromlogits_audit.saved.ops import call_function, keras_op, tf_function

        if class_of(entry) in _OP_LAYERS:
            name = str(config_of(entry).get("function", "__operators__.getitem"))[:120]
            function = tf_function(name)
        else:
            name = function = keras_op(class_of(entry))
        args = list(inputs) if isinstance(inputs, tuple) else [inputs]
        known = call_function(self.recorder, function, args, keywords, label)
        if known is not None:
            return known
        if "module" not in entry and class_of(entry) not in _OP_LAYERS:
            return unknown(Why.OPAQUE_LAYER, f"{label} is no layer of Keras")
        return unknown(Why.UNSUPPORTED, f"{label}: {name} is not followed")


class _Graph:
    """One functional model: every call of every layer, once, in the order of its needs."""

    def __init__(self, walker: Walker, config: Json) -> None:
        self._walker = walker
        self._entries = {name_of(one): one for one in config["layers"] if isinstance(one, dict)}
        names = frozenset(self._entries)
        self._calls = {name: calls_of(entry, names) for name, entry in self._entries.items()}
        self._outputs = output_refs(config.get("output_layers"))
        inputs = output_refs(config.get("input_layers"))
        # Inputs by name are taken in the order of their names, as Keras flattens a dict.
        inputs.sort(key=lambda pair: pair[0] or "")
        self._inputs = [ref.layer for _, ref in inputs]
        self._shift = self._shifts()
        self._values: dict[tuple[str, int], Value] = {}

    def _shifts(self) -> dict[str, int]:
        """tf_keras numbers the calls of a nested model from 1, because building it was call 0."""
        least: dict[str, int] = {}
        refs = [ref for calls in self._calls.values() for call in calls for ref in call.refs()]
        for ref in [*refs, *(ref for _, ref in self._outputs)]:
            least[ref.layer] = min(ref.node, least.get(ref.layer, ref.node))
        return {name: 1 for name, first in least.items() if first == 1 and self._skips(name)}

    def _skips(self, name: str) -> bool:
        entry = self._entries.get(name)
        return entry is not None and is_model(entry) and isinstance(entry.get("inbound_nodes"), list)

    def outputs(self, inputs: Value) -> list[Named]:
        if inputs is not None:
            given = tensors_of(inputs)
            for name, tensor in zip(self._inputs, given, strict=False):
                self._values[name, 0] = tensor
        for name, calls in self._calls.items():
            for node in range(max(len(calls), 1)):
                self._visit((name, node))
        found = [Named(key, ref.layer, self._tensor(ref)) for key, ref in self._outputs]
        return found or [Named(None, "model", unknown(Why.UNSUPPORTED, "a model without outputs"))]

    def _visit(self, wanted: tuple[str, int]) -> None:
        """Depth first with a stack of its own: graphs may be deeper than Python's recursion."""
        stack, open_ = [wanted], set[tuple[str, int]]()
        while stack:
            at = stack[-1]
            if at in self._values:
                stack.pop()
                continue
            missing = [need for need in self._needs(at) if need not in self._values and need not in open_]
            if missing and at not in open_:
                open_.add(at)
                stack.extend(missing)
                continue
            stack.pop()
            self._values[at] = self._value(at)

    def _call(self, at: tuple[str, int]) -> Call | None:
        calls = self._calls.get(at[0], [])
        return calls[at[1]] if at[1] < len(calls) else None

    def _needs(self, at: tuple[str, int]) -> list[tuple[str, int]]:
        call = self._call(at)
        return [self._key(ref) for ref in call.refs() if ref.layer in self._entries] if call else []

    def _key(self, ref: Ref) -> tuple[str, int]:
        last = max(len(self._calls.get(ref.layer, [])) - 1, 0)
        return ref.layer, min(max(ref.node - self._shift.get(ref.layer, 0), 0), last)

    def _value(self, at: tuple[str, int]) -> Value:
        call, entry = self._call(at), self._entries[at[0]]
        if call is None:
            return self._walker.layer(entry, data())
        args = tuple(self._bound(arg) for arg in call.args)
        keywords = {key: self._bound(value) for key, value in call.keywords}
        return self._walker.layer(entry, args, keywords)

    def _bound(self, value: Value) -> Value:
        if isinstance(value, Ref):
            return self._tensor(value)
        if isinstance(value, (list, tuple)):
            return [self._bound(item) for item in value]
        if isinstance(value, dict):
            return {key: self._bound(item) for key, item in value.items()}
        return value

    def _tensor(self, ref: Ref) -> Tensor:
        found = tensors_of(self._values.get(self._key(ref)))
        if 0 <= ref.tensor < len(found):
            tensor = found[ref.tensor]
            return tensor if tensor.shape is not None else replace(tensor, shape=ref.shape)
        return unknown(Why.UNSUPPORTED, f"output {ref.tensor} of {ref.layer[:80]!r} is not in the graph")


# -- what an entry says --------------------------------------------------------------------------
def class_of(entry: Json) -> str:
    name = entry.get("class_name") if isinstance(entry, dict) else None
    return name[:120] if isinstance(name, str) else "?"


def config_of(entry: Json) -> dict[str, Json]:
    config = entry.get("config") if isinstance(entry, dict) else None
    return config if isinstance(config, dict) else {}


def name_of(entry: Json) -> str:
    """The layer's name: of its entry in a graph, else of its config."""
    name = entry.get("name") if isinstance(entry, dict) else None
    name = name if isinstance(name, str) else config_of(entry).get("name")
    return name if isinstance(name, str) else class_of(entry).lower()


def _short(class_name: str) -> str:
    return class_name.rpartition(">")[2]


def is_model(entry: Json) -> bool:
    """Whether an entry is a model whose layers are in the file."""
    if not isinstance(entry, dict):
        return False
    config = entry.get("config")
    if class_of(entry) in MODELS and isinstance(config, (list, dict)):
        return True
    return isinstance(config, dict) and isinstance(config.get("layers"), list) and "output_layers" in config


def spec_of(entry: Json) -> LayerSpec | None:
    """The catalogue's row of a layer of Keras; None for anything registered or imported."""
    name, module = class_of(entry), entry.get("module")
    if ">" in name or is_operation_module(module):
        return None
    if "module" in entry:
        if not isinstance(module, str):
            return None
        return layer_class(canonical(f"{module}.{name}"))
    return layer_class(f"keras.layers.{name}")


def is_operation_module(module: Json) -> bool:
    return isinstance(module, str) and ".ops" in module and module.startswith("keras")


def may_be_operation(entry: Json) -> bool:
    """Whether an entry is an operation of Keras 3 that stands in the graph. HDF5 files leave the module
    out, so that ``Softmax`` may be a layer or an operation there: both do the same."""
    return is_operation_module(entry.get("module")) or ("module" not in entry and ">" not in class_of(entry))


def _operands(inputs: Value) -> bool:
    """Whether a call has two arguments of its own (``add(x, y)``), not one list of tensors."""
    return isinstance(inputs, tuple) and len(inputs) > 1


def _first_argument(inputs: Value) -> Value:
    return inputs[0] if isinstance(inputs, tuple) and len(inputs) == 1 else inputs


def _settings(config: dict[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in config.items() if key not in ("name", "dtype", "trainable")}


def _structure(found: list[Named]) -> Value:
    if any(one.key is not None for one in found):
        return {one.key or one.layer: one.tensor for one in found}
    return found[0].tensor if len(found) == 1 else [one.tensor for one in found]


def _batch_shape(config: dict[str, Json]) -> Dims:
    for key in ("batch_shape", "batch_input_shape"):
        shape = dims(config.get(key))
        if shape:
            return shape
    inner = dims(config.get("shape"))
    return (None, *inner) if inner else None


def _first_shape(entry: Json, config: dict[str, Json], layers: list[Json]) -> Dims:
    """The input of a Sequential without an input layer, where the file says."""
    built = entry.get("build_config") if isinstance(entry, dict) else None
    shapes = [
        config_of(layers[0]).get("batch_input_shape") if layers else None,
        config.get("build_input_shape"),
        built.get("input_shape") if isinstance(built, dict) else None,
    ]
    return next((shape for shape in map(dims, shapes) if shape), None)


def _plain_dtype(config: dict[str, Json]) -> str:
    dtype = config.get("dtype")
    return dtype if isinstance(dtype, str) else "float32"
