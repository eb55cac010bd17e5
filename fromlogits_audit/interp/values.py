"""The abstract domain: what a Python expression may be worth.

Values are immutable, except those that derive from :class:`Obj`: they live on a heap of slots whose writes
are journalled (:mod:`fromlogits_audit.interp.state`), so that two branches can be joined after both have run.

``Unknown`` carries a *key*: two reads of the same unknown thing have the same key, which is
how the two ``if binary:`` of a program are seen to be one condition.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from fromlogits_audit import cst
from fromlogits_audit.interp.args import Args as Args
from fromlogits_audit.interp.keys import NESTED, Key
from fromlogits_audit.ir import Undecided
from fromlogits_audit.lean import dataclass

if TYPE_CHECKING:
    from fromlogits_audit.interp.branches import Log
    from fromlogits_audit.interp.parse import Chunk, ParsedModule
    from fromlogits_audit.interp.state import Frame

Guard = frozenset[tuple[Hashable, bool]]
"""A conjunction of assumptions: (condition key, holds)."""

ALWAYS: Guard = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """A node in a chunk of source; its position is worked out only when asked for."""

    chunk: Chunk
    node: cst.CSTNode

    @property
    def key(self) -> tuple[int, int]:
        return (id(self.chunk), id(self.node))


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a trace, not yet located."""

    place: Place
    note: str


class Value:
    """Base of the domain."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Const(Value):
    """A known number, string, bool, None ... ``place`` is where a string literal stands."""

    value: Any
    place: Place | None = None


NONE = Const(None)
TRUE = Const(True)
FALSE = Const(False)


@dataclass(frozen=True, slots=True, eq=False)
class Unknown(Value):
    """Cannot be told, and why."""

    reason: Undecided
    key: Hashable
    place: Place | None = None

    def __post_init__(self) -> None:
        key = self.key
        if type(key) is tuple and not NESTED.isdisjoint(map(type, key)):
            object.__setattr__(self, "key", Key(key))


@dataclass(frozen=True, slots=True, eq=False)
class Choice(Value):
    """One of several values, each under assumptions."""

    alternatives: tuple[tuple[Guard, Value], ...]


@dataclass(frozen=True, slots=True, eq=False)
class TupleV(Value):
    """A sequence. ``open``: there may be more items like these (a loop of unknown length)."""

    items: tuple[Value, ...]
    open: bool = False


class PendingV(Value):
    """A definition or an import that nothing has asked for yet; it happens once, when something does."""

    __slots__ = ("_make", "chunk", "value")

    def __init__(self, make: Callable[[], Value], chunk: Chunk | None = None) -> None:
        self._make = make
        self.chunk = chunk
        """The definition's chunk; None for an import."""
        self.value: Value | None = None

    @property
    def is_happening(self) -> bool:
        """Whether it is on its way: what asks now is what it does itself."""
        return self.value is _HAPPENING

    def force(self) -> Value:
        if self.value is None:
            self.value = _HAPPENING
            before, Births.outside = Births.outside, True
            try:
                self.value = self._make()
            finally:
                Births.outside = before
        return self.value


_HAPPENING = Const(None)
"""What a cyclic import finds."""


def forced(value: Value) -> Value:
    """The value itself, after it has happened."""
    while isinstance(value, PendingV):
        value = value.force()
    return value


class Births:
    """Numbers objects, the older before the younger: a branch knows by them which are its own."""

    count = itertools.count()
    outside = False
    """Whether what runs would run without the branch as well: a definition that waited, an import."""

    @classmethod
    def next(cls) -> int:
        return -1 if cls.outside else next(cls.count)


class Obj(Value):
    """A mutable object: its slots are written through the journal only."""

    __slots__ = ("born", "slots")

    def __init__(self, /, **slots: Value) -> None:
        self.slots: dict[Hashable, Value] = dict(slots.items())
        self.born = Births.next()

    def lacking(self, key: Hashable) -> Value | None:
        """What a slot that only another branch has written is worth; None where that does not matter."""


ABSENT = Value()
"""In a choice: under these assumptions an object has no such attribute."""


class ListV(Obj):
    """A list (or set); slot ``items`` holds a TupleV, or an Unknown, or a choice of them."""

    __slots__ = ()

    def __init__(self, items: tuple[Value, ...] = (), open: bool = False) -> None:
        super().__init__(items=TupleV(items, open))


@dataclass(frozen=True, slots=True, eq=False)
class Entries(Value):
    """The content of a dict: constant keys to values. ``open``: there may be other keys."""

    items: dict[Hashable, tuple[Value, Value]]
    open: bool = False


class DictV(Obj):
    """A dict; slot ``items`` holds Entries."""

    __slots__ = ()

    def __init__(self, items: dict[Hashable, tuple[Value, Value]] | None = None, open: bool = False) -> None:
        super().__init__(items=Entries(items or {}, open))


@dataclass(frozen=True, slots=True, eq=False)
class SliceV(Value):
    lower: Value
    upper: Value
    step: Value


@dataclass(slots=True, eq=False)
class FuncCore:
    """A function of the project, shared by all references to it."""

    name: str
    module: ParsedModule
    chunk: Chunk
    closure: Frame
    node: cst.FunctionDef | cst.Lambda
    defaults: dict[str, Value] = field(default_factory=dict)
    owner: ClassV | None = None
    kind: str = "function"
    """function, static, class, property."""
    entered: bool = False
    read: bool = False
    """Whether something has read its name, to call it or to keep it."""
    left_out: bool = False
    """Whether a call of it was not followed, because a bound was reached."""
    text: str | None = None
    words: frozenset[str] | None = None
    """The function's text and the words in it, once someone has asked."""
    generator: bool | None = None
    """Whether it holds a ``yield`` of its own, once someone has asked."""
    options: dict[str, Value] = field(default_factory=dict)
    """Defaults that a command-line decorator gives (click.option)."""
    fixture: BagV | None = None
    """What ``pytest.fixture`` was given, where that decorates it."""
    memo: BagV | None = None
    """What it gave, by its arguments, where ``functools.cache`` or ``cached_property`` keeps that."""
    manager: bool = False
    """Whether ``contextlib.contextmanager`` decorates it: it runs around the body of a ``with``."""
    cases: tuple[Value, ...] = ()
    """The decorators that give it arguments (pytest.mark.parametrize)."""
    path: Mapping[Hashable, bool] | None = None
    """What was assumed when the outermost of its active calls began."""
    log: Log | None = None
    """What its active calls wrote, from the second one on."""


@dataclass(frozen=True, slots=True, eq=False)
class FuncV(Value):
    core: FuncCore
    place: Place | None = None
    """The first expression that names the function (not its definition)."""


@dataclass(frozen=True, slots=True, eq=False)
class BoundV(Value):
    """A project function bound to its first argument."""

    func: FuncV
    receiver: Value
    place: Place | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MethodV(Value):
    """A method that the interpreter itself knows (list.append); ``base`` is the external class it is of."""

    receiver: Value
    name: str
    base: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PartialV(Value):
    func: Value
    args: Args
    place: Place | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ExternalV(Value):
    """A name outside the project, canonical: ``keras.layers.Dense``."""

    name: str
    place: Place | None = None


class ClassV(Obj):
    """A class of the project; slots are its namespace."""

    __slots__ = (
        "bases",
        "bearing",
        "chunk",
        "decorators",
        "fields",
        "instances",
        "meta",
        "module",
        "name",
        "node",
        "order",
    )

    def __init__(self, name: str, module: ParsedModule, chunk: Chunk, node: cst.ClassDef) -> None:
        super().__init__()
        self.name = name
        self.module = module
        self.chunk = chunk
        self.node = node
        self.bases: tuple[Value, ...] = ()
        self.decorators: tuple[str, ...] = ()
        self.fields: list[tuple[str, Value | None]] = []
        self.instances: list[InstanceV] = []
        self.bearing: frozenset[str] | None = None
        """Names of its methods that can hold a site, once something has asked."""
        self.order: list[ClassV] | None = None
        """The order of resolution, once something has asked for it."""
        self.meta: ClassV | None = None
        """The metaclass, where the program defines it."""


class InstanceV(Obj):
    """An instance of a project class; slots are its attributes, of which a branch may lack some."""

    __slots__ = ("cls", "known", "place", "trained")

    def __init__(self, cls: ClassV, place: Place | None = None) -> None:
        super().__init__()
        self.cls = cls
        self.place = place
        self.known = False  # whether its class has been told of it: what ``__new__`` gives may be older
        self.trained = False  # whether code compiles or fits it: then Keras calls its steps

    def lacking(self, key: Hashable) -> Value | None:
        return ABSENT if isinstance(key, str) and key[:1] != "$" else None


PLAIN = "$plain"
"""Slot of a member of an enumeration that is a string or number as well: that string or number."""


def plain(value: Value) -> Value:
    """``Kind.BINARY`` of a ``class Kind(str, Enum)`` as the string that it is; other values as they are."""
    return value.slots.get(PLAIN, value) if isinstance(value, InstanceV) else value


@dataclass(frozen=True, slots=True, eq=False)
class SuperV(Value):
    """``super()``: the classes after ``after`` in the order of resolution of the receiver."""

    after: ClassV
    receiver: Value


@dataclass(frozen=True, slots=True, eq=False)
class ModuleV(Value):
    """A module of the project."""

    module: ParsedModule


NAMESPACE = "namespace"
"""The kind of bag whose slots are attributes that a program sets."""


class BagV(Obj):
    """Attributes by name with nothing behind them: an argparse namespace, a parser."""

    __slots__ = ("kind",)

    def __init__(self, kind: str, /, **slots: Value) -> None:
        super().__init__(**slots)  # a field may be called "kind" or "self" as well
        self.kind = kind

    def lacking(self, key: Hashable) -> Value | None:
        return ABSENT if self.kind == NAMESPACE and isinstance(key, str) else None


@dataclass(frozen=True, slots=True, eq=False)
class IterV(Value):
    """Something that yields values like ``element``: a dataset, a generator.

    ``items`` are all that a generator was seen to yield, in order.
    """

    element: Value
    kind: str = "iterator"
    items: TupleV | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ManagerV(Value):
    """What a function under ``contextlib.contextmanager`` gives: nothing of it has run yet."""

    core: FuncCore
    args: Args
    receiver: Value | None
