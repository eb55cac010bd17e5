"""What is told: the numbers are right, and each runtime hears what it does."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import exp, inf, log

import pytest

from fromlogits_audit.finding import Finding
from fromlogits_audit.ir import (
    Applied,
    Cutoff,
    Edits,
    Family,
    Form,
    Kind,
    LabelEncoding,
    Labels,
    Location,
    Loss,
    Metric,
    Output,
    Runtime,
    Scale,
    Site,
)
from fromlogits_audit.rules import consequences as told
from fromlogits_audit.rules.half_precision_probabilities import highest_below_one
from fromlogits_audit.rules.judge import judge

HERE = Location("train.py", None, 9, 5, 9, 40)
CE, BCE = Family.CATEGORICAL, Family.BINARY
SOFTMAX = Output(Scale.PROBABILITIES, "softmax", 10)
SIGMOID = Output(Scale.INDEPENDENT, "sigmoid", 1)
LOGITS = Output(Scale.LOGITS, "linear", 10)
LOG_SOFTMAX = Output(Scale.LOG_PROBABILITIES, "log_softmax", 10)


def cross_entropy(logits: list[float], right: int) -> float:
    """The textbook formula, as a reference: ``-log softmax(logits)[right]``."""
    return log(sum(exp(z) for z in logits)) - logits[right]


@pytest.mark.parametrize("classes", [2, 3, 10, 100, 1000])
def test_the_softmax_floor_is_the_loss_of_a_perfect_one_hot_prediction(classes: int) -> None:
    perfect = [1.0] + [0.0] * (classes - 1)
    assert told.softmax_floor(classes) == pytest.approx(cross_entropy(perfect, 0))
    assert told.softmax_ceiling(classes) == pytest.approx(exp(-cross_entropy(perfect, 0)))
    assert told.categorical_floor(0.0, 1.0, classes) == pytest.approx(told.softmax_floor(classes))


@pytest.mark.parametrize("classes", [2, 3])
def test_no_probabilities_on_a_grid_get_below_the_softmax_floor(classes: int) -> None:
    grid = [step / 20 for step in range(21)]
    simplex = [list(p) for p in product(grid, repeat=classes) if abs(sum(p) - 1) < 1e-9]
    assert min(cross_entropy(p, 0) for p in simplex) == pytest.approx(told.softmax_floor(classes))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (told.softmax_floor(2), 0.3133),
        (told.softmax_floor(10), 1.4612),
        (told.softmax_floor(100), 3.6222),
        (told.softmax_ceiling(10), 0.2320),
        (told.categorical_floor(-1.0, 1.0, 10), 0.7966),
        (told.binary_floors(0.0, 1.0)[0], 0.3133),
        (told.binary_floors(0.0, 1.0)[1], 0.6931),
        (told.binary_floors(-1.0, 1.0)[1], 0.3133),
        (told.binary_floors(0.0, inf)[0], 0.0),
        (told.sigmoid(0.5), 0.6225),
        (told.sigmoid(1.0), 0.7311),
        (highest_below_one("float16"), 0.99951),
        (highest_below_one("bfloat16"), 0.99609),
        (-log(told.EPSILON), 16.1181),
    ],
)
def test_numbers_that_were_measured_or_are_defined(value: float, expected: float) -> None:
    assert value == pytest.approx(expected, abs=5e-5)


def finding(loss: Loss, output: Output, runtime: Runtime | None = None) -> Finding:
    (found,) = judge(Site(Kind.LOSS, HERE, output, loss=loss, runtime=runtime or Runtime())).findings
    return found


CCE = Loss("CategoricalCrossentropy", CE, True, sparse=False, explicit=True)
ONE_UNIT = Output(Scale.INDEPENDENT, "sigmoid", 1)

IN_NUMBERS = [
    (CCE, SOFTMAX, "1.461"),
    (CCE, Output(Scale.PROBABILITIES, "softmax", 100), "3.622"),
    (CCE, Output(Scale.PROBABILITIES, "softmax", None), "log(e + K - 1) - 1"),
    (Loss("CategoricalFocalCrossentropy", CE, True, focal=True), SOFTMAX, "23.2%"),
    (Loss("BinaryCrossentropy", BCE, True), SIGMOID, "0.3133"),
    (Loss("BinaryCrossentropy", BCE, True), SIGMOID, "0.6931"),
    (Loss("BinaryFocalCrossentropy", BCE, True, focal=True), SIGMOID, "0.731"),
    (CCE, Output(Scale.BOUNDED, "tanh", 10), "0.797"),
    (CCE, Output(Scale.BOUNDED, "unheard_of", 10), "part of the logits"),
    (CCE, Output(Scale.NON_NEGATIVE, "relu", 10), "below 0"),
    (Loss("BinaryCrossentropy", BCE, True), Output(Scale.NON_NEGATIVE, "relu", 1), "0.6931"),
    (Loss("BinaryCrossentropy", BCE, True), Output(Scale.BOUNDED, "tanh", 1), "0.3133"),
    (Loss("SparseCategoricalCrossentropy", CE, False, sparse=True), LOG_SOFTMAX, "2.303"),
    (Loss("BinaryCrossentropy", BCE, False), Output(Scale.LOGITS, "linear", 1), "about 16"),
    (Loss("BinaryCrossentropy", BCE, True), LOG_SOFTMAX, "0.6931"),
]


@pytest.mark.parametrize(("loss", "output", "number"), IN_NUMBERS)
def test_messages_give_numbers(loss: Loss, output: Output, number: str) -> None:
    assert number in finding(loss, output).message.replace("Part", "part")


RUNTIMES = [
    (Runtime(), ("TensorFlow", "JAX", "PyTorch"), ()),
    (Runtime(3), ("TensorFlow", "JAX", "PyTorch"), ("Keras 2",)),
    (Runtime(3, "jax"), ("silently applied twice",), ("TensorFlow", "JAX", "PyTorch", "warns")),
    (Runtime(None, "torch"), ("silently applied twice",), ("TensorFlow", "JAX", "warns")),
    (Runtime(3, "tensorflow"), ("warns",), ("JAX", "PyTorch", "silently")),
    (Runtime(2), ("warns",), ("JAX", "PyTorch", "silently")),
    (Runtime(2, "jax"), ("warns",), ("JAX",)),  # Keras 2 has one backend
]


@pytest.mark.parametrize(("runtime", "told_here", "not_told"), RUNTIMES)
def test_a_message_tells_what_the_pinned_runtime_does(
    runtime: Runtime, told_here: tuple[str, ...], not_told: tuple[str, ...]
) -> None:
    message = finding(CCE, SOFTMAX, runtime).message
    assert all(word in message for word in told_here)
    assert not any(word in message for word in not_told)
    assert "1.461" in message


def clause(loss: Loss, output: Output, keras: int, backend: str = "tensorflow") -> str:
    return finding(loss, output, Runtime(keras, backend)).message


CATEGORICAL_FOCAL = Loss("CategoricalFocalCrossentropy", CE, True, focal=True)
BINARY_FOCAL = Loss("BinaryFocalCrossentropy", BCE, True, focal=True)
OP = Loss("CategoricalCrossentropy", CE, True, always_logits=True, form=Form.OP)
HARD_SIGMOID = Output(Scale.INDEPENDENT, "hard_sigmoid", 1)

RESCUED = [
    # loss, output, Keras, is TensorFlow said to warn and to look behind the activation?
    (CCE, SOFTMAX, 3, True),
    (CCE, SOFTMAX, 2, True),
    (CATEGORICAL_FOCAL, SOFTMAX, 3, False),  # Keras 3 never looks behind for focal losses
    (CATEGORICAL_FOCAL, SOFTMAX, 2, True),
    (BINARY_FOCAL, SIGMOID, 3, False),
    (Loss("BinaryCrossentropy", BCE, True), SIGMOID, 3, True),
    (Loss("BinaryCrossentropy", BCE, True), HARD_SIGMOID, 3, False),  # only softmax and sigmoid are known
    (OP, SOFTMAX, 3, False),  # tf.nn inspects nothing
    (OP, SOFTMAX, 2, False),
]


@pytest.mark.parametrize(("loss", "output", "keras", "rescued"), RESCUED)
def test_tensorflow_looks_behind_the_activation_where_it_was_measured_to(
    loss: Loss, output: Output, keras: int, rescued: bool
) -> None:
    assert ("warns" in clause(loss, output, keras)) is rescued


SUBSTITUTED = [
    (Loss("CategoricalCrossentropy", CE, False), Output(Scale.INDEPENDENT, "sigmoid", 10), True),
    (Loss("BinaryCrossentropy", BCE, False), SOFTMAX, True),
    (
        Loss("CategoricalFocalCrossentropy", CE, False, focal=True),
        Output(Scale.INDEPENDENT, "sigmoid", 10),
        False,
    ),
    (Loss("BinaryFocalCrossentropy", BCE, True, focal=True), SOFTMAX, False),
    (OP, Output(Scale.INDEPENDENT, "sigmoid", 10), False),
]


@pytest.mark.parametrize(("loss", "output", "substituted"), SUBSTITUTED)
def test_tensorflow_trains_another_loss_where_it_was_measured_to(
    loss: Loss, output: Output, substituted: bool
) -> None:
    assert ("predict() returns something else" in clause(loss, output, 3)) is substituted
    assert "predict() returns something else" not in clause(loss, output, 3, "jax")


def test_keras_2_is_named_apart_only_where_it_differs() -> None:
    focal = finding(CATEGORICAL_FOCAL, SOFTMAX).message
    assert "on Keras 3 with TensorFlow, JAX and PyTorch" in focal
    assert "Keras 2" not in finding(CCE, SOFTMAX).message


def test_one_unit_with_integer_labels_fails_loudly_but_on_jax() -> None:
    sparse = Loss("SparseCategoricalCrossentropy", CE, False, sparse=True)
    assert "raises an error" in clause(sparse, ONE_UNIT, 3, "torch")
    assert "raises" not in clause(sparse, ONE_UNIT, 3, "jax")


MENDS = [
    (Loss("SparseCategoricalCrossentropy", CE, False, form=Form.STRING), None, "`keras.losses.Sparse"),
    (Loss("SparseCategoricalCrossentropy", CE, False), "tf.keras.losses.", "`tf.keras.losses.Sparse"),
    (
        Loss("SparseCategoricalCrossentropy", CE, False),
        "",
        "`SparseCategoricalCrossentropy(from_logits=True)`",
    ),
    (Loss("SparseCategoricalCrossentropy", CE, False, form=Form.CALL), None, "write from_logits=True"),
    (Loss("custom:mine", CE, False), None, "write from_logits=True"),
]


@pytest.mark.parametrize(("loss", "prefix", "mend"), MENDS)
def test_the_mend_is_spelled_as_the_file_spells_keras(loss: Loss, prefix: str | None, mend: str) -> None:
    site = Site(Kind.LOSS, HERE, LOGITS, loss=loss, edits=Edits(HERE, prefix=prefix))
    assert mend in judge(site).findings[0].help


def test_what_keras_makes_of_it_is_not_said_of_the_loss_of_another_library() -> None:
    other = Loss("custom:FocalLoss", CE, True, focal=True, spelled="FocalLoss()")
    message = finding(other, SOFTMAX).message
    assert message.endswith("`FocalLoss()` (from_logits=True by default), which expects logits.")
    assert finding(replace(other, name="CategoricalFocalCrossentropy"), SOFTMAX).message.startswith(message)


@pytest.mark.parametrize(("family", "number"), [(BCE, "0.622"), (CE, "softmax")])
def test_a_cut_has_a_probability_of_its_own_only_under_a_sigmoid(family: Family, number: str) -> None:
    site = Site(Kind.METRIC, HERE, LOGITS, partner=Loss("L", family, True))
    cuts = [
        replace(site, metric=Metric("Precision", Family.THRESHOLD, threshold=0.5)),
        replace(site, kind=Kind.CUTOFF, cutoff=Cutoff(0.5, "p > 0.5")),
    ]
    assert all(number in judge(cut).findings[0].message for cut in cuts)


def test_an_op_is_not_told_to_drop_a_flag_it_does_not_have() -> None:
    assert "from_logits" not in finding(OP, SOFTMAX).help


SPELLINGS = [
    (Loss("BinaryCrossentropy", BCE, False, spelled='"bce"'), '`"bce"` (from_logits=False by default)'),
    (
        Loss("BinaryCrossentropy", BCE, False, spelled="L(from_logits=False)", explicit=True),
        "`L(from_logits=False)`, ",
    ),
    (
        Loss("BinaryCrossentropy", BCE, False, spelled="L(flag)", explicit=True),
        "`L(flag)` with from_logits=False",
    ),
    (Loss("BinaryCrossentropy", BCE, False, spelled="loss(\n    y,\n    p)"), "`loss( y, p)`"),
    (Loss("BinaryCrossentropy", BCE, False, spelled="loss(" + "y, " * 60 + ")"), "`loss(...)`"),
]


@pytest.mark.parametrize(("loss", "words"), SPELLINGS)
def test_a_loss_is_named_as_it_is_spelled(loss: Loss, words: str) -> None:
    assert words in finding(loss, Output(Scale.LOGITS, "linear", 1)).message


def every_site() -> list[Site]:
    """Sites with as few facts as a finding needs: what is not known must not show."""
    flags, scales = (True, False, None), [scale for scale in Scale if scale is not Scale.UNKNOWN]
    losses = [Loss("L", family, flag) for family, flag in product(Family, flags)]
    losses += [Loss("L", CE, form=Form.CLASS), Loss("L", CE, misuse="from_logits is 'yes'")]
    outputs = [Output(scale, None, units) for scale, units in product(scales, (None, 1, 10))]
    outputs += [Output(Scale.PROBABILITIES, unit_softmax=HERE)]
    labels = [Labels(LabelEncoding.INTEGER), Labels(LabelEncoding.ONE_HOT)]
    sites = [Site(Kind.LOSS, HERE, output, loss=loss) for loss, output in product(losses, outputs)]
    sites += [
        Site(Kind.LOSS, HERE, loss=Loss("L", CE, sparse=sparse), labels=one)
        for sparse, one in product((True, False), labels)
    ]
    metrics = [Metric("M", family, flag) for family, flag in product(Family, flags)]
    metrics += [Metric("M", Family.THRESHOLD, threshold=0.5, monitored="EarlyStopping()")]
    partners = [Loss("L", family, True) for family in (CE, BCE)]
    sites += [
        Site(Kind.METRIC, HERE, output, metric=metric, partner=partner)
        for metric, output, partner in product(metrics, outputs, partners)
    ]
    sites += [
        Site(Kind.CUTOFF, HERE, output, cutoff=Cutoff(0.5, ""), partner=partner)
        for output, partner in product(outputs, partners)
    ]
    sites += [
        Site(Kind.ACTIVATION, HERE, output, applied=Applied(name, size))
        for name, size, output in product(("softmax", "sigmoid"), (None, 1, 10), outputs)
    ]
    halves = (Output(Scale.INDEPENDENT, half_precision=dtype) for dtype in ("float16", "bfloat16"))
    return sites + [Site(Kind.LAYER, HERE, output) for output in halves]


def test_every_message_reads_well_and_every_rule_is_heard() -> None:
    found = [finding for site in every_site() for finding in judge(site).findings]
    assert len({finding.code for finding in found}) == 21  # all but the three that the pipeline makes
    for one in found:
        text = f"{one.message} {one.help}"
        assert "None" not in text and "inf" not in text and "``" not in text and "  " not in text, text
        assert one.message.endswith(".") and not one.message.endswith(".."), text
        assert one.message[0].isupper() or one.message[0] == "`", text
        assert one.help and not one.help.endswith("."), text
        assert len(one.message) < 520, text
