"""Every layer class of Keras 3 and tf_keras, those of Keras 1 and 2, and TensorFlow 1's functions.

Rows live in four tables by what the layers do. The tests walk ``keras.layers`` and
``tf_keras.layers`` of the installed packages and fail on a class that has no row, on a
parameter that moved and on a default that changed.
"""

from __future__ import annotations

from fromlogits_audit.catalogue.interface import Effect, LayerSpec, Shape
from fromlogits_audit.catalogue.layers_data import DATA_LAYERS
from fromlogits_audit.catalogue.layers_functional import FUNCTIONAL_LAYERS
from fromlogits_audit.catalogue.layers_recurrent import RECURRENT_LAYERS
from fromlogits_audit.catalogue.layers_shape import SHAPE_LAYERS
from fromlogits_audit.catalogue.layers_third_party import THIRD_PARTY_LAYERS
from fromlogits_audit.catalogue.layers_weighted import WEIGHTED_LAYERS
from fromlogits_audit.catalogue.rows import params

LAYERS: tuple[LayerSpec, ...] = WEIGHTED_LAYERS + RECURRENT_LAYERS + SHAPE_LAYERS + DATA_LAYERS


def _merge(name: str, shape: Shape, signature: str, aliases: tuple[str, ...] = ()) -> LayerSpec:
    """A row for a function that merges tensors, ``keras.layers.<name>``."""
    canonical = f"keras.layers.{name}"
    source = f"keras.src.layers.merging.{name}"
    return LayerSpec(canonical, Effect.MERGE, shape, params(signature), source, aliases=aliases)


MERGE_FUNCTIONS: tuple[LayerSpec, ...] = (
    _merge("add", Shape.MERGE, "inputs"),
    _merge("subtract", Shape.MERGE, "inputs"),
    _merge("multiply", Shape.MERGE, "inputs"),
    _merge("average", Shape.MERGE, "inputs"),
    _merge("maximum", Shape.MERGE, "inputs"),
    _merge("minimum", Shape.MERGE, "inputs"),
    _merge("concatenate", Shape.CONCATENATE, "inputs, axis=-1"),
    _merge("dot", Shape.UNKNOWN, "inputs, axes=-1"),
    # Keras 1: one function for all, ``merge([a, b], mode="concat")``.
    LayerSpec(
        "keras.layers.merge",
        Effect.MERGE,
        Shape.UNKNOWN,
        params("inputs, mode='sum', concat_axis=-1"),
        "keras 1.2 source",
    ),
)

LEGACY_KEYWORDS: dict[str, str] = {
    "nb_filter": "filters",
    "nb_row": "kernel_size",
    "nb_col": "kernel_size",
    "filter_length": "kernel_size",
    "border_mode": "padding",
    "subsample": "strides",
    "bias": "use_bias",
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "p": "rate",
    "nb_words": "input_dim",
    "inner_activation": "recurrent_activation",
}
"""Keras 1 keywords and what Keras 2 called them (its ``legacy/interfaces.py``)."""

_CLASSES: dict[str, LayerSpec] = {
    name: spec for spec in (*LAYERS, *THIRD_PARTY_LAYERS) for name in (spec.name, *spec.aliases)
}
_MERGES: dict[str, LayerSpec] = {spec.name: spec for spec in MERGE_FUNCTIONS}
_FUNCTIONAL: dict[str, LayerSpec] = {
    name: spec for spec in FUNCTIONAL_LAYERS for name in (spec.name, *spec.aliases)
}


def layer_class(canonical: str) -> LayerSpec | None:
    """The row of a layer class, by canonical name (``keras.layers.Dense``)."""
    return _CLASSES.get(canonical)


def merge_function(canonical: str) -> LayerSpec | None:
    """The row of ``keras.layers.concatenate`` and its siblings, which take the tensors directly."""
    return _MERGES.get(canonical)


def functional_layer(canonical: str) -> LayerSpec | None:
    """The row of a TensorFlow 1 layer function, whose first parameter takes the tensor."""
    return _FUNCTIONAL.get(canonical)


FIXED_INITIALIZERS = frozenset({"constant", "identity", "ones", "zeros"})
"""What a layer that is not trained may be given for weights, in small letters: with ones it is a sum, and its
outputs are no unbounded scores. Random weights are left out: with them it still mixes what it is given."""


_KIN: tuple[frozenset[str], ...] = tuple(
    frozenset(f"keras.layers.{name}" for name in names.split())
    for names in (
        "Dense MaxoutDense TimeDistributedDense",
        "Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose SeparableConv1D SeparableConv2D"
        " DepthwiseConv1D DepthwiseConv2D LocallyConnected1D LocallyConnected2D",
        "RNN LSTM GRU SimpleRNN ConvLSTM1D ConvLSTM2D ConvLSTM3D CuDNNLSTM CuDNNGRU",
        "LSTMCell GRUCell SimpleRNNCell StackedRNNCells AbstractRNNCell",
        "Wrapper Bidirectional TimeDistributed SpectralNormalization",
        "Embedding ReversibleEmbedding",
        "Attention AdditiveAttention MultiHeadAttention GroupQueryAttention",
        "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D",
        "ReLU LeakyReLU PReLU ELU ThresholdedReLU",
        "JaxLayer FlaxLayer",
        "Add Subtract Multiply Average Maximum Minimum Concatenate Dot Merge",
    )
)
"""Layers that derive from one another in some version of Keras, or might."""


def may_derive(name: str, other: str) -> bool:
    """Whether one of two layer classes may derive from the other."""
    return name == other or any(name in kin and other in kin for kin in _KIN)


def parameter_name(spec: LayerSpec, keyword: str) -> str:
    """The Keras 3 name of a keyword given to a layer; Keras 1 spelled some of them otherwise.

    ``output_dim`` is Keras 1's word for the units of any layer; ``Embedding`` keeps it.
    """
    if keyword in spec.parameters.names:
        return keyword
    if keyword == "output_dim" and spec.units:
        return spec.units
    return LEGACY_KEYWORDS.get(keyword, keyword)
