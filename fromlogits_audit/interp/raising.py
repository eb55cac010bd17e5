"""Exceptions that are certain to happen inside a ``try``: what they are, and who catches them.

The interpreter follows an exception only where it is sure of three things: that it happens (every
alternative of a value raises, on the path as it is), what its class is, and that a ``try`` which the program
is in catches it. Anything else goes on with a value that is not known, as outside of every ``try``: of a
program that ends with an error here, the rest must be judged all the same.

:attr:`State.catchers` are the ``try`` statements that what runs now is certain to run in. It is empty in
every branch, in a loop of which one turn stands for all, after what may have left the block, and in every
call that the program does not spell out itself. A :class:`Raised` therefore never crosses one of those: it
ends a statement, and ``run_block`` takes it from there.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp.classes import external_bases, resolution_order, unknown_base
from fromlogits_audit.interp.values import NONE, Births, ClassV, ExternalV, Guard, InstanceV, TupleV, Value
from fromlogits_audit.ir import Why
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.branches import Log
    from fromlogits_audit.interp.run import Run
    from fromlogits_audit.interp.state import Frame

_BUILTINS = "builtins."
MAX_DOUBTS = 3
"""Places of a ``try`` where it may be left that are told apart; more of ``raise`` go with the last one."""
SUPPRESS = "suppress"
"""The kind of bag that ``contextlib.suppress`` makes; ``kinds`` are the classes that it is given."""


class Raised(Exception):
    """The statement that runs raises an exception of a class, which a ``try`` around it catches."""

    def __init__(self, kind: Value) -> None:
        super().__init__(kind)
        self.kind = kind


def throw(run: Run, kind: Value) -> None:
    """End the statement with an exception where something is certain to catch it; else nothing happens."""
    if is_caught(run, kind):
        raise Raised(kind)


def throw_builtin(run: Run, name: str) -> None:
    """The same for an exception of Python's own."""
    throw(run, ExternalV(_BUILTINS + name))


def is_caught(run: Run, kind: Value) -> bool:
    """Whether a ``try`` around what runs catches an exception and goes on.

    Where the budget is spent, functions are not entered: what they would have set is missing, not known. So
    is what those would have set that run before code which nothing calls.
    """
    if run.state.cut or run.handed.ended:
        return False
    for catcher in reversed(run.state.catchers):
        left = catcher(kind)
        if left is None or left is NONE:
            return left is NONE
        kind = left
    return False


# -- what may be raised ------------------------------------------------------------------------
@dataclass
class Doubt:
    """Where a ``try`` may be left: for which of its handlers, by what condition, with what was written."""

    handler: int
    guard: Guard | None
    """None where it may be left, not must."""
    written: Log
    born: int
    """The number of the next object."""


class Attempt:
    """A ``try`` on its way. ``handler_of``: the number of the handler for a class, or for one not known."""

    def __init__(self, handler_of: Callable[[Value | None], int | None]) -> None:
        self.handler_of = handler_of
        self.doubts: list[Doubt] = []
        self.log: Log | None = None
        self.path: Mapping[Hashable, bool] = {}
        self.depth = 0
        """How many functions are active around it."""


@contextmanager
def attempting(run: Run, attempt: Attempt) -> Iterator[None]:
    """The body of a ``try`` runs meanwhile, in a branch of its own."""
    attempt.log, attempt.path, attempt.depth = run.state.log, run.state.path, len(run.state.stack)
    run.state.attempts.append(attempt)
    try:
        yield
    finally:
        run.state.attempts.remove(attempt)


def doubt_builtin(run: Run, name: str) -> None:
    """The same for an exception of Python's own, which only code that is not followed can prevent."""
    if run.state.attempts:
        doubt(run, ExternalV(_BUILTINS + name))


def doubt(run: Run, kind: Value | None, *, certain: bool = False) -> None:
    """Note that an exception of a class (or of one that is not known) may leave the ``try`` for it here."""
    if run.state.cut or run.handed.ended:
        return
    for attempt in reversed(run.state.attempts):
        handler = attempt.handler_of(kind)
        if handler is None:
            continue
        if len(attempt.doubts) < MAX_DOUBTS or certain:
            written = {
                (id(holder), key): (holder, key, holder.slots.get(key))
                for holder, key in run.state.since(attempt.log)
            }
            exact = certain and len(run.state.stack) == attempt.depth
            guard = run.state.guard - frozenset(attempt.path.items()) if exact else None
            _noted(run, attempt, Doubt(handler, guard, written, next(Births.count)))
        return


def _noted(run: Run, attempt: Attempt, doubt: Doubt) -> None:
    """Keep a doubt apart, or together with the last one for its handler: what they differ in is not known."""
    before = next((one for one in reversed(attempt.doubts) if one.handler == doubt.handler), None)
    if len(attempt.doubts) < MAX_DOUBTS or before is None:
        attempt.doubts.append(doubt)
        return
    for entry, (holder, key, value) in doubt.written.items():
        if entry not in before.written or before.written[entry][2] is not value:
            unknown = run.state.fresh(Why.CONDITION, "what a try leaves behind that an exception ends")
            before.written[entry] = (holder, key, unknown)
    before.guard = None


# -- classes -----------------------------------------------------------------------------------
def class_of(run: Run, frame: Frame, node: cst.Raise) -> Value | None:
    """The class of what a statement raises, None where it is not known.

    Only a name is looked up: what an exception is given to say is not worth running.
    """
    if node.exc is None:
        return run.state.handled
    called = isinstance(node.exc, cst.Call)
    value = named(run, frame, node.exc.func if isinstance(node.exc, cst.Call) else node.exc)
    if isinstance(value, InstanceV) and not called:
        value = value.cls
    return value if value is not None and _is_exception(value) else None


def exits(run: Run, frame: Frame, node: cst.BaseExpression) -> bool:
    """Whether an expression ends the program: ``sys.exit()``."""
    if not isinstance(node, cst.Call) or not isinstance(node.func, (cst.Name, cst.Attribute)):
        return False
    last = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
    if last.value not in _EXIT_WORDS:
        return False
    function = named(run, frame, node.func)
    return isinstance(function, ExternalV) and function.name in _EXITS


_EXITS = ("sys.exit", "os._exit", "builtins.exit", "builtins.quit")
_EXIT_WORDS = frozenset(("exit", "_exit", "quit"))
SYSTEM_EXIT = ExternalV("builtins.SystemExit")


def named(run: Run, frame: Frame, node: cst.CSTNode) -> Value | None:
    """What a name, an attribute or a tuple of them means."""
    from fromlogits_audit.interp.evaluate import evaluate

    if isinstance(node, cst.Tuple):
        parts = [named(run, frame, element.value) for element in node.elements]
        known = tuple(part for part in parts if part is not None)
        return TupleV(known) if len(known) == len(parts) else None
    if not isinstance(node, (cst.Name, cst.Attribute)):
        return None
    with run.state.unsure():
        return evaluate(run, frame, node)


def _builtin(value: Value) -> type[BaseException] | None:
    """An exception class of Python's own."""
    name = value.name if isinstance(value, ExternalV) else ""
    found = getattr(builtins, name[len(_BUILTINS) :], None) if name.startswith(_BUILTINS) else None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _bases(cls: ClassV) -> list[type[BaseException] | None]:
    """What a class of the project derives from outside of it, None for what is no exception of Python's."""
    bases: list[type[BaseException] | None] = [_builtin(ExternalV(name)) for name in external_bases(cls)]
    return bases if unknown_base(cls) is None else [*bases, None]


def _is_exception(value: Value) -> bool:
    return any(_bases(value)) if isinstance(value, ClassV) else _builtin(value) is not None


def catches(kinds: Value | None, raised: Value) -> bool | None:
    """Whether ``except kinds`` catches an exception of a class, None where that is not known."""
    if isinstance(kinds, TupleV) and not kinds.open:
        answers = [catches(kind, raised) for kind in kinds.items]
        return True if True in answers else (None if None in answers else False)
    own = _bases(raised) if isinstance(raised, ClassV) else [_builtin(raised)]
    if isinstance(kinds, ClassV):
        if isinstance(raised, ClassV) and kinds in resolution_order(raised):
            return True
        return None if None in own else False
    wanted = _builtin(kinds) if kinds is not None else None
    if wanted is None:
        return None
    if any(base is not None and issubclass(base, wanted) for base in own):
        return True
    return None if None in own else False
