"""The shapes of the catalogue's rows: what Keras is, as data.

A row says what a public name of Keras (or of a library on top of it) does to the scale of
what passes through it, which parameters it takes in which order, and where that is known
from. Rows are looked up by *canonical name* (:mod:`fromlogits_audit.catalogue.names`), so one
row serves ``tf.keras.layers.Dense``, ``keras.layers.Dense`` and
``tensorflow.python.keras.layers.core.Dense``.
"""

from __future__ import annotations

from enum import Enum

from fromlogits_audit.ir import Family, Scale
from fromlogits_audit.lean import dataclass


@dataclass(frozen=True)
class Parameters:
    """Parameter names in positional order (without ``self``), and their literal defaults.

    ``defaults`` holds plain literals only (str, int, float, bool, None, tuples of those); a
    parameter that is missing there is required or has another kind of default.
    """

    names: tuple[str, ...]
    defaults: tuple[tuple[str, object], ...] = ()

    def default(self, name: str) -> object:
        return dict(self.defaults).get(name)


@dataclass(frozen=True)
class LossSpec:
    """One Keras loss, whatever way it is spelled. ``name`` is the Keras class name."""

    name: str
    family: Family
    source: str
    parameters: Parameters
    """Of the class's constructor. ``from_logits`` is among the names where it exists."""
    sparse: bool | None = None
    focal: bool = False
    always_logits: bool = False
    strings: tuple[str, ...] = ()
    """Every string that ``compile(loss=...)`` takes for it, in Keras 3 or tf_keras."""

    @property
    def has_flag(self) -> bool:
        return "from_logits" in self.parameters.names


@dataclass(frozen=True)
class LossFunctionSpec:
    """A function that computes a loss: Keras's own, ``keras.backend``, ``keras.ops``, ``tf.nn``.

    ``labels`` and ``predictions`` are the names of the parameters that take y_true and
    y_pred. ``always_logits`` is True where the flag is in the name (``*_with_logits``).
    """

    name: str
    """Canonical dotted name, such as ``tf.nn.softmax_cross_entropy_with_logits``."""
    loss: LossSpec
    parameters: Parameters
    labels: str
    predictions: str
    source: str
    always_logits: bool = False

    @property
    def has_flag(self) -> bool:
        return "from_logits" in self.parameters.names

    @property
    def takes_logits(self) -> bool:
        """Whether it takes logits whatever it is told, also where no name says so: CTC."""
        return self.always_logits or self.loss.always_logits


@dataclass(frozen=True)
class MetricSpec:
    """A metric. ``family`` is THRESHOLD for those that cut probabilities, CATEGORICAL or BINARY
    for cross-entropies, ANY for the rest (argmax, mean: they need not be listed as sites)."""

    name: str
    family: Family
    source: str
    parameters: Parameters
    threshold: str | None = None
    """The parameter that holds the threshold(s), if any."""
    default_threshold: float | None = None
    """The cut where that parameter is left out; None: it is an argmax metric then."""
    strings: tuple[str, ...] = ()
    """Strings for ``metrics=[...]`` and function names under ``keras.metrics``."""
    function: Parameters | None = None
    """Parameters of the metric's function form (``keras.metrics.binary_accuracy``), if any."""


@dataclass(frozen=True)
class ActivationSpec:
    """An activation. ``name`` is its Keras string."""

    name: str
    scale: Scale
    source: str
    functions: tuple[str, ...] = ()
    """Canonical names of functions that compute it: ``keras.activations.softmax``,
    ``keras.ops.softmax``, ``tf.nn.softmax``, ``tf.sigmoid``, ``scipy.special.expit`` ..."""
    layers: tuple[str, ...] = ()
    """Canonical names of layer classes that only apply it: ``keras.layers.Softmax``."""
    strings: tuple[str, ...] = ()
    """Further Keras strings for it (``swish`` for silu)."""


class Effect(str, Enum):
    """What a layer does to the scale of its input."""

    WEIGHTED = "weighted"
    """Dense, Conv...: fresh linear scores, then ``activation``."""
    RECURRENT = "recurrent"
    """LSTM, GRU...: bounded by their activation (tanh by default)."""
    ACTIVATION = "activation"
    """Applies an activation: ``Activation(...)``, ``Softmax``, ``ReLU`` ..."""
    KEEP = "keep"
    """Every scale passes through: Identity, Dropout, Reshape, average pooling ..."""
    UNBOUND = "unbound"
    """Keeps logits logits, turns everything else into unbounded scores: BatchNormalization."""
    LOGITS_ONLY = "logits-only"
    """Keeps logits logits; anything else has no known scale afterwards: max pooling, padding."""
    UNIT = "unit"
    """Scales rows to length one: UnitNormalization."""
    MERGE = "merge"
    """Takes several inputs: Add, Average, Concatenate ..."""
    WRAPPER = "wrapper"
    """Applies the layer it is given: TimeDistributed, Bidirectional."""
    SCORES = "scores"
    """Unbounded values from weights of its own: Embedding, MultiHeadAttention."""
    DATA = "data"
    """Input or preprocessing: no output of a model."""
    LAMBDA = "lambda"
    """Applies a function of the project."""
    OPAQUE = "opaque"
    """Known to exist, with no scale that can be told."""


class Shape(str, Enum):
    """What a layer does to the shape, as far as the size of the last axis depends on it."""

    SAME = "same"
    UNITS = "units"
    """The last axis becomes ``units``; the axes before it stay (Dense)."""
    CONV = "conv"
    """Spatial axes change, the last (channels_last) becomes ``units``."""
    POOL = "pool"
    """Spatial axes change, channels stay."""
    GLOBAL_POOL = "global-pool"
    """Spatial axes vanish, channels stay (unless ``keepdims``)."""
    FLATTEN = "flatten"
    RESHAPE = "reshape"
    PERMUTE = "permute"
    REPEAT = "repeat"
    RECURRENT = "recurrent"
    """(batch, units), or (batch, time, units) with ``return_sequences``."""
    EMBEDDING = "embedding"
    """A new last axis of ``units``."""
    MERGE = "merge"
    CONCATENATE = "concatenate"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class LayerSpec:
    """A layer class."""

    name: str
    """Canonical: ``keras.layers.Dense``."""
    effect: Effect
    shape: Shape
    parameters: Parameters
    source: str
    units: str | None = None
    """The parameter that becomes the size of the last axis: units, filters, output_dim ..."""
    activation: str | None = None
    """Its activation parameter, or for layers that are one activation its Keras string."""
    aliases: tuple[str, ...] = ()
    """Other canonical names: ``keras.layers.Convolution2D``."""


class OpEffect(str, Enum):
    """What a tensor function does to the scale of its (first) tensor argument."""

    KEEP = "keep"
    """tf.identity, tf.squeeze, tf.cast, tf.stop_gradient, np.asarray ..."""
    RESHAPE = "reshape"
    """Scale kept, shape not followed unless given literally."""
    LINEAR = "linear"
    """Unbounded scores: matmul, bias_add, conv2d, einsum, tensordot ..."""
    ADD = "add"
    """Sum or difference of its arguments: logits stay logits."""
    SCALE = "scale"
    """Product or quotient: logits stay logits, probabilities do not."""
    MEAN = "mean"
    """Average over an axis other than the last keeps every scale."""
    REDUCE = "reduce"
    """Sum, max, min ... over axes: logits stay logits, else unknown."""
    ARGMAX = "argmax"
    """A decision that is right on every scale."""
    ROUND = "round"
    """A decision at 0.5."""
    CONCAT = "concat"
    STACK = "stack"
    SELECT = "select"
    """where, gather, boolean_mask, slice: values of its arguments."""
    NEW = "new"
    """A fresh tensor that is no output: ones_like, zeros, shape, random ..."""
    UNIT = "unit"
    """Rows scaled to length one: a product of them is a score, they are none themselves."""
    EXP = "exp"
    LOG = "log"
    CLIP = "clip"
    FOLD = "fold"
    """abs, square, sin ...: scores are unbounded scores no more."""


@dataclass(frozen=True)
class OpSpec:
    """A function on tensors (tf, tf.math, tf.nn, keras.ops, keras.backend, numpy)."""

    name: str
    effect: OpEffect
    parameters: Parameters
    source: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class ApplicationSpec:
    """A ``keras.applications`` constructor. With ``include_top`` (default True) it ends in
    ``classifier_activation`` (default softmax) over ``classes`` (default 1000) units."""

    name: str
    parameters: Parameters
    source: str


@dataclass(frozen=True)
class HeadSpec:
    """A ready-made model of keras_hub, keras_nlp, keras_cv, segmentation_models or Hugging Face.

    ``activation`` is the Keras string of what it yields by default (None: logits), ``parameter``
    the argument that changes it, ``units`` the argument that gives the classes. ``output`` is
    the attribute or key that holds the scores (``logits`` for Hugging Face), None where the
    call returns them. ``compiled`` names the loss it compiles itself with, if it does.
    """

    name: str
    activation: str | None
    source: str
    parameter: str | None = None
    units: str | None = None
    output: str | None = None
    known: bool = True
    """False where the documentation leaves the scale open: the output is then unknown."""
    positional: tuple[str, ...] = ()
    """The first arguments in their order, where they are told apart by position."""
    classes: int | None = None
    """The classes where ``units`` is not given."""
