"""What measurements say about a scale, and whether they contradict what a file declares.

Pure arithmetic on the numbers of :mod:`fromlogits_audit.live.probe`. It says ``unknown`` wherever the
measured values would also come out of another kind of output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.ir import Output, Scale, Undecided, Why
from fromlogits_audit.lean import dataclass

ZERO_TO_ONE = 1e-4
"""How far outside of [0, 1] rounding may lead (float16 included)."""
SUMS = 5e-3
"""How far from 1 the sum of a softmax over up to thousands of float16 values may be."""
VARIED = 1e-6
"""Outputs that vary less than this over all inputs, in parts of the largest, say nothing: it is rounding."""
SPREAD = 0.2
"""How much of [0, 1] a single unit has to cover before it is taken for a probability."""
NEAR_ZERO = 0.05
"""How near to 0 the lowest of the values has to come that are taken for non-negative: scores of a few rows
may all be positive."""
MANY = 16
"""So many values between 0 and 1, or above 0, are no chance any more."""
LEAST = -1.8
"""elu reaches -1 and selu -1.758: what counts as non-negative here goes as low."""


@dataclass(frozen=True)
class Batches:
    """Measurements of one output over all batches, both scales of input together.

    ``rows`` is how many rows of the class axis were seen; ``sum_low`` and ``sum_high`` bound their
    sums, ``exp_low`` and ``exp_high`` the sums of ``exp``. ``spread`` is the highest standard deviation
    of a unit over the inputs. ``finite`` is False where a value was infinite or not a number.
    """

    units: int | None
    rows: int
    low: float
    high: float
    sum_low: float
    sum_high: float
    exp_low: float
    exp_high: float
    spread: float
    finite: bool = True

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Batches:
        return cls(**{key: raw[key] for key in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Measured:
    """The outputs of a model that was measured, by name and in order."""

    names: tuple[str, ...]
    outputs: tuple[Batches, ...]

    @classmethod
    def parse(cls, raw: Any) -> Measured:
        """From the JSON of the measuring process. Raises UnreadableFile where it makes no sense."""
        try:
            rows = raw["outputs"]
            return cls(tuple(str(row["name"]) for row in rows), tuple(Batches.parse(row) for row in rows))
        except (KeyError, TypeError) as error:
            raise UnreadableFile("the measurement gave no usable answer") from error

    def of(self, keys: Sequence[str], at: int, count: int) -> Batches | None:
        """The measurement of one of ``count`` outputs, under any of its ``keys``.

        By position only where the measured ones have no names: a signature's are in no order.
        """
        for key in keys:
            if key in self.names:
                return self.outputs[self.names.index(key)]
        positions = self.names == tuple(str(index) for index in range(count))
        return self.outputs[at] if len(self.outputs) == count and (count == 1 or positions) else None


@dataclass(frozen=True)
class Verdict:
    """``scale`` is what the measurement decides; ``contradicts`` is True where that cannot be the
    declared output; ``numbers`` are the measured ones, in words."""

    scale: Scale
    units: int | None = None
    activation: str | None = None
    contradicts: bool = False
    numbers: str = ""

    @property
    def output(self) -> Output:
        """The waist's view, with the numbers as its reason."""
        return Output(self.scale, self.activation, self.units, reason=Undecided(Why.RUNTIME, self.numbers))


_ACTIVATION = {
    Scale.PROBABILITIES: "softmax",
    Scale.INDEPENDENT: "sigmoid",
    Scale.LOG_PROBABILITIES: "log_softmax",
    Scale.LOGITS: "linear",
}


def compare(declared: Output, measured: Batches | None, *, rescaled: bool = False) -> Verdict:
    """What a measurement says, beside what the structure declares.

    ``rescaled`` scores may well be probabilities: an untrained normalisation changes nothing.
    """
    if measured is None or not measured.finite or measured.rows == 0:
        return Verdict(Scale.UNKNOWN)
    scale = decide(measured)
    impossible = declared.known and not possible(declared.scale, measured)
    if impossible and scale is Scale.UNKNOWN:
        scale = Scale.LOGITS if measured.low < 0.0 else Scale.NON_NEGATIVE
    disguised = declared.scale is Scale.LOGITS and scale in (Scale.PROBABILITIES, Scale.LOG_PROBABILITIES)
    contradicts = impossible or (disguised and not rescaled)
    return Verdict(scale, measured.units, _ACTIVATION.get(scale), contradicts, numbers(measured))


def decide(measured: Batches) -> Scale:
    """The scale that the values have, unknown where they may have several."""
    if measured.spread < VARIED * max(1.0, abs(measured.low), abs(measured.high)):
        return Scale.UNKNOWN
    several = (measured.units or 0) > 1
    many = measured.rows * (measured.units or 1) >= MANY
    if _in_unit_interval(measured):
        if several and _near_one(measured.sum_low, measured.sum_high):
            return Scale.PROBABILITIES
        covers = measured.high - measured.low > SPREAD and measured.low < 0.5 < measured.high
        return Scale.INDEPENDENT if covers and many and measured.spread > 0.01 else Scale.UNKNOWN
    if several and measured.high <= ZERO_TO_ONE and _near_one(measured.exp_low, measured.exp_high):
        return Scale.LOG_PROBABILITIES
    if measured.low < 2 * LEAST and measured.high > 2.0:
        return Scale.LOGITS
    if many and -ZERO_TO_ONE <= measured.low <= NEAR_ZERO and measured.high > 2.0:
        return Scale.NON_NEGATIVE
    return Scale.UNKNOWN


def possible(declared: Scale, measured: Batches) -> bool:
    """Whether values of a declared scale can measure like this."""
    if declared is Scale.PROBABILITIES:
        sums = (measured.units or 0) < 2 or _near_one(measured.sum_low, measured.sum_high)
        return _in_unit_interval(measured) and sums
    if declared is Scale.INDEPENDENT:
        return _in_unit_interval(measured)
    if declared is Scale.LOG_PROBABILITIES:
        return measured.high <= ZERO_TO_ONE
    if declared is Scale.NON_NEGATIVE:
        return measured.low >= LEAST
    if declared is Scale.BOUNDED:
        # Two directions of a recurrent layer may add up.
        return measured.low >= -2.01 and measured.high <= 2.01
    return True


def numbers(measured: Batches) -> str:
    """The measurement in words, for a message."""
    text = f"values from {measured.low:.3g} to {measured.high:.3g}"
    if (measured.units or 0) > 1:
        text += f", sums from {measured.sum_low:.3g} to {measured.sum_high:.3g}"
    return f"{text} over {measured.rows:,} rows"


def _in_unit_interval(measured: Batches) -> bool:
    return measured.low >= -ZERO_TO_ONE and measured.high <= 1.0 + ZERO_TO_ONE


def _near_one(low: float, high: float) -> bool:
    return abs(low - 1.0) <= SUMS and abs(high - 1.0) <= SUMS
