"""One analysis: the state, the project's modules, what was defined, and the recorder of sites."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fromlogits_audit.errors import InputError, bug
from fromlogits_audit.interp import attributes, calls, classes, options
from fromlogits_audit.interp.handed import Handed, HandedOver
from fromlogits_audit.interp.interest import Interest
from fromlogits_audit.interp.keras.external import note_escape
from fromlogits_audit.interp.keras.losses import OUT_OF_SIGHT
from fromlogits_audit.interp.keras_values import LossV, ModelV
from fromlogits_audit.interp.keys import KEYS
from fromlogits_audit.interp.modules import Modules
from fromlogits_audit.interp.sites import Recorder
from fromlogits_audit.interp.state import Frame, State
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    BagV,
    BoundV,
    ClassV,
    Const,
    DictV,
    ExternalV,
    FuncCore,
    FuncV,
    InstanceV,
    ModuleV,
    PendingV,
    Place,
    SuperV,
    Unknown,
    Value,
)
from fromlogits_audit.ir import Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.declared import Declared
    from fromlogits_audit.interp.keras.graphs import Call
    from fromlogits_audit.interp.keras.semantics import Keras
    from fromlogits_audit.interp.parse import ParsedModule


class Run:
    """The centre that the parts of the interpreter share."""

    def __init__(self, modules: Modules, keras: Keras, declared: Declared | None = None) -> None:
        KEYS.clear()
        self.state = State()
        self.modules = modules
        self.keras = keras
        self.recorder = Recorder(self)
        self.nesting = 0
        self.functions: list[FuncCore] = []
        self.handed = HandedOver()
        self.interest = Interest()
        """What makes a definition worth running that nothing calls."""
        self.classes: list[ClassV] = []
        self.hooked: set[str] = set()
        """Names of classes that are told of every class that derives from them."""
        self.set_nowhere: set[tuple[int, str]] = set()
        """Classes by identity, with attributes that none of their methods says it sets: tests ask for
        ``assertEqual`` all the time."""
        self.intercepting = False
        """Whether some class answers for its attributes in its own way."""
        self.describing = False
        """Whether some class is a descriptor that is told what is written."""
        self.constants: dict[Any, Const] = {}
        """Constants by identity key, so that an assumption ``x == 2`` gives x its value."""
        self.flags = BagV("namespace")
        self.taken = BagV("iterators")
        """Iterators by identity, each with the items that ``next`` has taken from it."""
        self.custom_objects = DictV()
        """What the program registers with Keras under a name."""
        self.built_models: list[ModelV | InstanceV] = []
        """Sequential models, whether or not anything uses them."""
        self.calls: dict[int, Call] = {}
        """By the identity of a tensor: the call of a model or of a layer of the project that returned it."""
        self.saved: dict[Any, Value] = {}
        """Models by the path that the program saved them under."""
        self.settings = BagV("settings", policy=NONE)
        """What the program sets globally: the dtype policy."""
        self.policies: dict[int, Value] = {}
        """The policy that each program left, by the identity of its module."""
        self.policy_lines: dict[int, int] = {}
        """Where the definition or statement begins that set it."""
        self.excluded: dict[int, Any] = {}
        """Code that control does not reach and that has been run for its sites, by identity."""
        self._declared = declared

    @contextmanager
    def guard(self, module: ParsedModule, line: int = 1) -> Iterator[None]:
        """What goes wrong in one statement, which stands in ``line``, costs that statement; the rest goes on.

        An InputError is the file's, and so is a statement that is past every bound. Anything else is a bug of
        this tool, and is reported as one.
        """
        try:
            yield
        except (RecursionError, MemoryError):
            reason = "a statement is nested too deeply, or grows too large, to be followed"
            self.modules.broken.append((module, InputError(reason, line=line)))
        except InputError as error:
            self.modules.broken.append((module, error))
        except Exception as error:
            self.modules.broken.append((module, InputError(bug(error), line=line)))

    # -- calls ---------------------------------------------------------------------------------
    def call(self, function: Value, args: Args, place: Place | None) -> Value:
        return calls.call(self, function, args, place)

    def args(self, *positional: Value) -> Args:
        return Args(positional)

    def attribute(self, base: Value, name: str, place: Place) -> Value:
        return attributes.get_attribute(self, base, name, place)

    def call_special(
        self, value: Value, name: str, args: tuple[Value, ...], place: Place | None
    ) -> Value | None:
        """Call a double-underscore method that the project defines, None where there is none."""
        if not isinstance(value, InstanceV):
            return None
        own = classes.own_method(value.cls, name)
        return self.call(BoundV(own, value), Args(args), place) if own is not None else None

    def super_of(self, frame: Frame) -> Value:
        """``super()`` in the frame of a method."""
        scope: Frame | None = frame
        while scope is not None and (scope.core is None or scope.core.owner is None):
            scope = scope.parent
        if scope is None or scope.core is None or scope.core.owner is None:
            return self.state.fresh(Why.UNSUPPORTED, "super()")
        params = scope.core.node.params.params
        receiver = scope.receiver or (scope.slots.get(params[0].name.value) if params else None)
        if receiver is None or isinstance(receiver, Unknown):
            return self.state.fresh(Why.UNSUPPORTED, "super()")
        return SuperV(scope.core.owner, receiver)

    def declared(
        self, function: Value, args: Args, place: Place | None, receiver: Value | None = None
    ) -> Value | None:
        """What the configuration says a function, class or external name returns, if anything."""
        if self._declared is None:
            return None
        if isinstance(function, FuncV):
            return self._declared.call(self, function, args, receiver)
        if isinstance(function, ClassV):
            return self._declared.construct(self, function, args, place)
        return self._declared.external(self, function, args, place)

    def declared_loss(self, function: Value, place: Place | None) -> LossV | None:
        """The loss that the configuration says a name outside the project is, if it does."""
        return self._declared.reference(function, place) if self._declared is not None else None

    def escaped(self, name: str, args: Args) -> list[Handed]:
        """What is given to code that cannot be seen: losses may meet an output there, functions may run."""
        handed: list[Handed] = []
        for value in args.all():
            if isinstance(value, LossV):
                self.recorder.note_escape(value, OUT_OF_SIGHT)
            else:
                handed += self.handed.note(self, value)
        note_escape(self, name, args)
        return handed

    def release(self) -> None:
        """Let go of what the program made and of its syntax trees, so that few of them are left to the cyclic
        collection, which visits every node. Nothing can be run or located afterwards."""
        for module in self.modules.all():
            for chunk in module.tree_chunks or ():
                chunk.release()
            module.tree_chunks = None
            if module.frame is not None:
                module.frame.slots.clear()
        for core in self.functions:
            frame: Frame | None = core.closure
            while frame is not None:
                frame.slots.clear()
                frame = frame.parent
            core.chunk.release()
            del core.closure, core.node
        for cls in self.classes:
            cls.slots.clear()
            cls.chunk.release()
            del cls.node, cls.instances, cls.order
        vars(self).clear()

    # -- classes -------------------------------------------------------------------------------
    def enum_members(self, cls: ClassV) -> tuple[Value, ...]:
        return classes.enum_members(self, cls)

    def enum_member(self, cls: ClassV, name: Value) -> Value | None:
        """``Kind["BINARY"]``; None where the class is no enumeration (``list[int]``)."""
        return classes.enum_by_name(self, cls, name)

    # -- modules -------------------------------------------------------------------------------
    def bind_import(self, frame: Frame, dotted: str, asname: str | None) -> None:
        """``import a.b`` binds ``a``; ``import a.b as c`` binds the inner module."""
        target = frame.globals_of.get(asname or dotted.partition(".")[0], frame)
        if asname is not None:
            self.state.write(target, asname, self.import_module(frame, dotted))
            return
        top = dotted.partition(".")[0]
        value = self.import_module(frame, dotted)
        if isinstance(value, PendingV) and frame.module.mentions(top) <= 1:
            # Imported for what it does, not for its name.
            value.force()
        self.state.write(target, top, self.import_module(frame, top))

    def bind_import_from(self, frame: Frame, module: str, level: int, name: str, asname: str | None) -> None:
        """``from module import name as asname``."""
        target = frame.globals_of.get(asname or name, frame)
        self.state.write(target, asname or name, self.import_name(frame, module, level, name))

    def import_module(self, frame: Frame, dotted: str, level: int = 0) -> Value:
        return self.modules.import_module(self, frame, dotted, level)

    def import_name(self, frame: Frame, module: str, level: int, name: str) -> Value:
        return self.modules.import_name(self, frame, module, level, name)

    def import_star(self, frame: Frame, module: str, level: int) -> None:
        self.modules.import_star(self, frame, module, level)

    def module_attribute(self, base: ModuleV, name: str, place: Place) -> Value:
        return self.modules.attribute(self, base, name, place)

    def external_attribute(self, base: ExternalV, name: str, place: Place) -> Value:
        known = options.flag(self, name, place) if base.name.endswith("FLAGS") else None
        if known is None and place.chunk.module.frame is not None:
            known = place.chunk.module.frame.slots.get(("patched", base.name, name))
        return known or self.keras.external_attribute(self, base, name, place)

    def star_member(self, module: str, name: str) -> str | None:
        return self.keras.star_member(module, name)
