"""Sequential models, in every way that a list of layers is put together."""

from __future__ import annotations

from .heads import Head
from .model_parts import Model, body_layers, dense_layer, head_layers, input_layer
from .writer import Module


def sequential_list(module: Module, head: Head) -> Model:
    layers = [input_layer(module), *body_layers(module), *head_layers(module, head)]
    if module.rng.random() < 0.5:
        return Model([f"model = {module.k('Sequential')}([{', '.join(layers)}])"], "model", {None: head})
    lines = [f"model = {module.k('Sequential')}(", "    [", *(f"        {x}," for x in layers), "    ]", ")"]
    return Model(lines, "model", {None: head})


def sequential_variable(module: Module, head: Head) -> Model:
    """A list held in a variable, edited before it becomes a model."""
    first, last = [input_layer(module), *body_layers(module)], head_layers(module, head)
    stack = "stack"
    made = [f"{stack} = [{', '.join(first)}]"]
    how = module.project.choose(
        "list", dict.fromkeys(("append", "extend", "plus", "insert", "slice", "unpack"), 1.0)
    )
    if how == "append":
        made += [f"{stack}.append({x})" for x in last]
    elif how == "extend":
        made.append(f"{stack}.extend([{', '.join(last)}])")
    elif how == "plus":
        made.append(f"{stack} = {stack} + [{', '.join(last)}]")
    elif how == "insert":
        made = [f"{stack} = [{', '.join([*first, *last[1:]])}]", f"{stack}.insert({len(first)}, {last[0]})"]
    elif how == "slice":
        made.append(f"{stack} = {stack}[:-1] + [{', '.join([dense_layer(module), *last])}]")
    else:
        made.append(f"{stack} = [*{stack}, {', '.join(last)}]")
    return Model([*made, f"model = {module.k('Sequential')}({stack})"], "model", {None: head})


def sequential_add(module: Module, head: Head) -> Model:
    name = module.rng.choice(["model", "net", "classifier"])
    lines = [f"{name} = {module.k('Sequential')}()"]
    lines += [f"{name}.add({x})" for x in [input_layer(module), *body_layers(module)]]
    if module.rng.random() < 0.2:
        module.project.note("list:pop")
        lines += [f"{name}.add({module.k('layers.Dense')}(3, activation='softmax'))", f"{name}.pop()"]
    lines += [f"{name}.add({x})" for x in head_layers(module, head)]
    return Model(lines, name, {None: head})


def sequential_loop(module: Module, head: Head) -> Model:
    lines = [f"model = {module.k('Sequential')}()", f"model.add({input_layer(module)})"]
    lines += ["for width in (8, 7):", f"    model.add({module.k('layers.Dense')}(width, activation='relu'))"]
    lines += [f"model.add({x})" for x in head_layers(module, head)]
    return Model(lines, "model", {None: head})


def sequential_comprehension(module: Module, head: Head) -> Model:
    dense = module.k("layers.Dense")
    middle = f"[{dense}(width, activation='relu') for width in [8, 7]]"
    last = ", ".join(head_layers(module, head))
    start = input_layer(module)
    if module.rng.random() < 0.5:
        return Model(
            [f"model = {module.k('Sequential')}([{start}] + {middle} + [{last}])"], "model", {None: head}
        )
    return Model(
        [f"hidden = {middle}", f"model = {module.k('Sequential')}([{start}, *hidden, {last}])"],
        "model",
        {None: head},
    )


def sequential_nested(module: Module, head: Head) -> Model:
    made, k = [], module.k("Sequential")
    made.append(f"features = {k}([{', '.join([input_layer(module), *body_layers(module)])}])")
    made.append(f"top = {k}([{', '.join(head_layers(module, head))}], name='top')")
    made.append(f"model = {k}([{input_layer(module)}, features, top])")
    return Model(made, "model", {None: head})
