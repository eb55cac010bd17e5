"""Whether measured outputs are consistent with a claimed scale, units and flag."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from measure import Claim, Meeting

TOLERANCE = 1e-4
Arrays = Sequence[np.ndarray]


def _sums_to_one(a: np.ndarray) -> bool:
    return bool(np.allclose(a.sum(-1), 1.0, atol=1e-3))


def _unit_interval(a: np.ndarray) -> bool:
    return bool(a.min() >= -TOLERANCE and a.max() <= 1 + TOLERANCE)


def _probabilities(arrays: Arrays) -> bool:
    return all(_unit_interval(a) and _sums_to_one(a) for a in arrays)


def _independent(arrays: Arrays) -> bool:
    return all(_unit_interval(a) for a in arrays) and not all(_sums_to_one(a) for a in arrays)


def _log_probabilities(arrays: Arrays) -> bool:
    return all(a.max() <= TOLERANCE for a in arrays) and any(a.min() < -TOLERANCE for a in arrays)


def _bounded(arrays: Arrays) -> bool:
    inside = all(np.abs(a).max() <= 1 + TOLERANCE for a in arrays)
    return inside and any(a.min() < -TOLERANCE for a in arrays)


def _non_negative(arrays: Arrays) -> bool:
    return all(a.min() >= -TOLERANCE for a in arrays) and any(a.max() > 1 + TOLERANCE for a in arrays)


def _logits(arrays: Arrays) -> bool:
    if len(arrays) == 1:  # seen in a training loop: one magnitude, which may be small
        return not _unit_interval(arrays[0])
    both_ways = any(a.min() < -TOLERANCE for a in arrays) and any(a.max() > TOLERANCE for a in arrays)
    return both_ways and any(np.abs(a).max() > 1 + TOLERANCE for a in arrays)


CONSISTENT: dict[str, Callable[[Arrays], bool]] = {
    "probabilities": _probabilities,
    "independent-probabilities": _independent,
    "log-probabilities": _log_probabilities,
    "bounded": _bounded,
    "non-negative": _non_negative,
    "logits": _logits,
}


def _seen(arrays: Arrays) -> str:
    spans = ", ".join(f"{a.min():.4g}..{a.max():.4g}" for a in arrays)
    return f"shape {arrays[0].shape}, range {spans}"


def contradictions(claim: Claim, meeting: Meeting) -> list[str]:
    """What of ``claim`` the measurement refutes, in words; empty where they agree."""
    found = []
    check = CONSISTENT.get(claim.scale)
    if check is None or not check(meeting.arrays):
        found.append(f"scale {claim.scale} is not what was measured: {_seen(meeting.arrays)}")
    if claim.units is not None and claim.units != meeting.arrays[0].shape[-1]:
        found.append(f"units {claim.units}, measured {meeting.arrays[0].shape[-1]}")
    if claim.from_logits is not None and claim.from_logits is not meeting.from_logits:
        found.append(f"from_logits {claim.from_logits}, the live loss has {meeting.from_logits!r}")
    if claim.loss is not None and claim.loss != meeting.loss:
        found.append(f"loss {claim.loss}, the live one is {meeting.loss}")
    if meeting.output is not None and claim.output != meeting.output:
        found.append(f"output {claim.output}, the live one is {meeting.output}")
    return found


def claims_for(meeting: Meeting, claims: Sequence[Claim]) -> list[Claim]:
    """The claims that stand where ``meeting`` happened: the first group of places that has any.

    A loss given as a string or a reference may stand far from its ``compile`` (in a dict, a
    constant, another module): then the claims of the same Keras class are looked at.
    """
    for group in meeting.places:
        here = [c for c in claims if any(p.covers(c.path, c.cell, c.line) for p in group)]
        if here:
            return here
    return [c for c in claims if c.loss == meeting.loss]
