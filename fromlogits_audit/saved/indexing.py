"""``tensor[key]`` as Keras 3 (``GetItem``) and tf_keras (``SlicingOpLambda``) write it."""

from __future__ import annotations

from dataclasses import replace

from fromlogits_audit.ir import Scale
from fromlogits_audit.saved.values import Dims, Json, Tensor, combined, is_number

_ELLIPSIS = "__ellipsis__"


def index(tensor: Tensor, key: Json, label: str) -> Tensor:
    """What an index leaves: the batch or an axis may go, the scale mostly stays."""
    if isinstance(key, dict) and key.get("class_name") == "__tuple__":
        key = key.get("items", key.get("config"))
    parts = list(key) if isinstance(key, (list, tuple)) else [key]
    shape, taken = _indexed(tensor.shape, parts[:32])
    after = replace(tensor, shape=shape, unit_softmax=False)
    if tensor.scale is Scale.PROBABILITIES and taken == "one":
        return replace(after, scale=Scale.INDEPENDENT)
    if tensor.scale in (Scale.PROBABILITIES, Scale.LOG_PROBABILITIES) and taken == "some":
        return combined(after, f"{label}: a part of the classes")
    return after


def _indexed(shape: Dims, parts: list[Json]) -> tuple[Dims, str]:
    """The shape after indexing, and what is taken of the last axis: all, some or one."""
    dots = next((at for at, part in enumerate(parts) if _is_ellipsis(part)), None)
    solid = [part for part in parts if not _is_ellipsis(part) and part is not None]
    if shape is None or len(solid) > len(shape):
        return None, "all" if dots is None or dots == len(parts) - 1 else _taken(parts[-1])
    at = dots if dots is not None else len(parts)
    whole: list[Json] = [{"start": None, "stop": None}] * (len(shape) - len(solid))
    sizes: list[int | None] = []
    axis, taken = 0, "all"
    for part in parts[:at] + whole + parts[at + (dots is not None) :]:
        if part is None:
            sizes.append(1)
            continue
        taken = _taken(part)
        if taken != "one":
            sizes.append(shape[axis] if taken == "all" else _size(part))
        axis += 1
    return tuple(sizes), taken


def _is_ellipsis(part: Json) -> bool:
    return part == "..." or (isinstance(part, dict) and part.get("class_name") == _ELLIPSIS)


def _slice(part: Json) -> dict[str, Json] | None:
    if not isinstance(part, dict):
        return None
    inner = part.get("config") if part.get("class_name") == "__slice__" else part
    return inner if isinstance(inner, dict) and "stop" in inner else None


def _size(part: Json) -> int | None:
    """The length of a slice with known, non-negative ends."""
    bounds = _slice(part) or {}
    start, stop = bounds.get("start") or 0, bounds.get("stop")
    if bounds.get("step") not in (None, 1) or not (is_number(start) and is_number(stop)):
        return None
    return max(int(stop) - int(start), 0) if start >= 0 and stop >= 0 else None


def _taken(part: Json) -> str:
    bounds = _slice(part)
    if bounds is not None:
        return "all" if bounds.get("start") in (None, 0) and bounds.get("stop") is None else "some"
    return "one" if is_number(part) else "some"
