"""Losses that have settled where a mistake keeps them: the known floors, and when one is reached."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, log

from fromlogits_audit.ir import Family, Loss, Output, Scale, Site
from fromlogits_audit.lean import dataclass
from fromlogits_audit.rules.consequences import EPSILON, RANGES, binary_floors, categorical_floor
from fromlogits_audit.rules.scales import effective_flag, loss_code

EPOCHS = 3
"""Epochs over which a loss has to stay where it is."""
STILL = 0.01
"""How far, as a share of the loss, it may move over those epochs."""
ABOVE = 0.15
"""How far above its floor, as a share of it, a loss counts as held by it: samples that are classified wrongly
keep it there. Where the output is not known, a third of that."""
ZERO = 1e-6
"""How far from 0 a loss is that rounding has left of 0."""


@dataclass(frozen=True)
class Floor:
    """The least value that a loss can reach at a site. ``words`` says why; ``sure`` is False where what the
    output is could not be decided, so that the value alone speaks for it."""

    value: float
    words: str
    sure: bool = True

    def holds(self, losses: Sequence[float]) -> bool:
        """Whether the last losses, one an epoch, have settled on it."""
        last = losses[-EPOCHS:]
        if len(last) < EPOCHS or not all(isfinite(one) for one in last):
            return False
        above = ABOVE if self.sure else ABOVE / 3
        near = all(self.value * 0.999 - ZERO <= one <= self.value * (1 + above) + ZERO for one in last)
        return near and max(last) - min(last) <= STILL * self.value + ZERO


def floor_of(site: Site, positives: float | None = None) -> Floor | None:
    """The floor that a mistake puts under the loss of a site, None where there is none, or no mistake.

    ``positives`` is the share of 1 among 0/1 labels, which the floor of a binary loss depends on.
    """
    loss, output = site.loss, site.output
    if loss is None or loss.focal or loss.misuse:
        return None
    if loss_code(site) == "FLA304":
        return Floor(0.0, "Over one unit this loss is 0, whatever the output is.")
    if loss_code(site) == "FLA303":
        return _constant_one(loss, positives)
    if effective_flag(loss) is not True:
        return None
    if output.known:
        bounds = _bounds(output)
        return _floor(loss, output, bounds, output.activation or "", positives) if bounds else None
    name = "softmax" if loss.family is Family.CATEGORICAL else "sigmoid"
    return _floor(loss, output, (0.0, 1.0), name, positives)


def _constant_one(loss: Loss, positives: float | None) -> Floor | None:
    """Softmax over one unit: every prediction is 1."""
    if loss.family is Family.CATEGORICAL:
        return Floor(0.0, "A softmax over one unit is 1, so this loss is 0, whatever the model computes.")
    if loss.family is not Family.BINARY or loss.from_logits is not False or positives is None:
        return None
    value = -(1 - positives) * log(EPSILON)
    share = f"{positives:.0%} positive labels"
    return Floor(value, f"A softmax over one unit is 1, which keeps this loss there with {share}.")


def _bounds(output: Output) -> tuple[float, float] | None:
    """The least and the highest value of an output that is bounded both ways."""
    if output.scale in (Scale.PROBABILITIES, Scale.INDEPENDENT):
        return 0.0, 1.0
    low, high = RANGES.get(output.activation or "", (0.0, inf))
    return (low, high) if isfinite(low) and isfinite(high) else None


def _floor(
    loss: Loss, output: Output, bounds: tuple[float, float], name: str, positives: float | None
) -> Floor | None:
    if loss.family is Family.CATEGORICAL and output.units is not None and output.units > 1:
        value, given = categorical_floor(*bounds, output.units), f"{output.units} classes"
    elif loss.family is Family.BINARY and positives is not None:
        positive, negative = binary_floors(*bounds)
        value, given = positives * positive + (1 - positives) * negative, f"{positives:.0%} positive labels"
    else:
        return None
    words = f"values of a {name} that are taken for logits keep it above {value:.4f} ({given})."
    if output.known:
        return Floor(value, words[:1].upper() + words[1:])
    return Floor(value, f"What the output is could not be decided; {words}", sure=False)
