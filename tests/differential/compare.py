"""The scan of a program held against its run: scales, flags, and whether each verdict shows in a number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scales import CONSISTENT

from .live import Meeting
from .reference import right_value

SHOWS_AS_A_WRONG_VALUE = ("FLA101", "FLA102", "FLA201", "FLA202", "FLA203", "FLA204", "FLA301", "FLA302")
CLOSE, APART = 2e-3, 1e-4
Sites = list[dict[str, Any]]


def contradictions(sites: Sites, meetings: Iterable[Meeting], unrun: Iterable[Any] = ()) -> list[str]:
    """What of the scan the run refutes; what met and has no site; what is claimed and never met.

    ``unrun`` are the places of sites that this run does not come to.
    """
    problems: list[str] = []
    claimed = [s for s in sites if s["status"] != "undecided" and s["scale"] != "unknown"]
    undecided = any(s["status"] == "undecided" or s["scale"] == "unknown" for s in sites)
    confirmed = []
    for meeting in meetings:
        here = [s for s in claimed if (s["loss"], s["from_logits"]) == meeting.key[:2]]
        tried = [(site, _refuted(site, meeting)) for site in here]
        fitting = [site for site, why in tried if not why]
        confirmed += fitting
        if not fitting and not undecided:
            problems.append(f"{meeting.key} {_seen(meeting)}: {[why for _, why in tried] or 'no such site'}")
    problems += [
        f"never seen in the run: {s}" for s in claimed if s not in confirmed and s["place"] not in unrun
    ]
    return problems


def _seen(meeting: Meeting) -> str:
    spans = ", ".join(f"{a.min():.3g}..{a.max():.3g}" for a in meeting.arrays)
    return f"shape {meeting.arrays[0].shape}, {spans}"


def consistent(scale: str, arrays: list[np.ndarray]) -> bool:
    """Whether outputs may be of this scale. elu, gelu and the like count as bounded below."""
    small = len(arrays) < 3  # of a loop: one magnitude, which may be small
    if scale == "non-negative":
        low = all(a.min() >= -1.001 for a in arrays)
        return low and (small or any(a.max() > 1 or a.min() < 0 for a in arrays))
    if scale == "logits" and small:
        return any(a.min() < 0 or a.max() > 1 for a in arrays)
    check = CONSISTENT.get(scale)
    return check is not None and check(arrays)


def _refuted(site: dict[str, Any], meeting: Meeting) -> list[str]:
    why = []
    constant = site["codes"] == ["FLA303"] and all(np.all(a == 1) for a in meeting.arrays)
    if not constant and not consistent(site["scale"], meeting.arrays):
        why.append(f"scale {site['scale']}")
    if site["units"] not in (None, meeting.arrays[0].shape[-1]):
        why.append(f"units {site['units']}")
    if site["output"] != meeting.output:
        why.append(f"output {site['output']}")
    return why + _verdict(site, meeting)


def _verdict(site: dict[str, Any], meeting: Meeting) -> list[str]:
    """Whether the numbers that came out bear the verdict out."""
    codes, values = site["codes"], meeting.values
    if codes == ["FLA304"] and abs(values[0]) > 1e-5:
        return [f"a loss of {values[0]} on one unit"]
    pairs = zip(meeting.truths, meeting.arrays, strict=True)
    right = [right_value(meeting.loss, site["scale"], truth, array) for truth, array in pairs]
    known = [r for r in right if r is not None]
    if len(known) < len(right):
        return []
    if not codes and not _close(values[0], known[0], meeting.arrays[0]):
        return [f"ok, but {values[0]} for {known[0]}"]
    wrong = set(codes) & set(SHOWS_AS_A_WRONG_VALUE)
    apart = any(abs(v - r) > APART for v, r in zip(values, known, strict=True))
    return [f"{codes}, but {values} is right"] if wrong and not apart and not meeting.warned else []


def _close(value: float, right: float, array: np.ndarray) -> bool:
    """Equal but for rounding: float32 and Keras's clipping matter where probabilities come to 0 or 1."""
    edge = 10 if np.any((array < 1e-6) | (array > 1 - 1e-6)) else 1
    return abs(value - right) <= edge * CLOSE * max(1.0, abs(right))
