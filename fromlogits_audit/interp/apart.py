"""What code that the program does not reach brings together: kept apart from the sites of the program."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from fromlogits_audit.interp.drafts import Draft
from fromlogits_audit.interp.ledger import Ledger
from fromlogits_audit.ir import Kind, Undecided, Why

EXCLUDED = Undecided(Why.CONDITION, "a branch that the values in the code leave out")
_TABLES = ("compiles", "met", "measuring", "_partners", "_read", "_captures", "ledger")
"""What a recorder knows of the code that runs, as against the whole analysis."""


class Apart:
    """The part of the recorder that changes books when the program is left, and when it is entered again."""

    ledger: Ledger
    met: set[tuple[int, int]]
    _program: dict[str, object] | None = None
    """The tables of the program, while code runs that it does not reach."""

    def __init__(self) -> None:
        self.excluded: list[Draft] = []
        """What met in such code."""

    @abstractmethod
    def _fresh(self) -> Apart:
        """A recorder that knows nothing."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Code that the program does not reach runs meanwhile."""
        before, program = self._tables(), self._program
        self._program = program or before
        vars(self).update(self._fresh()._tables())
        try:
            yield
        finally:
            self.ledger.settle(self.met)
            self.excluded += self.ledger.drafts
            vars(self).update(before)
            self._program = program

    @contextmanager
    def reached(self) -> Iterator[None]:
        """What runs meanwhile belongs to the program, also where code asks for it that does not."""
        before, program = self._tables(), self._program
        vars(self).update(program or {})
        self._program = None
        try:
            yield
        finally:
            vars(self).update(before)
            self._program = program

    @property
    def is_aside(self) -> bool:
        """Whether code runs that the program does not reach."""
        return self._program is not None

    def _tables(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in _TABLES}


def apart_from(drafts: Sequence[Draft], excluded: Sequence[Draft]) -> list[Draft]:
    """Losses and metrics that met an output only in code that the program does not reach."""
    reached = {(draft.kind, draft.place.key) for draft in drafts}
    return [
        replace(draft, pairs=tuple(pair.at(excluded=True) for pair in draft.pairs))
        for draft in excluded
        if draft.kind in (Kind.LOSS, Kind.METRIC) and (draft.kind, draft.place.key) not in reached
    ]
