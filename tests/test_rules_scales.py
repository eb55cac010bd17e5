"""The decision table: which code stands for which loss on which output."""

from __future__ import annotations

import pytest

from fromlogits_audit.ir import Family, Form, Kind, Location, Loss, Output, Runtime, Scale, Site, Status
from fromlogits_audit.rules.judge import Judged, judge
from fromlogits_audit.rules.scales import COLUMNS, TABLE

HERE = Location("train.py", None, 9, 5, 9, 40)
LAYER = Location("model.py", None, 3, 9, 3, 40)
CE, BCE, PROB = Family.CATEGORICAL, Family.BINARY, Family.PROBABILITY

ACTIVATIONS = {
    Scale.LOGITS: "linear",
    Scale.PROBABILITIES: "softmax",
    Scale.INDEPENDENT: "sigmoid",
    Scale.LOG_PROBABILITIES: "log_softmax",
    Scale.BOUNDED: "tanh",
    Scale.NON_NEGATIVE: "relu",
}
NAMES = {
    CE: "CategoricalCrossentropy",
    BCE: "BinaryCrossentropy",
    PROB: "KLDivergence",
    Family.ANY: "MeanSquaredError",
}


def loss_of(family: Family, from_logits: bool | None = None, **facts: object) -> Loss:
    base = {"name": NAMES.get(family, "custom:mystery"), "family": family, "from_logits": from_logits}
    return Loss(**{**base, **facts})  # type: ignore[arg-type]


def output_of(scale: Scale, units: int | None = 10, activation: str | None = None) -> Output:
    return Output(scale, activation or ACTIVATIONS.get(scale), units)


def site_of(loss: Loss, output: Output, **facts: object) -> Site:
    return Site(Kind.LOSS, HERE, output, loss=loss).at(**facts)


def codes(judged: Judged) -> str:
    """The one code, ``ok``, or ``undecided``."""
    return ",".join(judged.codes) if judged.status is Status.FINDING else judged.status.value


# family, from_logits, scale -> what is said of an output of several (or an unknown number of) units
SEVERAL_UNITS = [
    (CE, True, Scale.LOGITS, "ok"),
    (CE, True, Scale.PROBABILITIES, "FLA101"),
    (CE, True, Scale.INDEPENDENT, "FLA301"),
    (CE, True, Scale.LOG_PROBABILITIES, "ok"),  # softmax gives the probabilities back
    (CE, True, Scale.BOUNDED, "FLA306"),
    (CE, True, Scale.NON_NEGATIVE, "FLA306"),
    (CE, False, Scale.LOGITS, "FLA201"),
    (CE, False, Scale.PROBABILITIES, "ok"),
    (CE, False, Scale.INDEPENDENT, "FLA301"),
    (CE, False, Scale.LOG_PROBABILITIES, "FLA204"),
    (CE, False, Scale.BOUNDED, "FLA305"),
    (CE, False, Scale.NON_NEGATIVE, "FLA305"),
    (BCE, True, Scale.LOGITS, "ok"),
    (BCE, True, Scale.PROBABILITIES, "FLA302"),
    (BCE, True, Scale.INDEPENDENT, "FLA102"),
    (BCE, True, Scale.LOG_PROBABILITIES, "FLA305"),
    (BCE, True, Scale.BOUNDED, "FLA306"),
    (BCE, True, Scale.NON_NEGATIVE, "FLA306"),
    (BCE, False, Scale.LOGITS, "FLA202"),
    (BCE, False, Scale.PROBABILITIES, "FLA302"),
    (BCE, False, Scale.INDEPENDENT, "ok"),
    (BCE, False, Scale.LOG_PROBABILITIES, "FLA305"),
    (BCE, False, Scale.BOUNDED, "FLA305"),
    (BCE, False, Scale.NON_NEGATIVE, "FLA305"),
    (PROB, None, Scale.LOGITS, "FLA203"),
    (PROB, None, Scale.PROBABILITIES, "ok"),
    (PROB, None, Scale.INDEPENDENT, "ok"),
    (PROB, None, Scale.LOG_PROBABILITIES, "ok"),
    (PROB, None, Scale.BOUNDED, "ok"),
    (PROB, None, Scale.NON_NEGATIVE, "ok"),
]


def test_these_rows_are_the_whole_table() -> None:
    assert {row[:3] for row in SEVERAL_UNITS} == set(TABLE)
    assert set(COLUMNS) == set(Scale) - {Scale.UNKNOWN}


@pytest.mark.parametrize("units", [10, 2, None])
@pytest.mark.parametrize(("family", "flag", "scale", "expected"), SEVERAL_UNITS)
def test_several_units(
    family: Family, flag: bool | None, scale: Scale, units: int | None, expected: str
) -> None:
    assert codes(judge(site_of(loss_of(family, flag), output_of(scale, units)))) == expected


@pytest.mark.parametrize(("family", "flag", "scale", "expected"), SEVERAL_UNITS)
def test_one_unit_changes_only_the_categorical_rows(
    family: Family, flag: bool | None, scale: Scale, expected: str
) -> None:
    judged = judge(site_of(loss_of(family, flag), output_of(scale, 1)))
    assert codes(judged) == ("FLA304" if family is CE else expected)


SPECIAL = [
    # loss, output, what is said, why
    (loss_of(CE, False), output_of(Scale.NON_NEGATIVE, 10, "exponential"), "ok", "Keras divides by the sum"),
    (loss_of(CE, True), output_of(Scale.NON_NEGATIVE, 10, "exponential"), "FLA306", "exp is no logit"),
    (loss_of(BCE, False), output_of(Scale.NON_NEGATIVE, 1, "exponential"), "FLA305", "nothing divides"),
    (loss_of(CE, False), output_of(Scale.LOGITS, 10, "leaky_relu"), "FLA201", "unbounded both ways"),
    (loss_of(BCE, True), output_of(Scale.INDEPENDENT, 1, "hard_sigmoid"), "FLA102", "a sigmoid too"),
    (
        loss_of(CE, always_logits=True),
        output_of(Scale.PROBABILITIES),
        "FLA101",
        "the flag is in the op's name",
    ),
    (loss_of(BCE, always_logits=True), output_of(Scale.LOGITS, 1), "ok", "the flag is in the op's name"),
    (loss_of(Family.ANY), output_of(Scale.LOGITS), "ok", "asks for no scale"),
    (
        loss_of(Family.ANY, always_logits=True),
        output_of(Scale.PROBABILITIES),
        "undecided",
        "CTC takes logits",
    ),
    (loss_of(Family.ANY, always_logits=True), output_of(Scale.LOGITS), "ok", "CTC takes logits"),
    (
        loss_of(Family.ANY, always_logits=True),
        output_of(Scale.LOG_PROBABILITIES),
        "ok",
        "the same to it",
    ),
    (loss_of(Family.ANY, always_logits=True), Output(), "undecided", "what CTC gets is not known"),
    (loss_of(Family.ANY), Output(), "ok", "asks for no scale, whatever the output"),
    (loss_of(Family.UNKNOWN), output_of(Scale.LOGITS), "undecided", "what it expects is not known"),
    (loss_of(CE, True), Output(), "undecided", "what it gets is not known"),
    (loss_of(CE, True), Output(units=1), "undecided", "one unit of what is not known"),
    (loss_of(CE), output_of(Scale.LOGITS), "undecided", "right with one flag, wrong with the other"),
    (loss_of(CE), output_of(Scale.INDEPENDENT), "FLA301", "wrong with both flags"),
    (loss_of(CE), output_of(Scale.LOGITS, 1), "FLA304", "wrong with both flags"),
    (loss_of(BCE), output_of(Scale.PROBABILITIES), "FLA302", "wrong with both flags"),
    (loss_of(BCE), output_of(Scale.LOG_PROBABILITIES), "FLA305", "wrong with both flags"),
    (loss_of(CE, True, misuse="a string"), output_of(Scale.PROBABILITIES), "FLA602", "stands alone"),
    (loss_of(CE, True, misuse="a string"), Output(), "FLA602", "whatever the output"),
    (loss_of(CE, False, misuse="a string"), output_of(Scale.LOGITS, 1), "FLA602", "stands alone"),
]


@pytest.mark.parametrize(("loss", "output", "expected", "why"), SPECIAL, ids=[row[3] for row in SPECIAL])
def test_special_cases(loss: Loss, output: Output, expected: str, why: str) -> None:
    assert codes(judge(site_of(loss, output))) == expected, why


@pytest.mark.parametrize("family", list(NAMES))
@pytest.mark.parametrize("flag", [True, False, None])
def test_a_softmax_over_one_unit_is_said_alone_and_at_the_layer(family: Family, flag: bool | None) -> None:
    output = Output(Scale.PROBABILITIES, "softmax", 1, unit_softmax=LAYER)
    judged = judge(site_of(loss_of(family, flag), output))
    assert judged.codes == ("FLA303",)
    assert judged.findings[0].location == LAYER


def test_a_softmax_over_one_unit_reads_the_same_whatever_the_loss() -> None:
    output = Output(Scale.PROBABILITIES, "softmax", 1, unit_softmax=LAYER)
    sites = [site_of(loss_of(family, False), output) for family in NAMES]
    assert len({finding.message for site in sites for finding in judge(site).findings}) == 1


@pytest.mark.parametrize(
    ("keras", "scale", "expected"),
    [
        (None, Scale.LOGITS, "FLA601"),
        (2, Scale.LOGITS, "FLA601"),
        (2, Scale.UNKNOWN, "FLA601"),
        (3, Scale.LOGITS, "FLA201"),  # judged as its instance with defaults
        (3, Scale.PROBABILITIES, "ok"),
        (3, Scale.UNKNOWN, "undecided"),
    ],
)
def test_a_class_as_loss_depends_on_the_keras_that_is_pinned(
    keras: int | None, scale: Scale, expected: str
) -> None:
    loss = loss_of(CE, False, form=Form.CLASS)
    assert codes(judge(site_of(loss, output_of(scale), runtime=Runtime(keras)))) == expected


def test_a_regression_class_as_loss_fails_in_keras_2_all_the_same() -> None:
    loss = loss_of(Family.ANY, form=Form.CLASS)
    assert codes(judge(site_of(loss, Output(), runtime=Runtime(2)))) == "FLA601"
    assert codes(judge(site_of(loss, Output(), runtime=Runtime(3)))) == "ok"
