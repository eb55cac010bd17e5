"""How a block of statements ends, and what follows one that may be left before its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING

from fromlogits_audit.interp.branches import Branch
from fromlogits_audit.interp.values import ALWAYS, Guard, Value
from fromlogits_audit.ir import Why
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run


@dataclass
class Outcome:
    """How a block ends. ``falls``: control may reach what follows it."""

    falls: bool = True
    returns: list[tuple[Guard, Value]] = field(default_factory=list)
    breaks: list[Guard] = field(default_factory=list)
    """What is assumed where a break happens."""
    continues: list[Guard] = field(default_factory=list)
    """The same for continue."""
    stops: bool = False
    """A break that certainly happens."""
    rest_done: bool = False
    """What follows the statement has been run with it."""
    raised: Value | None = None
    """The class of the exception that certainly ends it, where it is known and a ``try`` is around."""
    failed: bool = False
    """Such an exception was raised on the way: what follows is left out, not lost."""

    @property
    def jumps(self) -> bool:
        """Whether a break or continue may leave the block."""
        return bool(self.breaks or self.continues)

    @property
    def left(self) -> list[Guard]:
        """What is assumed where the block is left before its end."""
        return [*self.breaks, *self.continues, *(guard for guard, _ in self.returns)]

    @property
    def survives(self) -> bool:
        """Whether any path through the block goes on (does not raise)."""
        return self.falls or self.jumps or bool(self.returns)

    def collect(self, other: Outcome, guard: Guard = ALWAYS) -> None:
        """Add the ways in which another block is left, which is so under an assumption."""
        self.returns += [(assumed | guard, value) for assumed, value in other.returns]
        self.breaks += [assumed | guard for assumed in other.breaks]
        self.continues += [assumed | guard for assumed in other.continues]


def where_not_left(run: Run, outcome: Outcome, follow: Callable[[], Outcome]) -> Outcome:
    """A block that may be left before its end, and what follows where it is not."""
    left, stays = opposites(run, outcome.left)
    with run.state.branch(stays) as branch:
        after = follow()
    run.state.join([Branch(left, {}), *([branch] if after.survives else [])])
    total = Outcome(after.falls, stops=after.stops and not outcome.returns and not outcome.continues)
    total.collect(outcome, left)
    total.collect(after)
    return total


def opposites(run: Run, left: list[Guard]) -> tuple[Guard, Guard]:
    """That a block was left, and that it was not: by the one condition for it, where there is one."""
    assumed = left[0] - run.state.guard
    if len(left) > 1 or len(assumed) != 1:
        assumed = frozenset({(("left", run.state.fresh(Why.RUNTIME).key), True)})
    ((key, holds),) = assumed
    return assumed, frozenset({(key, not holds)})
