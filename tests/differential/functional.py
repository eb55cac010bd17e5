"""Functional models: one tensor after the other, helpers, heads on other models."""

from __future__ import annotations

from .heads import Head, steps
from .model_parts import Model, apply_head, body_layers, dense_layer, input_layer
from .writer import Module, indent


def functional(module: Module, head: Head) -> Model:
    lines = [f"inputs = {input_layer(module)}"]
    body = body_layers(module)
    lines += [f"x = {layer}({'inputs' if i == 0 else 'x'})" for i, layer in enumerate(body)]
    lines += apply_head(module, "x", head)
    call = module.rng.choice(["inputs, x", "inputs=inputs, outputs=x", "[inputs], [x]", "inputs, outputs=x"])
    named = module.rng.choice(["", ", name='net'"])
    made = f"model = {module.k('Model')}({call}{named})"
    return Model([*lines, made], "model", {None: head}, listed=call.startswith("["))


def functional_inline(module: Module, head: Head) -> Model:
    """One expression for body and head."""
    tensor = f"{dense_layer(module)}(inputs)"
    for step in steps(module, head, "graph"):
        tensor = step.on(tensor)
    lines = [f"inputs = {input_layer(module)}", f"outputs = {tensor}"]
    return Model([*lines, f"model = {module.k('Model')}(inputs, outputs)"], "model", {None: head})


def functional_helper(module: Module, head: Head) -> Model:
    """Blocks as functions of a tensor; the head may be one as well."""
    block = module.fresh("block")
    dense, norm = module.k("layers.Dense"), module.k("layers.BatchNormalization")
    module.define(
        f"def {block}(x, width, activation='relu'):",
        f"    x = {dense}(width)(x)",
        f"    x = {norm}()(x)",
        f"    return {module.k('layers.Activation')}(activation)(x)",
    )
    lines = [f"inputs = {input_layer(module)}", f"x = {block}(inputs, 8)", f"x = {block}(x, width=7)"]
    if module.rng.random() < 0.6:
        top, outer = module.fresh("top"), module.function
        module.function = None
        module.define(f"def {top}(x):", *indent(apply_head(module, "x", head)), "    return x")
        module.function = outer
        lines.append(f"x = {top}(x)")
    else:
        lines += apply_head(module, "x", head)
    return Model([*lines, f"model = {module.k('Model')}(inputs, x)"], "model", {None: head})


def functional_on_base(module: Module, head: Head) -> Model:
    """A head on another model: called, by its ``output``, or by a layer of it."""
    lines = [
        f"start = {input_layer(module)}",
        f"x = {module.k('layers.Dense')}(8, activation='relu', name='features')(start)",
        f"x = {module.k('layers.Dense')}(4, activation='softmax')(x)",
        f"base = {module.k('Model')}(start, x)",
    ]
    how = module.project.choose(
        "base", {"call": 1, "output": 1, "before-last": 1, "get-layer": 1, "frozen": 1}
    )
    start = {
        "call": "base(inputs)",
        "frozen": "base(inputs, training=False)",
        "output": "base.output",
        "before-last": "base.layers[-2].output",
        "get-layer": "base.get_layer('features').output",
    }[how]
    if how == "frozen":
        lines.append("base.trainable = False")
    if how in ("call", "frozen"):
        lines.append(f"inputs = {input_layer(module)}")
        source = "inputs"
    else:
        source = module.rng.choice(["base.input", "base.inputs"])
    lines += [f"x = {start}", *apply_head(module, "x", head)]
    return Model([*lines, f"model = {module.k('Model')}({source}, x)"], "model", {None: head})


def residual(module: Module, head: Head) -> Model:
    lines = [
        f"inputs = {input_layer(module)}",
        f"x = {module.k('layers.Dense')}(8, activation='relu')(inputs)",
    ]
    add = module.rng.choice(
        [
            f"{module.k('layers.add')}([x, y])",
            f"{module.k('layers.Add')}()([x, y])",
            "x + y",
            f"{module.k('layers.Concatenate')}()([x, y])",
        ]
    )
    lines += [
        "for _ in range(2):",
        f"    y = {module.k('layers.Dense')}(8, activation='tanh')(x)",
        f"    x = {add}",
    ]
    lines += apply_head(module, "x", head)
    return Model([*lines, f"model = {module.k('Model')}(inputs, x)"], "model", {None: head})
