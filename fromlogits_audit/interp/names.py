"""Name look-up: frames, builtins, star imports of modules outside the project."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from fromlogits_audit.interp.choice import alternatives, choose
from fromlogits_audit.interp.state import Frame
from fromlogits_audit.interp.values import (
    FALSE,
    NONE,
    TRUE,
    Choice,
    Const,
    ExternalV,
    FuncV,
    Place,
    Unknown,
    Value,
    forced,
)
from fromlogits_audit.ir import Undecided, Why
from fromlogits_audit.source.project import WELL_KNOWN
from fromlogits_audit.source.text import UNREAD_CELL

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

_CONSTANTS = {"True": TRUE, "False": FALSE, "None": NONE, "__debug__": TRUE}
_BUILTINS = frozenset(dir(builtins))


def lookup(run: Run, frame: Frame, name: str, place: Place) -> Value:
    """The value a name has where it is read, with ``place`` noted on names of losses."""
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    value = _find(frame, name)
    if value is None:
        return _elsewhere(run, frame, name, place)
    return placed(narrowed(run, value), place)


def narrowed(run: Run, value: Value) -> Value:
    """A value under the assumptions of the path."""
    if not run.state.path:
        return value
    if isinstance(value, Choice):
        return choose(alternatives(value, run.state.guard))
    if isinstance(value, Unknown):
        return _refined(run, value)
    return value


def _refined(run: Run, value: Unknown) -> Value:
    """An unknown that the path says equals a constant is that constant."""
    for key, holds in run.state.path.items():
        if holds and isinstance(key, tuple) and len(key) == 3 and key[0] == "==" and key[1] == value.key:
            other = key[2]
            if isinstance(other, tuple) and other and other[0] == "constant":
                return run.constants.get(other, value)
    return value


def placed(value: Value, place: Place) -> Value:
    """Note the first expression that names a function or an external thing."""
    kind = type(value)
    if kind is ExternalV and value.place is None:  # type: ignore[attr-defined]
        return ExternalV(value.name, place)  # type: ignore[attr-defined]
    if kind is FuncV and value.place is None:  # type: ignore[attr-defined]
        value.core.read = True  # type: ignore[attr-defined]
        return FuncV(value.core, place)  # type: ignore[attr-defined]
    return value


def _find(frame: Frame, name: str) -> Value | None:
    scope: Frame | None = frame
    if name in frame.globals_of:
        return _held(frame.globals_of[name], name)
    while scope is not None:
        if scope is frame or scope.cls is None or scope.core is not None:
            value = scope.slots.get(name)
            if value is not None:
                return forced(value)
            if name in scope.globals_of:
                return _held(scope.globals_of[name], name)
        scope = scope.parent
    return None


def _held(frame: Frame, name: str) -> Value | None:
    value = frame.slots.get(name)
    return None if value is None else forced(value)


def _elsewhere(run: Run, frame: Frame, name: str, place: Place) -> Value:
    stars = frame.root.stars
    known = from_stars(run, stars, name, place)
    if known is not None:
        return known
    if name == "__name__":
        return Const("__main__")
    if name == "__file__":
        return run.state.fresh(Why.RUNTIME, "__file__")
    if name in _BUILTINS:
        return ExternalV(f"builtins.{name}", place)
    if name == UNREAD_CELL:
        return run.state.fresh(Why.RUNTIME, "set or changed by a cell that cannot be read")
    return of_open_star(stars, name, place) or Unknown(
        Undecided(Why.UNDEFINED, f"name {name} is bound nowhere"), ("name", frame.module.name, name), place
    )


def from_stars(run: Run, stars: list[str], name: str, place: Place | None = None) -> Value | None:
    """What a name means that a star import of a known package binds."""
    for module in reversed(stars):
        found = run.star_member(module, name)
        if found is not None:
            return ExternalV(found, place)
    return None


def of_open_star(stars: list[str], name: str, place: Place | None = None) -> Value | None:
    """A name that a star import of a package that cannot be seen may bind; None where there is none."""
    module = next((star for star in reversed(stars) if star.partition(".")[0] not in WELL_KNOWN), None)
    if module is None:
        return None
    reason = Undecided(Why.EXTERNAL, f"name {name}, which `from {module} import *` may bind")
    return Unknown(reason, (STAR, module, name), place)


STAR = "star"
CONVENTIONS = {"tf": "tf", "keras": "keras", "K": "keras.backend", "np": "numpy"}
"""What everybody calls these modules: a name out of a star that nobody sees, where its attributes are asked
for. As a value it may be anything: K is a number of classes, too."""


def by_convention(value: Unknown) -> ExternalV | None:
    """The module that a name out of a star import means by its spelling."""
    key = value.key
    spelled = key[2] if isinstance(key, tuple) and len(key) == 3 and key[0] == STAR else None
    return ExternalV(CONVENTIONS[spelled], value.place) if spelled in CONVENTIONS else None
