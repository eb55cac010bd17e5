"""Attributes that a method sets which nothing calls: ``setUpClass`` of tests, ``load`` before ``train``.

Some machinery, or a program elsewhere, calls that method before the one that reads the attribute.
It is run for the object when the attribute is asked for and not there; where several set it,
which of them came first is not known.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from fromlogits_audit import regex
from fromlogits_audit.interp.classes import resolution_order
from fromlogits_audit.interp.functions import invoke, text_of
from fromlogits_audit.interp.values import (
    Args,
    ClassV,
    FuncCore,
    FuncV,
    InstanceV,
    PendingV,
    Value,
    forced,
)

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_SETS = regex.later(
    r"^[ \t]*((?:[\w.]+[ \t]*,[ \t]*)*(?:self|cls)\.\w+(?:[ \t]*,[ \t]*[\w.]+)*)[ \t]*(?::[^\n=]*)?=(?!=)",
    re.MULTILINE,
)
_MEMBER = regex.later(r"\b(?:self|cls)\.(\w+)")
_METHODS = ("function", "class")


def prepare(run: Run, instance: InstanceV, name: str) -> bool:
    """Run the one method that sets an attribute of an object, if nothing has called it for that object.
    False where there is none to be run."""
    asked = (id(instance.cls), name)
    if asked in run.set_nowhere:
        return False
    cores = _setters(instance.cls, name)
    if not cores:
        run.set_nowhere.add(asked)
    if len(cores) != 1 or run.state.cut:
        return False
    core = cores[0]
    key = ("prepared", id(core))
    if core in run.state.stack or key in instance.slots:
        return False
    instance.slots[key] = instance
    receiver = core.owner if core.kind == "class" and core.owner is not None else instance
    invoke(run, core, Args((receiver,)), receiver, assumed=True)
    return True


def _setters(cls: ClassV, name: str) -> list[FuncCore]:
    """The methods of a class and of those above it that say they set an attribute, constructors aside."""
    found: dict[str, FuncCore] = {}
    for owner in resolution_order(cls):
        for key, value in list(owner.slots.items()):
            if isinstance(key, str) and key not in found and key != "__init__" and _sets(value, name):
                method = forced(value)
                if isinstance(method, FuncV) and method.core.kind in _METHODS:
                    found[key] = method.core
    return list(found.values())


def _sets(value: Value, name: str) -> bool:
    """Whether a method says that it sets an attribute."""
    if isinstance(value, PendingV) and value.value is None:
        text = value.chunk.text if value.chunk is not None else ""
    else:
        method = forced(value)
        text = text_of(method.core) if isinstance(method, FuncV) else ""
    return name in text and name in _set_in(text)  # most texts do not even say the name


@lru_cache(maxsize=2048)
def _set_in(text: str) -> frozenset[str]:
    return frozenset(name for match in _SETS.finditer(text) for name in _MEMBER.findall(match[1]))
