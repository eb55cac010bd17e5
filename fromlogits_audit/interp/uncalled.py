"""What nothing calls still counts: functions, and methods that Keras would call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

from fromlogits_audit import cst
from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.classes import own_method, resolution_order
from fromlogits_audit.interp.creation import construct, instantiate
from fromlogits_audit.interp.excluded import for_its_sites
from fromlogits_audit.interp.functions import invoke, parameters, text_of
from fromlogits_audit.interp.interest import WORD, Interest, members_in
from fromlogits_audit.interp.keys import UNMADE
from fromlogits_audit.interp.pytest_cases import cases, is_given
from fromlogits_audit.interp.values import (
    NONE,
    Args,
    ClassV,
    FuncCore,
    FuncV,
    InstanceV,
    PendingV,
    Place,
    Unknown,
    Value,
    forced,
)
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.parse import Chunk, ParsedModule
    from fromlogits_audit.interp.run import Run

MAX_ROUNDS = 8
MAX_NESTED = 40
"""Rounds for what is left, each of which runs what the one before it defined."""
MAX_INSTANCES = 4


def run_uncalled(run: Run, modules: Sequence[ParsedModule]) -> None:
    """Run what was never entered: roots first, so that what they call is judged by its callers.

    Definitions that neither hold a site nor lead to one are left alone.
    """
    interest = run.interest
    run.handed.ended = True
    _ask_for(run, modules, interest)
    for _ in range(MAX_ROUNDS):
        waiting = _waiting(run, modules, interest)
        if not waiting:
            return
        for core in sorted(_first(run, waiting), key=_turn):
            if not core.entered:
                _run_one(run, core)
    for _ in range(MAX_NESTED):
        waiting = _waiting(run, modules, interest)
        for core in sorted(waiting, key=lambda core: _is_held(run, core)):
            if not core.entered:
                _run_one(run, core)
        if not waiting:
            return


def _turn(core: FuncCore) -> int:
    """Steps come first, as they bring losses to their outputs; those of models that nothing has trained yet
    come last, behind the functions that may train them."""
    if not _is_step(core):
        return 1
    trained = core.owner is not None and any(instance.trained for instance in core.owner.instances)
    return 0 if trained else 2


def _ask_for(run: Run, modules: Sequence[ParsedModule], interest: Interest) -> None:
    """Definitions that nothing has asked for yet, where they matter."""
    for module in modules:
        for value in list(module.frame.slots.values()) if module.frame is not None else []:
            chunk = value.chunk if isinstance(value, PendingV) and value.value is None else None
            if chunk is not None and interest.concerns(chunk):
                with run.guard(module, chunk.first):
                    forced(value)
    _ask_for_heirs(run, modules)
    for cls in list(run.classes):
        _ask_for_methods(run, cls, interest)


def _ask_for_heirs(run: Run, modules: Sequence[ParsedModule]) -> None:
    """Classes that derive from those that were asked for, and from these."""
    waiting = [
        value
        for module in modules
        for value in (module.frame.slots.values() if module.frame is not None else ())
        if isinstance(value, PendingV) and value.value is None and value.chunk is not None
    ]
    count = -1
    while count != len(run.classes):
        count, names = len(run.classes), {cls.name for cls in run.classes}
        for one in waiting:
            if one.value is None and one.chunk is not None and not names.isdisjoint(one.chunk.bases):
                forced(one)


def _ask_for_methods(run: Run, cls: ClassV, interest: Interest) -> None:
    """Methods that nothing has asked for yet, where they matter or mention one of the class that does."""
    pending = [
        (str(name), value, value.chunk)
        for name, value in cls.slots.items()
        if isinstance(value, PendingV) and value.value is None and value.chunk is not None
    ]
    bearing = _bearing(cls) if interest.leads and pending else frozenset()
    for _, value, chunk in pending:
        if interest.concerns(chunk) or _mentions(chunk.text, bearing):
            with run.guard(chunk.module, chunk.first):
                forced(value)


def _waiting(run: Run, modules: Sequence[ParsedModule], interest: Interest) -> list[FuncCore]:
    chosen = {id(module) for module in modules}
    found = []
    for core in run.functions:
        if core.entered or id(core.module) not in chosen:
            continue
        if _matters(core, interest):
            found.append(core)
    return found


def _matters(core: FuncCore, interest: Interest) -> bool:
    if interest.concerns(core.chunk) and (
        core.module.is_of_interest(text_of(core))
        or not interest.names.isdisjoint(_words(core))
        or _is_step(core)
    ):
        return True
    return interest.leads and _sibling(core)


def _words(core: FuncCore) -> frozenset[str]:
    if core.words is None:
        text = text_of(core)
        # Where the text is that of the chunk, so are the words: the same object.
        core.words = core.chunk.words if text is core.chunk.text else frozenset(WORD.findall(text))
    return core.words


def _sibling(core: FuncCore) -> bool:
    """A method that mentions a method of its class, or of one above, which holds a site."""
    return core.owner is not None and _mentions(text_of(core), _bearing(core.owner))


def _bearing(cls: ClassV) -> frozenset[str]:
    """The names of the methods of a class, inherited ones too, that hold a site."""
    for one in resolution_order(cls):
        if one.bearing is None:
            one.bearing = frozenset(str(name) for name, value in one.slots.items() if _bears(value))
    return frozenset().union(*(one.bearing or () for one in resolution_order(cls)))


def _bears(value: Value) -> bool:
    if isinstance(value, PendingV) and value.value is None:
        return value.chunk is not None and value.chunk.bears
    method = forced(value)
    return isinstance(method, FuncV) and method.core.module.is_of_interest(text_of(method.core))


def _mentions(text: str, names: Set[str]) -> bool:
    """Whether a text reads one of some names as an attribute."""
    return any(name in text for name in names) and not names.isdisjoint(members_in(text))


_STEPS = frozenset({"train_step", "test_step", "compute_loss", "compute_metrics"})
_HOOKS = _STEPS | {"call"}


def _is_step(core: FuncCore) -> bool:
    """Whether ``fit`` calls this on an object of the program: it brings losses to their outputs."""
    if core.name.startswith("compute_") and "y_pred" not in parameters(core):
        return False  # a helper of that name
    return core.name in _STEPS and core.owner is not None and bool(core.owner.instances)


def run_before_rebinding(run: Run, chunks: list[Chunk], index: int) -> None:
    """In a notebook, a function that only machinery calls works with the globals of its own cell.

    Just before a later cell rebinds a name that the function's cell bound and the function
    reads, it is run as things stand, unless code further down mentions it.
    """
    module, binds = chunks[index].module, chunks[index].binds
    cells = module.file.cells
    if cells is None or run.state.cut:
        return
    here = cells.origin(chunks[index].first).cell
    for core in [core for core in run.functions if not core.entered and core.module is module]:
        if run.handed.moments(core):
            continue
        cell = cells.origin(core.chunk.first).cell
        if cell >= here or (core.owner is not None and core.name not in _HOOKS):
            continue
        names = binds & _words(core)
        if not names or not any(
            cells.origin(c.first).cell == cell and not names.isdisjoint(c.binds) for c in chunks[:index]
        ):
            continue
        later = core.owner is None and any(core.name in c.words for c in chunks[index:])
        if not later and _has_instance(run, core):
            with run.state.scratch():
                _run_one(run, core)


def _has_instance(run: Run, core: FuncCore) -> bool:
    return core.owner is None or bool(core.owner.instances)


def _first(run: Run, waiting: list[FuncCore]) -> list[FuncCore]:
    """Those to run now: what the program holds may be called by any of the others, whatever they call it."""
    free, names = _roots(waiting), {core.name for core in waiting}
    by_name = [core for core in free if not _is_held(run, core)]
    leading = [core for core in free if not names.isdisjoint(_words(core) - {core.name})]
    return by_name or leading or free or waiting[:1]


def _is_held(run: Run, core: FuncCore) -> bool:
    """Whether a function is at hand under other names than its own: read and not called, or what calling an
    object of the program runs. What was handed over has run by now."""
    if _is_step(core) or run.handed.moments(core):
        return False
    of_object = core.name in ("call", "__call__") and core.owner is not None and bool(core.owner.instances)
    return core.read or of_object or isinstance(core.node, cst.Lambda)


def _roots(waiting: list[FuncCore]) -> list[FuncCore]:
    """Those that no other waiting function mentions; a method waits for who may build its class.

    The steps of objects that are there wait for nobody: each of them mentions all others' name.
    """
    mentions = Counter(word for core in waiting for word in _words(core))
    inside = Counter(
        (id(core.owner), word) for core in waiting if core.owner is not None for word in _words(core)
    )
    free = []
    for core in waiting:
        if _is_step(core):
            free.append(core)
            continue
        if mentions[core.name] > (core.name in _words(core)):
            continue
        owner = core.owner
        if owner is not None and mentions[owner.name] > inside[(id(owner), owner.name)]:
            continue
        free.append(core)
    return free


def _run_one(run: Run, core: FuncCore) -> None:
    """Run a function as of every moment that it was handed over at, else as things stand."""
    core.entered = True
    moments = run.handed.moments(core)
    if not moments:
        _run_now(run, core)
    for moment in moments:
        with moment.back(run.state):
            _run_now(run, core)
        if run.state.cut:
            return  # the others' share


def _run_now(run: Run, core: FuncCore) -> None:
    # A call of it that was not followed may give it anything: what stands in it is undecided.
    run.state.start(core.module, cut=core.left_out)
    left = run.policies.get(id(core.module))
    if left is NONE:
        run.settings.slots["policy"] = NONE
    elif left is not None:  # else its program still runs
        # What was called before the policy was set is not known: only what stands below it counts.
        below = run.policy_lines.get(id(core.module), 0) < core.chunk.span(core.node)[0]
        run.settings.slots["policy"] = left if below else NONE
    with run.guard(core.module, core.chunk.first):
        _invoke_assumed(run, core)


def _invoke_assumed(run: Run, core: FuncCore) -> None:
    if core.owner is None or core.kind == "static":
        for given in cases(run, core, None) if is_given(core) else ({},):
            invoke(run, core, Args((), given), assumed=True)
        return
    if core.kind == "class":
        invoke(run, core, Args((core.owner,)), core.owner, assumed=True)
        return
    made = _made(run, core, core.owner)
    for instance in made:
        if not run.keras.has_taken(instance, core.name):
            _invoke_on(run, core, instance)
    if not made:
        _invoke_unmade(run, core, core.owner)


def _invoke_unmade(run: Run, core: FuncCore, cls: ClassV) -> None:
    """Run a method on an instance made for that: of its class, or of those that this is there for."""
    heirs = _heirs(run, core, cls)
    for heir in heirs:
        for instance in _made_for_this(run, heir):
            if core.name != "__init__":  # that ran for what the class gives it
                _invoke_on(run, core, instance)
    if not heirs:
        for instance in _made_for_this(run, cls):
            _invoke_on(run, core, instance)
        return
    with for_its_sites(run):
        for instance in _made_for_this(run, cls):
            _invoke_on(run, core, instance)


def _invoke_on(run: Run, core: FuncCore, instance: InstanceV) -> None:
    given = run.keras.hook_arguments(run, instance, core.name)
    known = {name: value for name, value in given.items() if name in parameters(core)}
    for more in cases(run, core, instance) if is_given(core) else (known,):
        _set_up(run, core, instance)
        invoke(run, core, Args((instance,), more) if parameters(core) else Args(), instance, assumed=True)


_SET_UP = ("setUp", "setup_method")


def _set_up(run: Run, core: FuncCore, instance: InstanceV) -> None:
    """What unittest and pytest call before every test of a class."""
    if not core.name.startswith("test"):
        return
    for name in _SET_UP:
        own = own_method(instance.cls, name)
        if own is not None:
            invoke(run, own.core, Args((instance,)), instance, assumed=True)


def _made(run: Run, core: FuncCore, cls: ClassV) -> list[InstanceV]:
    """Instances that the program made, of the class or of one that inherits it.

    One whose class has its own method of that name runs this one only where that calls ``super()``. Keras
    calls the steps of those that are trained; others are there to predict, or for a part of them.
    """
    made = [i for c in run.classes if cls in resolution_order(c) for i in c.instances]
    inherits = [i for i in made if _provides(i.cls, core) is core]
    if not inherits:
        inherits = [i for i in made if _calls_super(_provides(i.cls, core))]
    trained = [i for i in inherits if i.trained] if _is_step(core) else []
    return (trained or inherits)[-MAX_INSTANCES:]


def _heirs(run: Run, core: FuncCore, cls: ClassV) -> list[ClassV]:
    """The classes that a class is there for: what they give it is not what its own defaults are."""
    heirs = [
        c
        for c in run.classes
        if c is not cls
        and cls in resolution_order(c)
        and (_provides(c, core) is core or _calls_super(_provides(c, core)))
    ]
    bases = {id(base) for heir in heirs for base in resolution_order(heir) if base is not heir}
    return [heir for heir in heirs if id(heir) not in bases][-MAX_INSTANCES:]


def _made_for_this(run: Run, cls: ClassV) -> list[InstanceV]:
    """Instances of a class that nothing constructs."""
    place = Place(cls.chunk, cls.node)
    # A metaclass or ``__new__`` may give what is not known: the methods run on a plain instance then.
    for make in (instantiate, construct):
        made_here = make(run, cls, _unknown_arguments(run, cls), place)
        found = [one for _, one in alternatives(made_here, run.state.guard) if isinstance(one, InstanceV)]
        if found:
            return found[:MAX_INSTANCES]
    return [InstanceV(cls, place)]


def _provides(cls: ClassV, core: FuncCore) -> FuncCore | None:
    """The function that instances of a class have under the name of another."""
    own = own_method(cls, core.name)
    return own.core if own is not None else None


def _calls_super(core: FuncCore | None) -> bool:
    return core is not None and "super" in _words(core)


def _unknown_arguments(run: Run, cls: ClassV) -> Args:
    """Constructor arguments that no one gives; defaults still hold."""
    reason = Undecided(Why.PARAMETER, f"an argument of {cls.name}, which nothing constructs")
    return Args(double=Unknown(reason, (UNMADE, id(cls))))
