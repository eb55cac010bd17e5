"""The waist of the hourglass: one loss (or metric, or use) meets one output.

Frontends (source, saved models, live models) yield :class:`Site` objects and know no
rule; rules judge sites and know no frontend. What a rule cannot see here it cannot ask.

Everything is frozen and imports nothing of the project. "Cannot tell" is a value with a
reason (:class:`Undecided`), never a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from enum import Enum
from typing import Any

from fromlogits_audit.lean import dataclass


class Scale(str, Enum):
    """What the numbers of an output mean; the words of the JSON report."""

    LOGITS = "logits"
    """Unbounded scores, both ways: linear, leaky_relu, tanh_shrink ..."""
    PROBABILITIES = "probabilities"
    """Sum to one over the class axis: softmax."""
    INDEPENDENT = "independent-probabilities"
    """Each in [0, 1]: sigmoid, hard_sigmoid."""
    LOG_PROBABILITIES = "log-probabilities"
    """log_softmax, log_sigmoid."""
    BOUNDED = "bounded"
    """Bounded, but not to [0, 1]: tanh, softsign ..."""
    NON_NEGATIVE = "non-negative"
    """relu, softplus, exponential ..."""
    UNKNOWN = "unknown"


class Family(str, Enum):
    """What a loss (or metric) asks of y_pred."""

    CATEGORICAL = "categorical"
    """Cross-entropy over exclusive classes (CE), focal and sparse forms included."""
    BINARY = "binary"
    """Binary cross-entropy (BCE), focal form included."""
    PROBABILITY = "probability"
    """Has no ``from_logits`` and needs probabilities: KLDivergence, Dice, Tversky ..."""
    THRESHOLD = "threshold"
    """A metric that cuts probabilities at a threshold: BinaryAccuracy, Precision, AUC ..."""
    ANY = "any"
    """No rule is about what it asks for: regression, hinge, Poisson, a loss without a logarithm; CTC."""
    UNKNOWN = "unknown"
    """Cannot be followed."""


class Form(str, Enum):
    """How the source spells the loss or metric: what a fix has to rewrite."""

    STRING = "string"
    INSTANCE = "instance"
    FUNCTION = "function"
    """A function reference, called by Keras."""
    CALL = "call"
    """A function called with labels and predictions."""
    CLASS = "class"
    """The class itself, not an instance."""
    OP = "op"
    """``tf.nn.*_with_logits`` and ``tf.compat.v1.losses.*``: the flag is in the name."""
    CUSTOM = "custom"


class Why(str, Enum):
    """The closed list of reasons for which a site stays undecided, so they can be counted."""

    EXTERNAL = "external-code"
    """The output or loss comes out of code that is not in the project."""
    OPAQUE_LAYER = "opaque-layer"
    """A layer, activation or lambda that cannot be followed."""
    OPAQUE_LOSS = "opaque-loss"
    """A loss of the project's own that cannot be followed and takes a logarithm of y_pred."""
    PARAMETER = "required-parameter"
    """A required argument that no visible caller gives."""
    RUNTIME = "runtime-value"
    """Read at run time: a file, the command line, the environment, the network."""
    LOADED_MODEL = "loaded-model"
    """A model loaded from a file."""
    NO_OUTPUT = "loss-meets-no-output"
    """The loss never meets an output that the code shows."""
    CONDITION = "depends-on-condition"
    """Right under one condition and wrong under another; which holds is not known."""
    COMBINED = "combined-outputs"
    """Arithmetic on outputs whose result has no known scale."""
    LIMIT = "analysis-limit"
    """Past a bound of the analysis (depth, repetition, alternatives)."""
    UNSUPPORTED = "unsupported-construct"
    """A construct that the analysis does not follow."""
    UNDEFINED = "undefined-name"
    """A name that is bound nowhere in what was read."""
    DATA = "not-a-model-output"
    """The value is input data or otherwise no output of a model."""


@dataclass(frozen=True)
class Undecided:
    """Why something cannot be told. ``detail`` names the thing, in words for a user."""

    why: Why
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.why.value}: {self.detail}" if self.detail else self.why.value


@dataclass(frozen=True, order=True)
class Location:
    """A span of source. Lines and columns count from 1, columns in characters.

    ``cell`` is the notebook cell's position among all cells of the file, from 1, and None
    elsewhere. A saved model has no lines: ``line`` is 0 there and null in JSON.
    """

    path: str
    cell: int | None = None
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    def sort_key(self) -> tuple[str, int, int, int]:
        return (self.path, self.cell or 0, self.line, self.column)


@dataclass(frozen=True)
class Problem:
    """A file, a notebook cell, a statement or a model that could not be analysed."""

    location: Location
    reason: str
    statement: bool = False
    """Whether it is one statement of a file, whose others were analysed."""


@dataclass(frozen=True)
class Step:
    """One hop of a trace: where, and what happens there."""

    location: Location
    note: str


@dataclass(frozen=True)
class Output:
    """What a model or an expression yields as y_pred.

    ``activation`` is the Keras string of what gives the scale (``linear`` where there is
    none, None where unknown). ``units`` is the size of the last axis, None where unknown
    (then it counts as several). ``name`` tells one of several outputs apart and is None
    for a model of one. ``unit_softmax`` is the place of a softmax over an axis of size one
    that made this output the constant 1.0. ``half_precision`` names the dtype where the
    final activation is computed in float16 or bfloat16.
    """

    scale: Scale = Scale.UNKNOWN
    activation: str | None = None
    units: int | None = None
    name: str | None = None
    reason: Undecided | None = None
    unit_softmax: Location | None = None
    half_precision: str | None = None
    trace: Sequence[Step] = ()

    @property
    def known(self) -> bool:
        return self.scale is not Scale.UNKNOWN

    @classmethod
    def unknown(cls, why: Why, detail: str = "", trace: Sequence[Step] = ()) -> Output:
        return cls(reason=Undecided(why, detail), trace=trace)


@dataclass(frozen=True)
class Loss:
    """A loss as it stands in the code or in a saved model.

    ``name`` is the Keras class name, also for its string, function and tf.nn op, or
    ``custom:<name>``. ``from_logits`` is the effective value, defaults included; None where
    the loss has no such parameter or it is not known (then ``reason`` says why).
    ``sparse`` is True for integer labels, False for one-hot, None where it does not apply.
    ``misuse`` says what is wrong with the construction itself (FLA602), in words.
    ``spelled`` is the text of the construction as it stands (for messages). ``across`` is True where the
    classes may lie along another axis than the last.
    """

    name: str
    family: Family
    from_logits: bool | None = None
    sparse: bool | None = None
    form: Form = Form.INSTANCE
    spelled: str = ""
    misuse: str | None = None
    always_logits: bool = False
    """True for ops that have no flag and always take logits."""
    focal: bool = False
    explicit: bool = False
    """True where ``from_logits`` is written out, not a default."""
    across: bool = False
    reason: Undecided | None = None
    trace: Sequence[Step] = ()

    @property
    def is_custom(self) -> bool:
        """Whether something else than Keras computes it: another library, the project, nobody knows what."""
        return self.name.startswith("custom:")


@dataclass(frozen=True)
class Metric:
    """A metric that has a probability threshold or a ``from_logits``.

    ``threshold`` is the cut in y_pred's own scale (0.5 by default), None where the metric
    has none or it is not known.
    """

    name: str
    family: Family
    from_logits: bool | None = None
    threshold: float | None = None
    form: Form = Form.INSTANCE
    spelled: str = ""
    misuse: str | None = None
    reason: Undecided | None = None
    monitored: str | None = None
    """The callback that watches this metric, where one does."""


class LabelEncoding(str, Enum):
    """How y_true is written."""

    INTEGER = "integer"
    ONE_HOT = "one-hot"
    BINARY = "binary"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Labels:
    """y_true as it reaches a loss. ``classes`` is the number of classes where known, ``partly`` says that
    the loss also serves a model whose labels are not known."""

    encoding: LabelEncoding = LabelEncoding.UNKNOWN
    classes: int | None = None
    trace: Sequence[Step] = ()
    partly: bool = False


class Kind(str, Enum):
    """What meets the output at a site."""

    LOSS = "loss"
    METRIC = "metric"
    CUTOFF = "cutoff"
    """A prediction compared with a constant, or rounded."""
    ACTIVATION = "activation"
    """A softmax or sigmoid applied to an output, anywhere."""
    LAYER = "layer"
    """A layer that ends a model (half precision)."""
    MODEL = "model"
    """A saved model itself: what loading it would run, and what measuring it showed."""


@dataclass(frozen=True)
class Cutoff:
    """A decision on predictions: ``> threshold``, or rounding (threshold 0.5).

    None where the threshold is not known, or cuts something that is computed from the predictions.
    """

    threshold: float | None
    spelled: str


@dataclass(frozen=True)
class Applied:
    """A softmax or sigmoid applied to ``Site.output`` (the output as it was before).

    ``axis_size`` is the size of the softmax's axis, None where unknown. ``scaled`` says that the output was
    divided by a temperature in between.
    """

    activation: str
    axis_size: int | None = None
    spelled: str = ""
    scaled: bool = False


@dataclass(frozen=True)
class Runtime:
    """Which Keras runs the code: None where the project pins nothing."""

    keras: int | None = None
    backend: str | None = None


@dataclass(frozen=True)
class Edits:
    """What the frontend knows about rewriting the construction: plain data for fixes.

    ``arguments`` maps a parameter name to the span of its written value; ``call_open`` is
    the point right after the opening bracket; ``call_close`` the point before the closing
    one. ``prefix`` is how the file spells the module that holds the Keras losses
    (``keras.losses.``, ``tf.keras.losses.``, ``""`` where all its names are imported); for a metric
    that of the metrics.

    A construction that cannot be rewritten argument by argument (a string, a call of something else
    than Keras) has no ``call_close``.
    """

    span: Location
    arguments: tuple[tuple[str, Location], ...] = ()
    call_open: Location | None = None
    call_close: Location | None = None
    prefix: str | None = None
    activation_default: str | None = None
    """What a layer computes that is not told its activation; None for what has no such parameter."""
    text: str = ""
    """The construction as it is written, whole."""
    written: tuple[tuple[str, str], ...] = ()
    """Parameter name to the text of its value."""
    removals: tuple[tuple[str, Location], ...] = ()
    """Parameter name to the span that has to go for the argument to go, comma and all."""
    passed_on: tuple[str, ...] = ()
    """Parameters whose value is itself a parameter of the function around: callers decide it."""
    last_argument: Location | None = None
    """The point right after the last argument, None where there is none."""
    callee: Location | None = None
    """The last name of what is called or referred to: ``BinaryCrossentropy``."""
    called: str | None = None
    """The canonical name of what is called or referred to."""
    names: tuple[tuple[str, str], ...] = ()
    """Names of that module that the file imports one by one, and what it calls them."""
    import_at: Location | None = None
    """Where a line that imports a name can stand."""
    import_from: str | None = None
    """The module that such a line imports from: ``tensorflow.keras.losses``."""
    exclusive: bool = True
    """Whether nothing but ``compile`` reads the string or reference, so that an object serves as well."""
    item: Location | None = None
    """The span that has to go for the construction to go out of the list it stands in."""
    partners: tuple[Location, ...] = ()
    """Where the losses of the same output stand, for metric and cut-off sites."""
    layer: Edits | None = None
    """The layer or call that gives the output its scale."""
    reaching: tuple[str, ...] = ()
    """The activations that the output would end in just so, were ``layer`` to give them."""
    behind: tuple[Edits, ...] = ()
    """The layers behind this one that compute in the same half precision."""


@dataclass(frozen=True)
class Site:
    """One place where one loss, metric or use meets one output.

    ``subject`` facts: exactly one of ``loss``, ``metric``, ``cutoff``, ``applied`` fits
    ``kind``. ``partner`` is the loss of the same output, for metric and cut-off sites.
    ``alternatives`` are the sites this one may be, where several values are possible; the
    site is decided where all of them agree.
    """

    kind: Kind
    location: Location
    output: Output = field(default_factory=Output)
    loss: Loss | None = None
    metric: Metric | None = None
    cutoff: Cutoff | None = None
    applied: Applied | None = None
    labels: Labels | None = None
    partner: Loss | None = None
    runtime: Runtime = field(default_factory=Runtime)
    trace: Sequence[Step] = ()
    edits: Edits | None = None
    alternatives: tuple[Site, ...] = ()
    unsafe: tuple[str, ...] = ()
    """Parts of a saved model that would run code where it is loaded, in words. None of them was run."""
    measured: Output | None = None
    """What a measurement of ``output`` showed; ``measured.reason.detail`` holds its numbers."""
    evidence: str | None = None
    """``run`` where the program was watched while it ran, None where it was read."""
    excluded: bool = False
    """Whether the values in the code keep the program from reaching it."""

    def at(self, **changes: Any) -> Site:
        """This site with some facts replaced."""
        return replace(self, **changes)


class Status(str, Enum):
    """How a site ends."""

    OK = "ok"
    FINDING = "finding"
    UNDECIDED = "undecided"
