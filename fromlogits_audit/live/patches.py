"""Attributes that are replaced while somebody watches, and put back; modules that are met as they arrive."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

ORIGINAL = "_fromlogits_audit_original"
"""The attribute of a replacement that holds what it stands for."""

_ABSENT = object()


class Patches:
    """A set of replaced attributes. ``restore`` puts back only what is still ours: a program that has
    replaced the same attribute meanwhile keeps its replacement."""

    def __init__(self) -> None:
        self._made: list[tuple[Any, str, Any, Any]] = []

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Put ``make(original)`` in place of an attribute that ``owner`` itself has; else do nothing."""
        before = vars(owner).get(name, _ABSENT)
        if before is _ABSENT or not callable(before) or is_ours(before):
            return
        now = make(before)
        setattr(now, ORIGINAL, before)
        setattr(owner, name, now)
        self._made.append((owner, name, before, now))

    def restore(self) -> None:
        while self._made:
            owner, name, before, now = self._made.pop()
            if vars(owner).get(name) is now:
                setattr(owner, name, before)


def is_ours(value: Any) -> bool:
    return getattr(value, "__dict__", {}).get(ORIGINAL) is not None


def original(value: Any) -> Any:
    """What a replacement stands for; anything else as it is."""
    return value.__dict__[ORIGINAL] if is_ours(value) else value


Act = Callable[[ModuleType], None]


class Arrivals(MetaPathFinder):
    """Calls a function for each of some modules once it has been imported; at once for those that are there.

    ``wanted`` gives the function for a module's name, None for modules of no interest. The modules are found
    and loaded by whoever would have done it anyway.
    """

    def __init__(self, wanted: Callable[[str], Act | None]) -> None:
        self._wanted = wanted
        self._open: set[str] = set()

    def install(self) -> None:
        for name, module in sorted(sys.modules.items()):
            act = self._wanted(name)
            if act is not None and isinstance(module, ModuleType) and not _is_loading(module):
                act(module)
        sys.meta_path.insert(0, self)

    def remove(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        act = self._wanted(name)
        if act is None or name in self._open:
            return None
        self._open.add(name)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._open.discard(name)
        if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Announcing(spec.loader, act)
        return spec


def _is_loading(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


class _Announcing(Loader):
    """A loader that says when it is done, and leaves no trace of itself in the module."""

    def __init__(self, loader: Any, act: Act) -> None:
        self._loader = loader
        self._act = act

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._act(module)
