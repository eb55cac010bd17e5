"""Weights & Biases: ``wandb.config`` holds what ``wandb.init`` was given, in a run that no sweep starts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fromlogits_audit.interp import dicts
from fromlogits_audit.interp.attribute_dicts import ATTRIBUTE_DICTS, marked, of_plain
from fromlogits_audit.interp.reflection import attributes_of
from fromlogits_audit.interp.values import NAMESPACE, Args, BagV, DictV, Place, Value

if TYPE_CHECKING:
    from fromlogits_audit.interp.iterables import Function
    from fromlogits_audit.interp.run import Run


_SWEEPS = re.compile(r"\b(?:agent|sweep)\s*\(")
"""Then settings are what the sweep takes them to be."""


def _init(run: Run, args: Args, place: Place | None) -> Value | None:
    """``wandb.init(config=...)``: the run that it starts, whose settings are the module's from now on."""
    frame = place.chunk.module.frame if place is not None else None
    if frame is None or _SWEEPS.search(frame.module.file.text):
        return None
    given = args.keywords.get("config")
    if isinstance(given, BagV) and given.kind == NAMESPACE:
        given = attributes_of(run, given)
    config = of_plain(run, dicts.union(run, given)) if given is not None else marked(DictV({}, True), False)
    run.state.write(frame, ("patched", "wandb", "config"), config)
    return BagV("wandb.run", config=config)


SETTINGS: dict[str, Function] = {**ATTRIBUTE_DICTS, "wandb.init": _init}
"""What makes an object of settings."""
