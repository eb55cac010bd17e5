"""The Keras objects of the abstract domain: layers, models, tensors, losses, metrics."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum, auto

from fromlogits_audit.catalogue.interface import HeadSpec, LayerSpec, LossSpec, MetricSpec
from fromlogits_audit.interp.values import Const, Hop, Obj, Place, Value
from fromlogits_audit.ir import Form, Labels, Scale, Undecided, Why
from fromlogits_audit.lean import dataclass


class LayerV(Obj):
    """An instance of a Keras layer class; slots are its arguments by parameter name."""

    __slots__ = ("place", "spec")

    def __init__(self, spec: LayerSpec, place: Place, arguments: dict[str, Value]) -> None:
        super().__init__(**arguments)
        self.spec = spec
        self.place = place

    def lacking(self, key: Hashable) -> Value | None:
        """The default of an argument that is not given, where a branch sets it afterwards."""
        parameters = self.spec.parameters
        default = parameters.default(key) if isinstance(key, str) and key in parameters.names else ...
        return Const(default) if isinstance(default, (str, int, float, type(None))) else None

    @property
    def is_within(self) -> bool:
        """Whether what looks like this layer may be the layer or model around it."""
        return INNER in self.slots or BEHIND in self.slots


INNER = "$inner"
"""Set on a layer that is applied within a ``call`` of the project: it is no layer of the model around it."""
BEHIND = "$behind"
"""Set on a layer that was listed as one of a model, and may be one of another model inside that."""


class ModelV(Obj):
    """A Keras model made by Sequential, Model(...), an application or a catalogued head.

    Slots: ``$layers`` (TupleV) for kind ``sequential``; ``$inputs`` and ``$outputs`` otherwise.
    """

    __slots__ = ("head", "kind", "place")

    def __init__(self, kind: str, place: Place | None, head: HeadSpec | None = None) -> None:
        super().__init__()
        self.kind = kind
        self.place = place
        self.head = head


@dataclass(frozen=True, slots=True, eq=False)
class TensorV(Value):
    """A tensor or array, with what is known of its scale.

    ``shape`` has None for unknown sizes and is None where the rank is unknown. ``layer`` and
    ``parents`` are the layer that made it and what it was applied to. ``final`` is set where
    the tensor is what a model returns (so that decisions on it count).
    """

    scale: Scale = Scale.UNKNOWN
    activation: str | None = None
    shape: tuple[int | None, ...] | None = None
    reason: Undecided | None = None
    trace: tuple[Hop, ...] = ()
    unit_softmax: Place | None = None
    layer: LayerV | None = None
    parents: tuple[Value, ...] = ()
    labels: Labels | None = None
    name: str | None = None
    dtype: str | None = None
    final: Value | None = None
    head: str | None = None
    """Which of the outputs of ``final`` this is: its key or position, None where it is the only one."""
    share: Share | None = None
    """Set on part of a weighted mean."""
    step: Step | None = None
    """Set on part of an activation, or of its inverse, that is written out."""

    @property
    def units(self) -> int | None:
        return self.shape[-1] if self.shape else None


class StepKind(Enum):
    """A step of a formula for an activation or for its inverse."""

    COMPLEMENT = auto()
    """``1 - p``"""
    ODDS = auto()
    """``p / (1 - p)``"""
    LOGARITHM = auto()
    ONE_MORE = auto()
    """``1 + exp(z)``"""
    SUM = auto()
    """The sum of ``exp(z)`` over the classes."""
    LOG_SUM = auto()
    """Its logarithm."""
    PART = auto()
    """``z[..., :4]``: other parts of it are other scores."""
    JOINED = auto()
    """Several outputs beside one another along the last axis."""
    CLIPPED = auto()
    """``clip(z, 0, 1)``"""
    SCALED = auto()
    """``p / 10``, of what a model returns"""
    HITS = auto()
    """``y * z``, where labels are 0 or 1"""
    SHIFTED = auto()
    """``2 * p - 1``: the output, what it was multiplied by, and what was added then"""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a formula, taken from ``of``.

    It belongs to the tensor with these parents: what is made of that is another step, or none.
    """

    kind: StepKind
    of: Value
    parents: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """``weight`` is how much of a weighted mean there is yet, ``like`` what it is once that comes to one.

    It belongs to the tensor with these parents and this reason: what is made of that is no share.
    """

    weight: float
    like: TensorV
    parents: tuple[Value, ...]
    reason: Undecided | None


@dataclass(frozen=True, slots=True, eq=False)
class LossV(Value):
    """A loss built from a Keras class, string, function or op.

    ``from_logits`` is the value given (or the default), None where there is no such parameter.
    """

    spec: LossSpec
    from_logits: Value | None
    form: Form
    place: Place
    explicit: bool = False
    always_logits: bool = False
    misuse: str | None = None
    across: bool = False
    """Whether the classes may lie along another axis than the last."""
    trace: tuple[Hop, ...] = ()
    terms: tuple[LossV, ...] = ()
    """What it is the sum of, where it is one: each of them meets the output."""
    refused: Undecided | None = None
    """Why it computes nothing (Keras raises where it is built or called), or nobody knows what it is."""


@dataclass(frozen=True, slots=True, eq=False)
class MetricV(Value):
    """A metric built from a Keras class, string or function. ``label`` is what Keras calls it in its logs."""

    spec: MetricSpec
    from_logits: Value | None
    threshold: Value | None
    form: Form
    place: Place
    misuse: str | None = None
    label: str | None = None


WEIGHTS = Undecided(Why.DATA, "weights")
"""What training changes: variables and the weights of layers. A product with them is a linear layer."""
CONSTANTS = Undecided(Why.DATA, "a tensor made from constants")
LITERAL = Undecided(Why.DATA, "values written out in the code")
LABELS = Undecided(Why.DATA, "labels")
DRAWN = Undecided(Why.DATA, "random numbers")
NORMAL = Undecided(Why.DATA, "normally distributed numbers")
COMPARISON = Undecided(Why.DATA, "a comparison")
"""Which numbers of a tensor are larger than something."""
DECISION = Undecided(Why.DATA, "a decision")
"""Probabilities that are rounded."""
DECISIONS = (COMPARISON, DECISION)
"""0 or 1, whatever the scale was on which it was decided."""
DIRECTIONS = Undecided(Why.COMBINED, "rows of length one")
"""What is left of unbounded scores once each row is scaled to length one: products of them are cosines."""
SPREAD = (WEIGHTS, NORMAL, DIRECTIONS)
"""Numbers on both sides of zero: sums of anything weighted by them are unbounded scores."""


PART_OF_CLASSES = Undecided(Why.COMBINED, "a part of the classes")
MOVED_CLASSES = Undecided(Why.COMBINED, "the class axis is taken apart, or moved")
SHARES = (PART_OF_CLASSES, MOVED_CLASSES)
"""What is left of probabilities that no longer sum to one: as weights they leave scores unbounded."""


MODEL_INPUT = "a model input"


def data_tensor(
    shape: tuple[int | None, ...] | None = None, labels: Labels | None = None, what: str = "input data"
) -> TensorV:
    """A tensor that is no output of a model."""
    return TensorV(shape=shape, reason=Undecided(Why.DATA, what), labels=labels)
