"""Attributes that a method sets which nothing calls: ``setUp`` of a test, ``load`` before ``train``.

Some machinery, or a program elsewhere, calls that method before the one that reads the attribute.
It is run for the object when the attribute is asked for and not there; where several set it,
which of them came first is not known.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fromlogits_audit.interp.classes import resolution_order
from fromlogits_audit.interp.functions import invoke
from fromlogits_audit.interp.values import Args, ClassV, FuncCore, FuncV, InstanceV, PendingV, forced

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_FIRST = r"^[ \t]*(?:[\w., \t]+,[ \t]*)?(?:self|cls)\."
_SETS = r"\b(?:[ \t]*:[^\n=]*|[ \t]*,[\w., \t]+)?[ \t]*=(?!=)"
_METHODS = ("function", "class")


def prepare(run: Run, instance: InstanceV, name: str) -> None:
    """Run the one method that sets an attribute of an object, if nothing has called it for that object."""
    cores = _setters(instance.cls, name)
    if len(cores) != 1 or run.state.cut:
        return
    core = cores[0]
    key = ("prepared", id(core))
    if core in run.state.stack or key in instance.slots:
        return
    instance.slots[key] = instance
    receiver = core.owner if core.kind == "class" and core.owner is not None else instance
    invoke(run, core, Args((receiver,)), receiver, assumed=True)


def _setters(cls: ClassV, name: str) -> list[FuncCore]:
    """The methods of a class and of those above it that say they set an attribute, constructors aside."""
    pattern = re.compile(_FIRST + re.escape(name) + _SETS, re.MULTILINE)
    found: dict[str, FuncCore] = {}
    for owner in resolution_order(cls):
        for key, value in list(owner.slots.items()):
            if isinstance(key, str) and key not in found and key != "__init__" and _says(value, pattern):
                method = forced(value)
                if isinstance(method, FuncV) and method.core.kind in _METHODS:
                    found[key] = method.core
    return list(found.values())


def _says(value: object, pattern: re.Pattern[str]) -> bool:
    if isinstance(value, PendingV) and value.value is None:
        return value.chunk is not None and pattern.search(value.chunk.text) is not None
    method = forced(value) if isinstance(value, PendingV) else value
    if not isinstance(method, FuncV):
        return False
    core = method.core
    text = core.chunk.text if core.chunk.holds_only(core.node) else core.chunk.code_of(core.node)
    return pattern.search(text) is not None
