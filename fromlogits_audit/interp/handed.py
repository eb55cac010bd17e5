"""Functions handed to code that nobody sees: it runs them with what the names mean then, not at the end.

``optimizer.minimize(lambda: loss_fn(y, model(x)), variables)`` runs the function there and then; what
``jax.value_and_grad(compute_loss)`` gives runs it where it is called itself. A notebook that goes on to
another ``model`` would else bring the loss together with a model that it never met. What the names meant is
only noted: whether anything in the program calls the function is known at its end, and then the noted moments
count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives, is_none
from fromlogits_audit.interp.functions import named_parameters
from fromlogits_audit.interp.values import (
    BoundV,
    Choice,
    ClassV,
    FuncCore,
    FuncV,
    ListV,
    PartialV,
    PendingV,
    TupleV,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from fromlogits_audit.interp.parse import Chunk
    from fromlogits_audit.interp.run import Run
    from fromlogits_audit.interp.state import Frame, State

MAX_MOMENTS = 4
"""Different moments that one function is judged at."""
MAX_NOTED = 64
"""Times that one function is handed over before no more are looked at."""
MAX_DEFINITIONS = 40
"""Definitions that a function reads, over those that it reads, whose names count as well."""

Bindings = tuple[tuple["Frame", dict[Hashable, Value]], ...]


class Moment:
    """What the names that a function may read meant at one point of the program."""

    __slots__ = ("bindings", "path", "times")

    def __init__(self, bindings: Bindings, path: Mapping[Hashable, bool]) -> None:
        self.bindings = bindings
        self.path = path
        self.times = 1
        """How often the function was handed over at it."""

    def equals(self, other: Moment) -> bool:
        return self.path == other.path and self.bindings == other.bindings

    @contextmanager
    def back(self, state: State) -> Iterator[None]:
        """Run a block as of then. What it writes stays; all other names mean afterwards what they did."""
        changed = [
            (frame, name, then, frame.slots.get(name))
            for frame, slots in self.bindings
            for name, then in slots.items()
            if frame.slots.get(name) is not then
        ]
        for frame, name, then, _ in changed:
            state.write(frame, name, then)
        path, state.path = state.path, self.path
        try:
            yield
        finally:
            state.path = path
            for frame, name, then, now in changed:
                if frame.slots.get(name) is then:
                    state.write(frame, name, now)


Handed = tuple[FuncCore, Moment]


class HandedOver:
    """The moments at which functions were handed over, by the identity of the function."""

    def __init__(self) -> None:
        self._moments: dict[int, list[Moment]] = {}
        self._given: dict[Hashable, list[Handed]] = {}
        """What unknown code made of functions, by its key: a call of that runs them."""
        self.ended = False
        """Whether the program is over. A call by what nothing calls says less than the hand-over."""

    def moments(self, core: FuncCore) -> Sequence[Moment]:
        return tuple(self._moments.get(id(core), ()))

    def note(self, run: Run, value: Value) -> list[Handed]:
        """A value goes to code that cannot be seen: the functions in it, each with the moment of this."""
        if run.recorder.is_aside:
            return []
        if isinstance(value, Unknown):
            return self._given.get(value.key, []) if self._given else []
        found = [self._noted(run, core) for core in _functions(run, value)]
        return [handed for handed in found if handed is not None]

    def gave(self, result: Unknown, handed: list[Handed]) -> Unknown:
        """What unknown code made of functions that it was given."""
        if handed:
            self._given[result.key] = handed
        return result

    def called(self, run: Run, function: Unknown) -> None:
        """What was made of a function is called: it runs now, and not where it was handed over."""
        if not self._given or self.ended or run.recorder.is_aside:
            return
        for core, moment in self._given.get(function.key, ()):
            self._drop(core, moment)
            self._noted(run, core)

    def _noted(self, run: Run, core: FuncCore) -> Handed | None:
        if core.entered or not run.interest.concerns(core.chunk):
            return None
        moments = self._moments.setdefault(id(core), [])
        if sum(moment.times for moment in moments) >= MAX_NOTED:
            return None
        moment = Moment(_bindings(core), run.state.path)
        for other in moments:
            if other.equals(moment):
                other.times += 1
                return core, other
        if len(moments) >= MAX_MOMENTS:
            core.left_out = True  # what it meets then is not looked at: nothing is claimed of it
            return None
        moments.append(moment)
        return core, moment

    def _drop(self, core: FuncCore, moment: Moment) -> None:
        moments = self._moments[id(core)]
        if moment in moments:
            moment.times -= 1
            if not moment.times:
                moments.remove(moment)


def _functions(run: Run, value: Value) -> Iterator[FuncCore]:
    if isinstance(value, Choice):
        for _, option in alternatives(value, run.state.guard):
            yield from _functions(run, option)
    elif isinstance(value, TupleV):
        for item in value.items[:MAX_MOMENTS]:
            yield from _functions(run, item)
    elif isinstance(value, ListV):
        yield from _functions(run, value.slots["items"])
    elif isinstance(value, PartialV):
        yield from _functions(run, value.func)
    elif isinstance(value, BoundV):
        yield value.func.core
    elif isinstance(value, FuncV):
        yield value.core


def _bindings(core: FuncCore) -> Bindings:
    """What the names mean now that a function, or a definition that it reads, mentions.

    None stands for what the program is still to make: it is read as it will be.
    """
    frames = list(_scopes(core))
    words = _words(core, frames)
    return tuple((frame, _meanings(frame, words)) for frame in frames)


def _meanings(frame: Frame, words: set[str]) -> dict[Hashable, Value]:
    if len(words) > len(frame.slots):
        found = {name: value for name, value in frame.slots.items() if name in words}
    else:
        found = {name: frame.slots[name] for name in words if name in frame.slots}
    return {name: value for name, value in found.items() if not is_none(value)}


def _scopes(core: FuncCore) -> Iterator[Frame]:
    """The frames that hold what a function reads; the body of a class is none of them."""
    frame: Frame | None = core.closure
    while frame is not None:
        if frame.cls is None or frame.core is not None:
            yield frame
        frame = frame.parent


def _words(core: FuncCore, frames: list[Frame]) -> set[str]:
    """The words of a function's chunk and of those that define what it mentions: it may call them."""
    words: set[str] = set()
    chunks = {id(core.chunk): core.chunk}
    waiting = deque(chunks.values())
    while waiting:
        chunk = waiting.popleft()
        added = chunk.words - words - (_own(core) if chunk is core.chunk else frozenset())
        words |= added
        for other in (_chunk(frame.slots[word]) for frame in frames for word in added if word in frame.slots):
            if other is not None and id(other) not in chunks and len(chunks) < MAX_DEFINITIONS:
                chunks[id(other)] = other
                waiting.append(other)
    return words


def _own(core: FuncCore) -> frozenset[str]:
    """Parameters, which hide what has their names around the function; none where its chunk holds more."""
    if core.chunk.defined != core.name:
        return frozenset()
    return frozenset(param.name.value for param in named_parameters(core.node.params))


def _chunk(value: Value) -> Chunk | None:
    """Where a value is defined, if it is a definition of the program."""
    if isinstance(value, FuncV):
        return value.core.chunk
    return value.chunk if isinstance(value, (PendingV, ClassV)) else None
