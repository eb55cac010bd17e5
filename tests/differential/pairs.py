"""All pairings, and how often each is drawn."""

from __future__ import annotations

from collections.abc import Callable

from .model_parts import Model
from .pair_idioms import IDIOMS, ONE_ARRAY
from .pairings import (
    Pairing,
    add_loss,
    by_compile,
    compute_loss,
    direct_call,
    function_call,
    tape_loop,
    train_step,
    with_logits_op,
)
from .writer import Module

PAIRINGS: dict[str, tuple[Callable[[Pairing], list[str]], float]] = {
    "compile": (by_compile, 12),
    "direct": (direct_call, 2.5),
    "function-call": (function_call, 1.5),
    "with-logits": (with_logits_op, 1.2),
    "tape": (tape_loop, 1.5),
    "train-step": (train_step, 1.2),
    "compute-loss": (compute_loss, 1),
    "add-loss": (add_loss, 0.6),
    **IDIOMS,
}


def write_pairing(module: Module, model: Model, name: str) -> list[str]:
    if len(model.outputs) > 1:
        module.project.note("pair:compile")
        return by_compile(Pairing(module, model, name))
    weights = {k: w for k, (_, w) in PAIRINGS.items()}
    if model.feed != "features" or len(model.shape) > 1:
        weights = {k: w for k, w in weights.items() if k not in ONE_ARRAY}
    if model.listed:
        weights.pop("add-loss", None)
    kind = module.project.choose("pair", weights)
    return PAIRINGS[kind][0](Pairing(module, model, name))
