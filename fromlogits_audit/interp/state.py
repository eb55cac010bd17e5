"""What a run carries along: environments, the journal of writes, assumptions, bounds.

Every write to a variable or to a heap slot goes through :meth:`State.write`. A branch is run
inside :meth:`State.begin` / :meth:`State.end`, which hands back its writes and undoes them, so
that the other branch starts from the same state; :meth:`State.join` then merges both.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from fromlogits_audit.interp.branches import Branch, Holder, Log
from fromlogits_audit.interp.choice import Work, choose, compatible
from fromlogits_audit.interp.values import (
    ALWAYS,
    Births,
    ClassV,
    FuncCore,
    Guard,
    Obj,
    Place,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.errands import Errand
    from fromlogits_audit.interp.parse import Chunk, ParsedModule
    from fromlogits_audit.interp.raising import Attempt

T = TypeVar("T")

MAX_STEPS = 50_000
"""Statements executed in one run (a module from top to bottom, or a function that nothing calls),
inlined calls included."""
WORK_OF_A_STEP = 8
"""So many comparisons of alternatives take the time of one simple statement."""
MAX_MODULE_STEPS = 2 * MAX_STEPS
"""The same for all runs of one module together."""
PATIENCE = 20_000
"""Statements that a run is given until it makes a layer, a model, a metric or a loss.

Of the statements that long runs of public code take, six in ten belong to runs that never do.
"""
WITHOUT_KERAS = 10
"""So much less where neither a file nor what it imports names Keras: statistics have Poissons, too."""
MAX_DEPTH = 36
MAX_REPEATS = 3
"""How often one function may be active at once."""
MAX_COUNTED = 8
"""The same where it counts its depth, and every condition on the way is known."""
MAX_LOOP = 40
"""A loop over a known sequence longer than this runs once with an unknown variable."""


class Frame:
    """Variables of a module, function or class body; ``parent`` is the enclosing scope."""

    __slots__ = (
        "assumed",
        "at_yield",
        "chunk",
        "cls",
        "core",
        "globals_of",
        "module",
        "parent",
        "path",
        "receiver",
        "slots",
        "stars",
        "yields",
    )

    def __init__(
        self,
        module: ParsedModule,
        chunk: Chunk,
        parent: Frame | None = None,
        *,
        core: FuncCore | None = None,
        cls: ClassV | None = None,
        receiver: Value | None = None,
    ) -> None:
        self.module = module
        self.chunk = chunk
        """Where the nodes that run in this frame stand."""
        self.yields: list[tuple[Value, bool]] = []
        """What a generator gives, and whether it does so wherever it is called."""
        self.path: Mapping[Hashable, bool] | None = None
        """What was assumed where a function was called."""
        self.assumed = False
        """Whether nothing calls the function: its parameters are defaults, or not known."""
        self.at_yield: Callable[[Value], None] | None = None
        """What runs wherever the function yields."""
        self.slots: dict[Hashable, Value] = {}
        self.parent = parent
        self.core = core
        self.cls = cls
        self.receiver = receiver
        self.globals_of: dict[str, Frame] = {}
        """Names declared global or nonlocal, and the frame that holds them."""
        self.stars: list[str] = []
        """Star imports of modules outside the project: a name may come from there."""

    @property
    def root(self) -> Frame:
        frame = self
        while frame.parent is not None:
            frame = frame.parent
        return frame


Catcher = Callable[[Value], "Value | None"]
"""What leaves a ``try`` in which an exception of a class is raised: NONE where it is caught for good."""


class State:
    """The mutable centre of one analysis."""

    def __init__(self) -> None:
        self.path: Mapping[Hashable, bool] = {}
        """What is assumed where the program is now. Another assumption makes another one of it."""
        self._path: Mapping[Hashable, bool] = self.path
        self._guard = ALWAYS
        self._journal: list[Log] = []
        self._fresh = itertools.count()
        self.steps = 0
        self.limit = MAX_STEPS
        self.withheld = 0
        """What the limit grows by as soon as the program makes something of Keras."""
        self.scarce = False
        """Whether little is to be spent, because little is to be expected."""
        self.cut = False
        """Whether the budget is spent. From then on every statement that is left still runs, once: no
        function of the project is entered, no loop turns again, and every site is undecided."""
        self.running: ParsedModule | None = None
        self.outer: Errand | None = None
        """The errand that the program runs, if it does (:mod:`fromlogits_audit.interp.errands`)."""
        self.stack: list[FuncCore] = []
        self.catchers: tuple[Catcher, ...] = ()
        """The ``try`` statements that what runs now is certain to run in, the innermost last
        (:mod:`fromlogits_audit.interp.raising`)."""
        self.loops: dict[object, int] = {}
        """What the run spent on each loop: one inside others is not turned in full for all of theirs."""
        self.repeats = False
        """Whether one turn of a loop runs for all of them: a later one may find what is missing in it."""
        self.attempts: list[Attempt] = []
        """The ``try`` statements that run, the innermost last: what may be raised leaves them."""
        self.follows: FuncCore | None = None
        """What the call on its way runs, where the program spells the call out inside a ``try``."""
        self.handled: Value | None = None
        """The class of the exception that is being handled, where it is known."""

    # -- symbols ---------------------------------------------------------------------------
    def fresh(self, why: Why, detail: str = "", place: Place | None = None) -> Unknown:
        return Unknown(Undecided(why, detail), ("?", next(self._fresh)), place)

    # -- writes ----------------------------------------------------------------------------
    def write(self, holder: object, key: Hashable, value: Value | None) -> None:
        """Set a slot, or delete it with None."""
        slots: dict[Hashable, Value] = holder.slots  # type: ignore[attr-defined]
        if self._journal:
            entry = (id(holder), key)
            if entry not in self._journal[-1]:
                self._journal[-1][entry] = (holder, key, slots.get(key))  # type: ignore[assignment]
        if value is None:
            slots.pop(key, None)
        else:
            slots[key] = value

    def begin(self) -> Log:
        """Note what is written from now on."""
        self._journal.append({})
        return self._journal[-1]

    @property
    def log(self) -> Log | None:
        """What is noted since the last begin."""
        return self._journal[-1] if self._journal else None

    def logs(self, log: Log | None) -> list[Log]:
        """What is noted since the begin that gave this one, block by block."""
        at = next((n for n, noted in enumerate(self._journal) if noted is log), len(self._journal))
        return self._journal[at:]

    def since(self, log: Log | None) -> Iterator[tuple[Holder, Hashable]]:
        """What was written since the begin that gave this log, and before its end."""
        for noted in self.logs(log):
            yield from [(holder, key) for holder, key, _ in noted.values()]

    def keep(self) -> None:
        """End what begin began, and let what was written stand."""
        log = self._journal.pop()
        if self._journal:
            self._journal[-1].update({**log, **self._journal[-1]})

    def end(self) -> Log:
        """Undo the writes since the matching begin, and hand them back with their last values."""
        log = self._journal.pop()
        result: Log = {}
        for entry, (holder, key, old) in log.items():
            result[entry] = (holder, key, holder.slots.get(key))
            if old is None:
                holder.slots.pop(key, None)
            else:
                holder.slots[key] = old
        return result

    def branch(self, guard: Guard) -> _Assuming:
        """Run a block under assumptions; its writes are undone and left in the Branch."""
        return _Assuming(self, guard)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Run what does not depend on where it was asked for: no assumption holds, no branch undoes it."""
        path, journal, attempts = self.path, self._journal, self.attempts
        self.path, self._journal, self.attempts = {}, [], []
        try:
            with self.unsure():
                yield
        finally:
            self.path, self._journal, self.attempts = path, journal, attempts

    @contextmanager
    def unsure(self) -> Iterator[None]:
        """Run what may not happen, or not here: no exception that it raises is followed."""
        catchers, handled = self.catchers, self.handled
        self.catchers, self.handled = (), None
        try:
            yield
        finally:
            self.catchers, self.handled = catchers, handled

    @contextmanager
    def repeating(self) -> Iterator[None]:
        """Run one turn of a loop for any number of them."""
        before, self.repeats = self.repeats, True
        try:
            yield
        finally:
            self.repeats = before

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Run a block for its sites alone: nothing it writes stays."""
        before, attempts, self.attempts = self.path, self.attempts, []
        self.begin()
        try:
            with self.unsure():
                yield
        finally:
            self.end()
            self.path, self.attempts = before, attempts

    def adopt(self, branch: Branch) -> None:
        """Make the writes of a branch the state."""
        for holder, key, value in branch.writes.values():
            self.write(holder, key, value)

    def join(self, branches: Iterable[Branch]) -> None:
        """Merge branches that may each have happened."""
        live = list(branches)
        if len(live) == 1:
            self.adopt(live[0])
            return
        entries = {entry: row[:2] for branch in live for entry, row in branch.writes.items()}
        first = min((branch.since for branch in live if branch.since is not None), default=2**62)
        for entry, (holder, key) in entries.items():
            old = holder.slots.get(key)
            pairs: list[tuple[Guard, Value]] = []
            born = holder.born if isinstance(holder, Obj) else -1
            for branch in live:
                if born >= first and entry not in branch.writes and not branch.has(born):
                    continue
                value = branch.writes[entry][2] if entry in branch.writes else old
                if value is None and isinstance(holder, Obj):
                    value = holder.lacking(key)
                if value is not None:
                    pairs.append((branch.guard, value))
            if pairs:
                self.write(holder, key, choose(pairs))

    def fork(self, rows: Iterable[tuple[Guard, T]], action: Callable[[T], Value]) -> Value:
        """What an action gives for each of several cases, each under its assumptions; their writes join."""
        results, branches = [], []
        for guard, case in rows:
            with self.branch(guard) as branch:
                results.append((guard, action(case)))
            branches.append(branch)
        self.join(branches)
        return choose(results)

    # -- assumptions -----------------------------------------------------------------------
    @property
    def guard(self) -> Guard:
        """The path as a guard: one object as long as it is the same path, as it is asked for all the time."""
        if self._path is not self.path:
            self._path, self._guard = self.path, frozenset(self.path.items()) if self.path else ALWAYS
        return self._guard

    def assumed(self, key: Hashable) -> bool | None:
        """What the path says of a condition, if anything."""
        if key in self.path:
            return self.path[key]
        if isinstance(key, tuple) and len(key) == 3 and key[0] == "==":
            for other, holds in self.path.items():
                if holds and isinstance(other, tuple) and len(other) == 3 and other[:2] == key[:2]:
                    return bool(other[2] == key[2])
        return None

    def possible(self, guard: Guard) -> bool:
        return not self.path or compatible(guard, self.guard)

    # -- bounds ----------------------------------------------------------------------------
    def start(self, module: ParsedModule, *, cut: bool = False) -> None:
        """Begin a run of a module's code. ``cut``: its budget is spent before it begins."""
        if self.running is not None:
            self.running.spent += self.steps
        self.running, self.outer = module, None
        self.steps = 0
        self.loops.clear()
        share = WITHOUT_KERAS if self.scarce else 1
        self.limit = min(MAX_STEPS // share, MAX_MODULE_STEPS // share - module.spent)
        self.cut = cut or module.cut or self.limit <= 0
        self.withheld = max(0, self.limit - PATIENCE)
        self.limit -= self.withheld

    def promise(self) -> None:
        """Something of Keras was made that may lead to a site: the program is worth its whole budget."""
        self.rejoin()
        self.limit += self.withheld
        self.withheld = 0

    def rejoin(self) -> None:
        """What runs is the program's own business again, if it was an errand that still is followed."""
        if self.outer is not None and not self.cut:
            self.limit, self.withheld, self.outer.is_over = self.outer.limit, self.outer.withheld, True
            self.outer = None

    @contextmanager
    def within(self, limit: int) -> Iterator[None]:
        """Another budget for a block, up to so many steps of the run; the old one is back afterwards."""
        before = (self.limit, self.withheld, self.cut, self.outer)
        self.limit, self.withheld, self.cut, self.outer = limit, 0, False, None
        try:
            yield
        finally:
            self.limit, self.withheld, self.cut, self.outer = before

    def step(self) -> bool:
        """Count one statement; False when the budget is spent."""
        self.steps += 1
        if Work.done >= WORK_OF_A_STEP:
            self.steps += Work.done // WORK_OF_A_STEP
            Work.done = 0
        self.cut = self.cut or self.steps > self.limit
        return not self.cut


class _Assuming:
    """A block under assumptions. No generator: there is one for every branch of every condition."""

    __slots__ = ("_before", "_branch", "_catchers", "_state")

    def __init__(self, state: State, guard: Guard) -> None:
        self._state, self._branch = state, Branch(guard, {}, next(Births.count))

    def __enter__(self) -> Branch:
        state = self._state
        self._before = state.path
        self._catchers, state.catchers = state.catchers, ()
        if self._branch.guard:
            state.path = {**state.path, **dict(self._branch.guard)}
        state.begin()
        return self._branch

    def __exit__(self, *error: object) -> None:
        self._branch.writes, self._branch.end = self._state.end(), next(Births.count)
        self._state.path = self._before
        self._state.catchers = self._catchers
