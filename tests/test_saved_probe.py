"""What measurements decide, what they leave open, and what they contradict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.ir import Output, Scale
from fromlogits_audit.live.verdict import Batches, Measured, compare, decide

SOFTMAX = Batches(4, 256, 0.0, 1.0, 1.0, 1.0, 4.7, 6.2, 0.3)
SIGMOID = Batches(4, 256, 0.0, 1.0, 0.1, 3.7, 4.7, 9.9, 0.4)
SCORES = Batches(4, 256, -90.0, 80.0, -200.0, 190.0, 0.1, 9e20, 20.0)
RELU = Batches(4, 256, 0.0, 80.0, 0.0, 190.0, 4.0, 9e20, 20.0)
LOG_SOFTMAX = Batches(4, 256, -90.0, 0.0, -200.0, -6.0, 1.0, 1.0, 20.0)
TANH = Batches(4, 256, -1.0, 1.0, -4.0, 4.0, 2.0, 9.0, 0.9)
ONE = Batches(1, 256, 0.01, 0.99, 0.01, 0.99, 1.0, 2.7, 0.4)

DECIDED = [
    ("softmax", SOFTMAX, Scale.PROBABILITIES),
    ("sigmoid", SIGMOID, Scale.INDEPENDENT),
    ("scores", SCORES, Scale.LOGITS),
    ("relu", RELU, Scale.NON_NEGATIVE),
    ("log softmax", LOG_SOFTMAX, Scale.LOG_PROBABILITIES),
    ("tanh may be small scores", TANH, Scale.UNKNOWN),
    ("one unit that covers 0 to 1", ONE, Scale.INDEPENDENT),
    ("one unit on one side", replace(ONE, low=0.6), Scale.UNKNOWN),
    ("one unit that hardly moves", replace(ONE, low=0.45, high=0.55, spread=0.02), Scale.UNKNOWN),
    ("a constant says nothing", replace(SOFTMAX, spread=0.0), Scale.UNKNOWN),
    ("softmax of one unit", Batches(1, 256, 1.0, 1.0, 1.0, 1.0, 2.7, 2.7, 0.0), Scale.UNKNOWN),
    ("small scores", replace(SCORES, low=-0.5, high=0.6), Scale.UNKNOWN),
    ("float16 sums", replace(SOFTMAX, sum_low=0.998, sum_high=1.002), Scale.PROBABILITIES),
]


@pytest.mark.parametrize(("measured", "scale"), [row[1:] for row in DECIDED], ids=[row[0] for row in DECIDED])
def test_a_scale_is_decided_only_where_no_other_measures_so(measured: Batches, scale: Scale) -> None:
    assert decide(measured) is scale


CONTRADICTED = [
    # declared, measured, contradicts
    (Scale.PROBABILITIES, SOFTMAX, False),
    (Scale.PROBABILITIES, SIGMOID, True),
    (Scale.PROBABILITIES, SCORES, True),
    (Scale.PROBABILITIES, Batches(1, 256, 1.0, 1.0, 1.0, 1.0, 2.7, 2.7, 0.0), False),
    (Scale.INDEPENDENT, SIGMOID, False),
    (Scale.INDEPENDENT, RELU, True),
    (Scale.LOGITS, SCORES, False),
    (Scale.LOGITS, SOFTMAX, True),
    (Scale.LOGITS, LOG_SOFTMAX, True),
    (Scale.LOGITS, SIGMOID, False),
    (Scale.LOGITS, TANH, False),
    (Scale.LOG_PROBABILITIES, LOG_SOFTMAX, False),
    (Scale.LOG_PROBABILITIES, SOFTMAX, True),
    (Scale.NON_NEGATIVE, RELU, False),
    (Scale.NON_NEGATIVE, replace(RELU, low=-1.75), False),
    (Scale.NON_NEGATIVE, SCORES, True),
    (Scale.BOUNDED, TANH, False),
    (Scale.BOUNDED, SCORES, True),
    (Scale.UNKNOWN, SCORES, False),
]


@pytest.mark.parametrize(("declared", "measured", "contradicts"), CONTRADICTED)
def test_only_what_can_not_be_contradicts(declared: Scale, measured: Batches, contradicts: bool) -> None:
    verdict = compare(Output(declared, units=measured.units), measured)
    assert verdict.contradicts is contradicts
    assert verdict.scale is not declared or not contradicts


def test_a_normalisation_that_was_never_trained_is_no_contradiction() -> None:
    assert compare(Output(Scale.LOGITS), SOFTMAX).contradicts
    assert not compare(Output(Scale.LOGITS), SOFTMAX, rescaled=True).contradicts


@pytest.mark.parametrize("measured", [None, replace(SCORES, finite=False), replace(SCORES, rows=0)])
def test_without_a_measurement_nothing_is_decided(measured: Batches | None) -> None:
    verdict = compare(Output(Scale.PROBABILITIES), measured)
    assert (verdict.scale, verdict.contradicts) == (Scale.UNKNOWN, False)


def test_outputs_are_found_by_name_and_else_by_position() -> None:
    both = Measured(("a", "b"), (SOFTMAX, SCORES))
    assert both.of(["x", "b"], 0, 2) is SCORES
    assert both.of(["other"], 0, 2) is None
    nameless = Measured(("0", "1"), (SOFTMAX, SCORES))
    assert nameless.of(["other"], 1, 2) is SCORES
    assert nameless.of(["other"], 0, 3) is None
    assert Measured(("output",), (SOFTMAX,)).of(["other"], 0, 1) is SOFTMAX


@pytest.mark.parametrize("raw", [None, [], {}, {"outputs": [{}]}, {"outputs": [{"name": "a", "low": 1}]}])
def test_an_answer_that_makes_no_sense_is_refused(raw: object) -> None:
    with pytest.raises(UnreadableFile):
        Measured.parse(raw)
