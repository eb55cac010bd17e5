"""What the forms of a model are made of: bodies, heads, members of classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .heads import Head, Step, steps
from .writer import Module, indent

WIDTH = 6
BODY = ("relu", "relu", "tanh", "sigmoid", "elu", "softmax", "linear")


@dataclass
class Model:
    """A model as written: the statements, the name it ends in, and what it yields.

    ``outputs`` maps the name of an output (None for the only one) to what it yields. ``kind`` is
    ``None``, ``dict`` or ``list``: how several outputs come.
    """

    lines: list[str]
    name: str
    outputs: dict[str | None, Head] = field(default_factory=dict)
    kind: str | None = None
    feed: str = "features"
    """How a batch of ``features`` is given to the model."""
    shape: tuple[int, ...] = (WIDTH,)
    listed: bool = False
    """Made by ``Model([x], [y])``, which on symbolic tensors returns a list."""
    outer: tuple[int, ...] = ()
    """The axes of an output between the rows and the units."""


def dense_layer(module: Module, width: int = 8) -> str:
    activation = module.rng.choice(BODY)
    given = f", activation={activation!r}" if activation != "linear" else ""
    return f"{module.k('layers.Dense')}({width}{given})"


def body_layers(module: Module) -> list[str]:
    extra = [f"{module.k('layers.Dropout')}(0.1)"] if module.rng.random() < 0.2 else []
    if module.rng.random() < 0.2:
        extra.append(f"{module.k('layers.BatchNormalization')}()")
    return [dense_layer(module), *extra, *([dense_layer(module)] if module.rng.random() < 0.3 else [])]


def input_layer(module: Module) -> str:
    return module.rng.choice([f"{module.k('Input')}(({WIDTH},))", f"{module.k('Input')}(shape=({WIDTH},))"])


def head_layers(module: Module, head: Head) -> list[str]:
    return [s.layer for s in steps(module, head, "layers")]


def apply_head(module: Module, tensor: str, head: Head) -> list[str]:
    return [
        f"x = {step.on('x')}" if i or tensor == "x" else f"x = {step.on(tensor)}"
        for i, step in enumerate(steps(module, head, "graph"))
    ]


def members(parts: list[Step], prefix: str) -> tuple[list[str], list[str]]:
    """Statements for ``__init__`` and for ``call``."""
    made, used = [], []
    for number, part in enumerate(parts):
        if part.layer:
            made.append(f"self.{prefix}{number} = {part.layer}")
            used.append(f"x = self.{prefix}{number}(x)")
        else:
            used.append(f"x = {part.on('x')}")
    return made, used


def class_parts(module: Module, head: Head) -> tuple[list[str], list[str]]:
    """The members of a class: no parameter of the function around is in their reach."""
    outer, module.function = module.function, None
    body_init, body_call = members([Step(x) for x in body_layers(module)], "hidden")
    head_init, head_call = members(steps(module, head, "call"), "out")
    module.function = outer
    return body_init + head_init, body_call + head_call


def init_method(lines: list[str], parameters: str = "") -> list[str]:
    return [f"    def __init__(self{parameters}):", "        super().__init__()", *indent(lines, 2), ""]


def class_scope(module: Module, write: Callable[[], list[str]]) -> list[str]:
    """Text for a class at module level: no parameter of the function around is in reach."""
    outer, module.function = module.function, None
    lines = write()
    module.function = outer
    return lines


def only_output(lines: list[str], head: Head, name: str = "model", **more: object) -> Model:
    return Model(lines, name, {None: head}, **more)  # type: ignore[arg-type]
