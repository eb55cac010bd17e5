"""Branches: what one of several blocks that may run writes, under which assumptions, and what it made."""

from __future__ import annotations

from collections.abc import Hashable

from fromlogits_audit.interp.values import Guard, Value
from fromlogits_audit.lean import dataclass


class Holder:
    """Anything with journalled slots: a Frame or a heap object."""

    slots: dict[Hashable, Value]


Write = tuple[int, Hashable]
Log = dict[Write, tuple[Holder, Hashable, "Value | None"]]
"""What was written where, with the value before (or, for a branch, at its end)."""


@dataclass
class Branch:
    """The writes of one branch: location -> (holder, value at its end)."""

    guard: Guard
    writes: Log
    since: int | None = None
    """The number of the first object that is born in it, None where it is no block that ran."""
    end: int = 0
    """The number of the first object that is born behind it."""
    until: int = 0
    """It has the objects of another branch with lower numbers: it left that one after they were born."""

    def has(self, born: int) -> bool:
        """Whether an object that is born in one of several branches is there in this one."""
        return born < self.until or (self.since is not None and self.since <= born < self.end)
