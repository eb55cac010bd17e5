"""Where losses, metrics and layers were constructed."""

from __future__ import annotations

import weakref
from types import FrameType
from typing import Any

from fromlogits_audit.live.spots import Spot, stack


class Births:
    """The user's line that constructed each object that is alive."""

    def __init__(self) -> None:
        self._spots: dict[int, tuple[weakref.ref[Any], Spot | None]] = {}

    def note(self, made: Any, frame: FrameType | None) -> None:
        """``made`` has been initialised; ``frame`` is who called its last initialiser."""
        key = id(made)
        found = stack(frame, without=made, most=1)
        gone = weakref.ref(made, lambda one: self._forget(key, one))
        self._spots[key] = (gone, found[0] if found else None)

    def of(self, made: Any) -> Spot | None:
        """The innermost user frame under which an object was constructed."""
        found = self._spots.get(id(made))
        return found[1] if found is not None and found[0]() is made else None

    def clear(self) -> None:
        self._spots.clear()

    def _forget(self, key: int, gone: weakref.ref[Any]) -> None:
        found = self._spots.get(key)
        if found is not None and found[0] is gone:
            self._spots.pop(key, None)
