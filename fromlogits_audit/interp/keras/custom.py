"""Custom objects: what a program registers under a name, for strings that Keras does not know itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fromlogits_audit.interp import dicts
from fromlogits_audit.interp.choice import alternatives
from fromlogits_audit.interp.values import Args, Const, DictV, Entries, Place, Value

if TYPE_CHECKING:
    from fromlogits_audit.interp.run import Run

REGISTRY = ("keras.utils.get_custom_objects", "keras.saving.get_custom_objects")
SCOPES = (
    "keras.utils.custom_object_scope",
    "keras.utils.CustomObjectScope",
    "keras.saving.custom_object_scope",
    "keras.saving.CustomObjectScope",
)


def registry(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``get_custom_objects()``: the one dict that everything is registered in."""
    return run.custom_objects


def scope(run: Run, name: str, args: Args, place: Place) -> Value | None:
    """``with custom_object_scope({...}):``. What it registers stays: names rarely change hands."""
    for value in args.positional:
        dicts.update(run, run.custom_objects, value)
    return run.custom_objects


def registered(run: Run, name: Const) -> Value | None:
    """What is registered under a name, None where nothing is or it is not known."""
    for _, content in alternatives(run.custom_objects.slots["items"], run.state.guard):
        if isinstance(content, Entries) and name.value in content.items:
            found = content.items[name.value][1]
            return None if isinstance(found, (Const, DictV)) else found
    return None
