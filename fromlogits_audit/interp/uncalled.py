"""What nothing calls still counts: functions, and methods that Keras would call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fromlogits_audit.interp.classes import instantiate
from fromlogits_audit.interp.functions import invoke, parameters
from fromlogits_audit.interp.values import Args, ClassV, FuncCore, InstanceV, Place, Unknown
from fromlogits_audit.ir import Undecided, Why

if TYPE_CHECKING:
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
        called = _mentioned(waiting)
        roots = [core for core in waiting if core.name not in called] or waiting[:1]
        for core in roots:
            if not core.entered:
                _run_one(run, core)
    for core in run.functions:
        if not core.entered:
            _run_one(run, core)


def _mentioned(waiting: list[FuncCore]) -> set[str]:
    """Names that the bodies of waiting functions mention, other than their own."""
    found: set[str] = set()
    for core in waiting:
        text = core.chunk.code_of(core.node)
        words = set(_WORD.findall(text))
        words.discard(core.name)
        found |= words
    return found


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


