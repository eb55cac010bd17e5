"""What nothing calls still counts: functions, and methods that Keras would call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fromlogits_audit.interp.classes import instantiate
from fromlogits_audit.interp.functions import invoke, parameters
from fromlogits_audit.interp.values import Args, ClassV, FuncCore, InstanceV, Place, Unknown
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
    from fromlogits_audit.interp.parse import Chunk
    from fromlogits_audit.interp.run import Run

MAX_ROUNDS = 6
MAX_INSTANCES = 4
_WORD = re.compile(r"[^\W\d]\w*")


def run_uncalled(run: Run) -> None:
    """Run what was never entered: roots first, so that what they call is judged by its callers."""
    for _ in range(MAX_ROUNDS):
        waiting = [core for core in run.functions if not core.entered]
        if not waiting:
            return
        roots = _roots(waiting) or waiting[:1]
        for core in roots:
            if not core.entered:
                _run_one(run, core)
    for core in run.functions:
        if not core.entered:
            _run_one(run, core)


_HOOKS = frozenset({"train_step", "test_step", "compute_loss", "call"})


def run_before_rebinding(run: Run, chunks: list[Chunk], index: int) -> None:
    """In a notebook, a function that only machinery calls works with the globals of its own cell.

    Just before a later cell rebinds a name that the function's cell bound and the function
    reads, it is run as things stand, unless code further down mentions it.
    """
    module, binds = chunks[index].module, chunks[index].binds
    cells = module.file.cells
    if cells is None:
        return
    here = cells.origin(chunks[index].first).cell
    for core in [core for core in run.functions if not core.entered and core.module is module]:
        cell = cells.origin(core.chunk.first).cell
        if cell >= here or (core.owner is not None and core.name not in _HOOKS):
            continue
        names = binds & frozenset(_WORD.findall(core.chunk.code_of(core.node)))
        bound = {n for c in chunks[:index] if cells.origin(c.first).cell == cell for n in c.binds}
        later = core.owner is None and any(core.name in c.words() for c in chunks[index:])
        if names & bound and not later and _has_instance(run, core):
            with run.state.scratch():
                _run_one(run, core)


def _has_instance(run: Run, core: FuncCore) -> bool:
    return core.owner is None or bool(core.owner.instances)


def _roots(waiting: list[FuncCore]) -> list[FuncCore]:
    """Those that no other waiting function mentions; a method waits for who may build its class."""
    words = {id(core): frozenset(_WORD.findall(core.chunk.code_of(core.node))) for core in waiting}
    free = []
    for core in waiting:
        others = [other for other in waiting if other is not core]
        if any(core.name in words[id(other)] for other in others):
            continue
        owner = core.owner
        if owner is not None and any(owner.name in words[id(o)] for o in others if o.owner is not owner):
            continue
        free.append(core)
    return free


def _run_one(run: Run, core: FuncCore) -> None:
    run.state.steps = 0
    if core.owner is None or core.kind == "static":
        invoke(run, core, Args(), assumed=True)
        return
    if core.kind == "class":
        invoke(run, core, Args((core.owner,)), core.owner, assumed=True)
        return
    for instance in _instances(run, core.owner):
        invoke(run, core, Args((instance,)) if parameters(core) else Args(), instance, assumed=True)


def _instances(run: Run, cls: ClassV) -> list[InstanceV]:
    """Instances that the program made, of the class or of one that inherits it; else one made for this."""
    from fromlogits_audit.interp.classes import resolution_order

    made = [i for c in run.classes if cls in resolution_order(c) for i in c.instances]
    if made:
        return made[-MAX_INSTANCES:]
    instance = instantiate(run, cls, _unknown_arguments(run, cls), Place(cls.chunk, cls.node))
    return [instance] if isinstance(instance, InstanceV) else []


def _unknown_arguments(run: Run, cls: ClassV) -> Args:
    """Constructor arguments that no one gives; defaults still hold."""
    reason = Undecided(Why.PARAMETER, f"an argument of {cls.name}, which nothing constructs")
    return Args(double=Unknown(reason, ("construct", id(cls))))


