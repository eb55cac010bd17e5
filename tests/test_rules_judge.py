"""How sites of every kind end: metrics, cut-offs, activations, labels, alternatives."""

from __future__ import annotations

import pytest

from fromlogits_audit.ir import (
    Applied,
    Cutoff,
    Family,
    Kind,
    LabelEncoding,
    Labels,
    Location,
    Loss,
    Metric,
    Output,
    Scale,
    Site,
    Status,
    Step,
    Undecided,
    Why,
)
from fromlogits_audit.rules import rule
from fromlogits_audit.rules.judge import Judged, judge

HERE = Location("train.py", None, 9, 5, 9, 40)
LAYER = Location("model.py", None, 3, 9, 3, 40)
CE, BCE, CUT = Family.CATEGORICAL, Family.BINARY, Family.THRESHOLD

LOGITS = Output(Scale.LOGITS, "linear", 1)
SIGMOID = Output(Scale.INDEPENDENT, "sigmoid", 1)
TEN_LOGITS = Output(Scale.LOGITS, "linear", 10)
SOFTMAX = Output(Scale.PROBABILITIES, "softmax", 10)
LOG_SOFTMAX = Output(Scale.LOG_PROBABILITIES, "log_softmax", 10)
TANH = Output(Scale.BOUNDED, "tanh", 1)
UNKNOWN = Output.unknown(Why.LOADED_MODEL, "model.keras")
ONE_UNIT_SOFTMAX = Output(Scale.PROBABILITIES, "softmax", 1, unit_softmax=LAYER)

BCE_LOGITS = Loss("BinaryCrossentropy", BCE, True)
BCE_PROBS = Loss("BinaryCrossentropy", BCE, False)
CE_LOGITS = Loss("CategoricalCrossentropy", CE, True)
CE_PROBS = Loss("CategoricalCrossentropy", CE, False)
CE_OP = Loss("CategoricalCrossentropy", CE, always_logits=True)
MSE = Loss("MeanSquaredError", Family.ANY)
MYSTERY = Loss("custom:f", Family.UNKNOWN, reason=Undecided(Why.OPAQUE_LOSS, "f"))
BCE_EITHER = Loss("BinaryCrossentropy", BCE, None, reason=Undecided(Why.PARAMETER, "logits"))

ACCURACY = Metric("BinaryAccuracy", CUT, threshold=0.5, spelled='"accuracy"')
AT_ZERO = Metric("BinaryAccuracy", CUT, threshold=0.0)
AT_TWO = Metric("Precision", CUT, threshold=2.0)
AT_UNKNOWN = Metric("Precision", CUT, reason=Undecided(Why.RUNTIME, "threshold"))
AUC = Metric("AUC", CUT, from_logits=False)
AUC_LOGITS = Metric("AUC", CUT, from_logits=True)
F1 = Metric("F1Score", CUT)
CE_METRIC = Metric("CategoricalCrossentropy", CE, from_logits=False)
CE_METRIC_LOGITS = Metric("CategoricalCrossentropy", CE, from_logits=True)
BCE_METRIC = Metric("BinaryCrossentropy", BCE, from_logits=False)
BCE_METRIC_LOGITS = Metric("BinaryCrossentropy", BCE, from_logits=True)
CE_METRIC_EITHER = Metric("CategoricalCrossentropy", CE, reason=Undecided(Why.PARAMETER, "flag"))
MISUSED = Metric("BinaryCrossentropy", BCE, misuse="from_logits is a string")


def verdict(judged: Judged) -> str:
    return ",".join(judged.codes) if judged.status is Status.FINDING else judged.status.value


METRICS = [
    # metric, output, loss of that output, what is said, why
    (ACCURACY, LOGITS, BCE_LOGITS, "FLA401", "a logit of 0.5 is not a probability of 0.5"),
    (ACCURACY, LOGITS, CE_OP, "FLA401", "the op always means logits"),
    (AT_ZERO, LOGITS, BCE_LOGITS, "ok", "0 is the logit of probability 0.5"),
    (AT_TWO, LOGITS, BCE_LOGITS, "ok", "outside of (0, 1), so meant for logits"),
    (AT_UNKNOWN, LOGITS, BCE_LOGITS, "undecided", "the threshold may be 0"),
    (AT_UNKNOWN, SIGMOID, BCE_PROBS, "ok", "no threshold is wrong on probabilities"),
    (ACCURACY, LOGITS, BCE_PROBS, "ok", "one cause: the loss is FLA202 already"),
    (ACCURACY, LOGITS, MSE, "ok", "regression on 0/1 is rightly cut at 0.5"),
    (ACCURACY, LOGITS, MYSTERY, "undecided", "not known whether logits are meant"),
    (ACCURACY, LOGITS, BCE_EITHER, "undecided", "not known whether logits are meant"),
    (ACCURACY, LOGITS, None, "undecided", "no loss says that logits are meant"),
    (ACCURACY, SIGMOID, BCE_PROBS, "ok", "probabilities"),
    (ACCURACY, SIGMOID, BCE_LOGITS, "ok", "the loss is wrong, the metric is not"),
    (ACCURACY, TANH, BCE_PROBS, "ok", "not logits"),
    (ACCURACY, UNKNOWN, BCE_LOGITS, "undecided", "the output is not known"),
    (AUC, LOGITS, BCE_LOGITS, "FLA401", "its thresholds lie in 0 ... 1"),
    (AUC_LOGITS, LOGITS, BCE_LOGITS, "ok", "it was told"),
    (AUC_LOGITS, SIGMOID, BCE_PROBS, "FLA402", "sigmoid twice"),
    (AUC_LOGITS, SOFTMAX, CE_PROBS, "FLA402", "sigmoid of a softmax"),
    (F1, TEN_LOGITS, CE_LOGITS, "ok", "without a threshold it takes the argmax"),
    (CE_METRIC, TEN_LOGITS, CE_LOGITS, "FLA402", "the metric takes logits for probabilities"),
    (CE_METRIC, TEN_LOGITS, MSE, "FLA402", "it contradicts the output, whatever the loss"),
    (CE_METRIC, TEN_LOGITS, None, "FLA402", "it contradicts the output, whatever the loss"),
    (CE_METRIC, TEN_LOGITS, CE_PROBS, "ok", "one cause: the loss is FLA201 already"),
    (CE_METRIC, LOG_SOFTMAX, CE_LOGITS, "FLA402", "the metric takes log-probabilities for probabilities"),
    (CE_METRIC, LOG_SOFTMAX, CE_PROBS, "ok", "one cause: the loss is FLA204 already"),
    (CE_METRIC_LOGITS, LOG_SOFTMAX, CE_LOGITS, "ok", "softmax gives the probabilities back"),
    (CE_METRIC, SOFTMAX, CE_PROBS, "ok", "probabilities"),
    (CE_METRIC_LOGITS, TEN_LOGITS, CE_LOGITS, "ok", "logits"),
    (CE_METRIC_LOGITS, SOFTMAX, CE_PROBS, "FLA402", "softmax twice"),
    (CE_METRIC_LOGITS, SOFTMAX, CE_LOGITS, "FLA402", "the loss being FLA101 does not make it right"),
    (BCE_METRIC, LOGITS, BCE_LOGITS, "FLA402", "the metric takes logits for probabilities"),
    (BCE_METRIC_LOGITS, SIGMOID, BCE_PROBS, "FLA402", "sigmoid twice"),
    (BCE_METRIC_LOGITS, SOFTMAX, CE_PROBS, "FLA402", "sigmoid of a softmax"),
    (BCE_METRIC, SOFTMAX, CE_PROBS, "ok", "an odd choice, but no conflict of the flag"),
    (CE_METRIC_EITHER, TEN_LOGITS, CE_LOGITS, "undecided", "the flag is not known"),
    (CE_METRIC, UNKNOWN, CE_LOGITS, "undecided", "the output is not known"),
    (MISUSED, LOGITS, BCE_LOGITS, "FLA602", "stands alone"),
    (ACCURACY, ONE_UNIT_SOFTMAX, BCE_PROBS, "FLA303", "every site of that output has that code"),
    (CE_METRIC_LOGITS, ONE_UNIT_SOFTMAX, CE_PROBS, "FLA303", "and no other"),
    (Metric("m", Family.ANY), UNKNOWN, None, "ok", "asks for no scale"),
    (Metric("m", Family.UNKNOWN), LOGITS, BCE_LOGITS, "undecided", "cannot be followed"),
    (ACCURACY, UNKNOWN, MSE, "ok", "the loss asks for no scale: a cut at 0.5 is right on each"),
    (AUC, UNKNOWN, MSE, "ok", "the loss asks for no scale"),
    (AUC_LOGITS, UNKNOWN, MSE, "undecided", "of probabilities it would be wrong"),
    (AT_UNKNOWN, UNKNOWN, MSE, "undecided", "something of the metric is not known"),
    (BCE_METRIC, UNKNOWN, MSE, "undecided", "the metric asks for a scale itself"),
    (ACCURACY, UNKNOWN, MYSTERY, "undecided", "the loss may mean logits"),
    (ACCURACY, UNKNOWN, BCE_PROBS, "undecided", "the loss asks for a scale"),
]


@pytest.mark.parametrize(("metric", "output", "partner", "expected", "why"), METRICS)
def test_metrics(metric: Metric, output: Output, partner: Loss | None, expected: str, why: str) -> None:
    judged = judge(Site(Kind.METRIC, HERE, output, metric=metric, partner=partner))
    assert verdict(judged) == expected, why
    assert (judged.reason is not None) == (judged.status is Status.UNDECIDED)


CUTS = [
    (0.5, LOGITS, BCE_LOGITS, "FLA403", "a logit of 0.5 is not a probability of 0.5"),
    (0.0, LOGITS, BCE_LOGITS, "ok", "0 is the logit of probability 0.5"),
    (0.7, LOGITS, BCE_LOGITS, "ok", "may have been tuned on logits"),
    (0.5, LOGITS, BCE_PROBS, "ok", "one cause: the loss is FLA202 already"),
    (0.5, LOGITS, MSE, "ok", "regression on 0/1"),
    (0.5, LOGITS, None, "ok", "nothing says that logits are meant"),
    (0.5, LOGITS, MYSTERY, "ok", "nothing says that logits are meant"),
    (0.5, SIGMOID, BCE_PROBS, "ok", "probabilities"),
    (0.5, UNKNOWN, BCE_LOGITS, "ok", "a cut-off is no site to be decided"),
]


@pytest.mark.parametrize(("threshold", "output", "partner", "expected", "why"), CUTS)
def test_cut_offs(threshold: float, output: Output, partner: Loss | None, expected: str, why: str) -> None:
    cutoff = Cutoff(threshold, "pred > 0.5")
    assert verdict(judge(Site(Kind.CUTOFF, HERE, output, cutoff=cutoff, partner=partner))) == expected, why


ACTIVATIONS = [
    ("softmax", 10, SOFTMAX, "FLA404", "softmax twice"),
    ("softmax", None, SOFTMAX, "FLA404", "softmax twice, over an axis of unknown size"),
    ("sigmoid", None, SIGMOID, "FLA404", "sigmoid twice"),
    ("sigmoid", None, SOFTMAX, "ok", "did not go through a sigmoid before"),
    ("softmax", 10, Output(Scale.INDEPENDENT, "sigmoid", 10), "ok", "did not go through a softmax before"),
    ("softmax", 10, TEN_LOGITS, "ok", "the way to get probabilities"),
    ("sigmoid", None, LOGITS, "ok", "the way to get probabilities"),
    ("softmax", 1, LOGITS, "FLA303", "1.0 for every input"),
    ("softmax", 1, UNKNOWN, "FLA303", "1.0 for every input, whatever comes in"),
    ("sigmoid", 1, LOGITS, "ok", "one unit is what a sigmoid is for"),
    ("softmax", 10, UNKNOWN, "ok", "not known to be a second one"),
]


@pytest.mark.parametrize(("activation", "axis_size", "output", "expected", "why"), ACTIVATIONS)
def test_applied_activations(
    activation: str, axis_size: int | None, output: Output, expected: str, why: str
) -> None:
    judged = judge(Site(Kind.ACTIVATION, HERE, output, applied=Applied(activation, axis_size)))
    assert verdict(judged) == expected, why
    assert all(finding.location == HERE for finding in judged.findings)


LAYERS = [
    (Output(Scale.PROBABILITIES, "softmax", 10, half_precision="float16"), "FLA701"),
    (Output(Scale.INDEPENDENT, "sigmoid", 1, half_precision="bfloat16"), "FLA701"),
    (Output(Scale.LOGITS, "linear", 10, half_precision="float16"), "ok"),
    (Output(Scale.PROBABILITIES, "softmax", 10), "ok"),
]


@pytest.mark.parametrize(("output", "expected"), LAYERS)
def test_half_precision_is_said_of_probabilities_only(output: Output, expected: str) -> None:
    assert verdict(judge(Site(Kind.LAYER, HERE, output))) == expected


def test_half_precision_leaves_the_loss_alone() -> None:
    output = Output(Scale.PROBABILITIES, "softmax", 10, half_precision="float16")
    assert verdict(judge(Site(Kind.LOSS, HERE, output, loss=CE_PROBS))) == "ok"


INTEGER, ONE_HOT = Labels(LabelEncoding.INTEGER), Labels(LabelEncoding.ONE_HOT, classes=10)
BINARY, OF_TEN = Labels(LabelEncoding.BINARY), Labels(LabelEncoding.INTEGER, classes=10)
NINE, ELEVEN, ANY_UNITS = (Output(Scale.PROBABILITIES, "softmax", units) for units in (9, 11, None))
SPARSE = Loss("SparseCategoricalCrossentropy", CE, False, sparse=True)
DENSE = Loss("CategoricalCrossentropy", CE, False, sparse=False)

LABELS = [
    (INTEGER, DENSE, SOFTMAX, "FLA501", "takes one-hot labels"),
    (ONE_HOT, SPARSE, SOFTMAX, "FLA502", "takes class numbers"),
    (INTEGER, SPARSE, SOFTMAX, "ok", "fits"),
    (ONE_HOT, DENSE, SOFTMAX, "ok", "fits"),
    (BINARY, DENSE, SOFTMAX, "FLA501", "0/1 labels have one column"),
    (BINARY, SPARSE, SOFTMAX, "ok", "0/1 labels are class numbers"),
    (BINARY, DENSE, ONE_UNIT_SOFTMAX, "FLA303", "one cause: one unit"),
    (ONE_HOT, DENSE, NINE, "FLA503", "ten columns, nine units"),
    (ONE_HOT, SPARSE, NINE, "FLA502", "one cause: the encoding"),
    (ONE_HOT, DENSE, ANY_UNITS, "ok", "units that are not known"),
    (OF_TEN, SPARSE, NINE, "FLA503", "class 9 has no unit"),
    (OF_TEN, SPARSE, ELEVEN, "ok", "a unit stays unused"),
    (OF_TEN, DENSE, NINE, "FLA501", "one cause: the encoding"),
    (Labels(), DENSE, SOFTMAX, "ok", "labels of which nothing is known"),
    (None, DENSE, SOFTMAX, "ok", "no labels in sight"),
    (INTEGER, DENSE, UNKNOWN, "FLA501", "whatever the output"),
    (INTEGER, DENSE, TEN_LOGITS, "FLA201,FLA501", "two causes, two findings"),
    (INTEGER, DENSE, LOGITS, "FLA304", "one cause: one unit"),
    (INTEGER, DENSE, ONE_UNIT_SOFTMAX, "FLA303", "one cause: one unit"),
    (INTEGER, BCE_PROBS, SIGMOID, "ok", "no categorical loss"),
]


@pytest.mark.parametrize(("labels", "loss", "output", "expected", "why"), LABELS)
def test_labels(labels: Labels | None, loss: Loss, output: Output, expected: str, why: str) -> None:
    assert verdict(judge(Site(Kind.LOSS, HERE, output, loss=loss, labels=labels))) == expected, why


def of_outputs(loss: Loss, *outputs: Output) -> Site:
    sites = tuple(Site(Kind.LOSS, HERE, output, loss=loss) for output in outputs)
    return sites[0].at(alternatives=sites)


ALTERNATIVES = [
    ((TEN_LOGITS, LOG_SOFTMAX), "ok", None, "both are right"),
    ((SOFTMAX, Output(Scale.INDEPENDENT, "sigmoid", 10)), "FLA101", None, "both are wrong: the first counts"),
    ((SOFTMAX, TEN_LOGITS), "undecided", Why.CONDITION, "right under one condition only"),
    ((TEN_LOGITS, SOFTMAX), "undecided", Why.CONDITION, "in either order"),
    ((SOFTMAX, UNKNOWN), "undecided", Why.LOADED_MODEL, "one is not known"),
    ((TEN_LOGITS, UNKNOWN, SOFTMAX), "undecided", Why.LOADED_MODEL, "one is not known"),
    ((UNKNOWN, Output.unknown(Why.EXTERNAL)), "undecided", Why.LOADED_MODEL, "the first reason counts"),
]


@pytest.mark.parametrize(("outputs", "expected", "why", "because"), ALTERNATIVES)
def test_alternatives_decide_where_they_agree(
    outputs: tuple[Output, ...], expected: str, why: Why | None, because: str
) -> None:
    site = of_outputs(CE_LOGITS, *outputs)
    judged = judge(site)
    assert verdict(judged) == expected, because
    assert (judged.reason.why if judged.reason else None) is why
    assert judged.site is site


def test_a_condition_names_the_code_that_holds_under_one_of_them() -> None:
    assert "FLA101" in str(judge(of_outputs(CE_LOGITS, TEN_LOGITS, SOFTMAX)).reason)


def test_alternatives_may_have_alternatives_of_their_own() -> None:
    inner = of_outputs(CE_LOGITS, TEN_LOGITS, LOG_SOFTMAX)
    assert verdict(judge(inner.at(alternatives=(inner, inner)))) == "ok"


@pytest.mark.parametrize(
    ("loss", "output", "reason"),
    [
        (MYSTERY, TEN_LOGITS, MYSTERY.reason),
        (MYSTERY, UNKNOWN, MYSTERY.reason),
        (BCE_EITHER, LOGITS, BCE_EITHER.reason),
        (CE_LOGITS, UNKNOWN, UNKNOWN.reason),
        (BCE_EITHER, UNKNOWN, UNKNOWN.reason),
        (CE_LOGITS, Output(), Undecided(Why.UNSUPPORTED, "the scale of the output")),
    ],
)
def test_an_undecided_site_says_what_was_missing(loss: Loss, output: Output, reason: Undecided) -> None:
    assert judge(Site(Kind.LOSS, HERE, output, loss=loss)).reason == reason


def test_a_rule_that_is_not_asked_says_nothing() -> None:
    site = Site(Kind.LOSS, HERE, TEN_LOGITS, loss=DENSE, labels=INTEGER)
    assert judge(site, [rule("FLA501")]).codes == ("FLA501",)


def test_the_trace_goes_from_the_output_over_the_loss_to_the_site_each_step_once() -> None:
    head, built, compiled = (Step(Location("m.py", None, n, 1, n, 2), str(n)) for n in (1, 2, 3))
    output = Output(Scale.PROBABILITIES, "softmax", 10, trace=(head,))
    loss = Loss("CategoricalCrossentropy", CE, True, trace=(built,))
    site = Site(Kind.LOSS, HERE, output, loss=loss, trace=(head, compiled))
    assert judge(site).findings[0].trace == (head, built, compiled)


def test_labels_are_in_the_trace_of_what_is_about_them_alone() -> None:
    given = Step(Location("data.py", None, 4, 1, 4, 9), "the labels are given here")
    labels = Labels(LabelEncoding.INTEGER, trace=(given,))
    loss = Loss("CategoricalCrossentropy", CE, False, sparse=False)
    right = Site(Kind.LOSS, HERE, Output(Scale.PROBABILITIES, "softmax", 10), loss=loss, labels=labels)
    wrong = right.at(output=Output(Scale.LOGITS, "linear", 10))
    traces = {found.code: found.trace for found in judge(wrong).findings}
    assert traces == {"FLA201": (), "FLA501": (given,)}
