"""Models as real code has them: odd inputs, loops, gates, classes that hold parts of a model."""

from __future__ import annotations

from .heads import Head, steps
from .model_parts import (
    WIDTH,
    Model,
    apply_head,
    body_layers,
    class_scope,
    dense_layer,
    head_layers,
    init_method,
    input_layer,
    members,
    only_output,
)
from .values import literal
from .writer import Module, indent


def layers_in_loop(module: Module, head: Head) -> Model:
    """A functional model whose layers come from a list."""
    parts = [*body_layers(module), *head_layers(module, head)]
    lines = [f"inputs = {input_layer(module)}"]
    if module.rng.random() < 0.5:
        lines += ["x = inputs", f"for layer in [{', '.join(parts)}]:", "    x = layer(x)"]
    else:
        module.need("from functools import reduce")
        lines += [
            f"parts = [{', '.join(parts)}]",
            "x = reduce(lambda tensor, layer: layer(tensor), parts, inputs)",
        ]
    return only_output([*lines, f"model = {module.k('Model')}(inputs, x)"], head)


def two_inputs(module: Module, head: Head) -> Model:
    k = module.k("Input")
    lines = [f"left = {k}(({WIDTH},), name='left')", f"right = {k}(({WIDTH},), name='right')"]
    join = module.rng.choice(["Concatenate", "Add", "Multiply", "Average"])
    lines.append(f"x = {module.k(f'layers.{join}')}()([left, right])")
    lines += [f"x = {dense_layer(module)}(x)", *apply_head(module, "x", head)]
    if module.rng.random() < 0.4:
        lines.append(f"model = {module.k('Model')}({{'left': left, 'right': right}}, x)")
        return only_output(lines, head, feed="{'left': features, 'right': features}")
    return only_output(
        [*lines, f"model = {module.k('Model')}([left, right], x)"], head, feed="[features, features]"
    )


def gated(module: Module, head: Head) -> Model:
    """Softmax and sigmoid inside the model, which are no output."""
    dense = module.k("layers.Dense")
    lines = [f"inputs = {input_layer(module)}", f"x = {dense}(8)(inputs)"]
    squash = module.rng.choice(["sigmoid", "softmax"])
    join = module.rng.choice(
        [
            "x * gate",
            f"{module.k('layers.Multiply')}()([x, gate])",
            f"{module.k('layers.multiply')}([x, gate])",
        ]
    )
    lines += [f"gate = {dense}(8, activation={squash!r})(x)", f"x = {join}"]
    return only_output(
        [*lines, *apply_head(module, "x", head), f"model = {module.k('Model')}(inputs, x)"], head
    )


def unknown_branch(module: Module, head: Head) -> Model:
    """A condition that nobody knows decides the body, or between two ways to the same head."""
    module.need("import sys")
    lines = [f"inputs = {input_layer(module)}"]
    lines += [
        "if len(sys.argv) > 3:",
        f"    x = {dense_layer(module)}(inputs)",
        "else:",
        f"    x = {dense_layer(module, 7)}(inputs)",
    ]
    lines += apply_head(module, "x", head)
    return only_output([*lines, f"model = {module.k('Model')}(inputs, x)"], head)


def head_layer(module: Module, head: Head) -> Model:
    """A layer of one's own holds the body's end and the head."""
    name, base = module.fresh("Classifier"), module.k("layers.Layer")

    def write() -> list[str]:
        init, call = members(steps(module, head, "call"), "out")
        how = module.rng.choice(["init", "build"])
        made = init_method([f"self.hidden = {dense_layer(module)}", *(init if how == "init" else [])])
        if how == "build":
            made += [
                "    def build(self, input_shape):",
                *indent(init or ["pass"], 2),
                "        self.built = True",
                "",
            ]
        return [
            *made,
            "    def call(self, x, training=None):",
            "        x = self.hidden(x)",
            *indent(call, 2),
            "        return x",
        ]

    module.define(f"class {name}({base}):", *class_scope(module, write))
    if module.rng.random() < 0.5:
        return only_output([f"model = {module.k('Sequential')}([{input_layer(module)}, {name}()])"], head)
    return only_output(
        [f"inputs = {input_layer(module)}", f"model = {module.k('Model')}(inputs, {name}()(inputs))"], head
    )


def members_by_name(module: Module, head: Head) -> Model:
    """Layers of a subclass in a dictionary, or set and read by name."""
    name, base = module.fresh("Net"), module.k("Model")

    def write() -> list[str]:
        layers = [dense_layer(module), *head_layers(module, head)]
        if module.rng.random() < 0.5:
            init = [f"self.parts = {{{', '.join(f'{str(i)!r}: {x}' for i, x in enumerate(layers))}}}"]
            call = (
                ["for part in self.parts.values():", "    x = part(x)"]
                if module.rng.random() < 0.5
                else [f"x = self.parts[{str(i)!r}](x)" for i in range(len(layers))]
            )
        else:
            init = [f"setattr(self, 'part{i}', {x})" for i, x in enumerate(layers)]
            call = [f"for i in range({len(layers)}):", "    x = getattr(self, f'part{i}')(x)"]
        return [*init_method(init), "    def call(self, x):", *indent(call, 2), "        return x"]

    module.define(f"class {name}({base}):", *class_scope(module, write))
    return only_output([f"model = {name}()"], head)


def functional_subclass(module: Module, head: Head) -> Model:
    """``super().__init__(inputs=..., outputs=...)``."""
    name, base = module.fresh("Net"), module.k("Model")

    def write() -> list[str]:
        made = [
            f"inputs = {input_layer(module)}",
            f"x = {dense_layer(module)}(inputs)",
            *apply_head(module, "x", head),
        ]
        given = module.rng.choice(["inputs=inputs, outputs=x", "inputs, x"])
        return [
            "    def __init__(self, **kwargs):",
            *indent(made, 2),
            f"        super().__init__({given}, **kwargs)",
        ]

    module.define(f"class {name}({base}):", *class_scope(module, write))
    return only_output([f"model = {name}()"], head)


def sequential_subclass(module: Module, head: Head) -> Model:
    name, base = module.fresh("Net"), module.k("Sequential")

    def write() -> list[str]:
        layers = [input_layer(module), *body_layers(module), *head_layers(module, head)]
        if module.rng.random() < 0.5:
            return ["    def __init__(self):", f"        super().__init__([{', '.join(layers)}])"]
        return [
            "    def __init__(self):",
            "        super().__init__()",
            *(f"        self.add({x})" for x in layers),
        ]

    module.define(f"class {name}({base}):", *class_scope(module, write))
    return only_output([f"model = {name}()"], head)


def ensemble(module: Module, head: Head) -> Model:
    """The average of two heads of the same kind."""
    if head.scale not in ("logits", "probabilities", "independent-probabilities") or head.activation in (
        "leaky_relu",
        "hard_sigmoid",
    ):
        head = Head("softmax" if head.units > 1 else "sigmoid", head.units)
    given = "" if head.activation == "linear" else f", activation={head.activation!r}"
    dense = module.k("layers.Dense")
    lines = [f"inputs = {input_layer(module)}", f"shared = {dense_layer(module)}(inputs)"]
    lines += [f"one = {dense}({head.units}{given})(shared)", f"two = {dense}({head.units}{given})(shared)"]
    mean = module.rng.choice(
        [
            f"{module.k('layers.Average')}()([one, two])",
            f"{module.k('layers.average')}([one, two])",
            "(one + two) / 2",
            "0.5 * one + 0.5 * two",
        ]
    )
    return only_output([*lines, f"x = {mean}", f"model = {module.k('Model')}(inputs, x)"], head)


def per_step(module: Module, head: Head) -> Model:
    """Outputs at every step of a sequence, or their mean."""
    given = "" if head.activation == "linear" else f", activation={head.activation!r}"
    dense = f"{module.k('layers.Dense')}({literal(module, head.units, 'units')}{given})"
    shape, outer = "(5, 6)", (5,)
    how = module.project.choose(
        "per-step", {"time-distributed": 1, "dense": 1, "conv": 1, "mean": 1, "rnn": 0.5}
    )
    body = f"{module.k('layers.Conv1D')}(8, 3, padding='same', activation='relu')"
    if how == "rnn":
        body = f"{module.k('layers.SimpleRNN')}(8, return_sequences=True)"
    last = [f"{module.k('layers.TimeDistributed')}({dense})"] if how == "time-distributed" else [dense]
    if how == "conv":
        last = [f"{module.k('layers.Conv1D')}({head.units}, 1{given})"]
    if how == "mean":
        last.append(f"{module.k('layers.GlobalAveragePooling1D')}()")
        outer = ()
    layers = ", ".join([f"{module.k('Input')}({shape})", body, *last])
    return only_output([f"model = {module.k('Sequential')}([{layers}])"], head, shape=(5, 6), outer=outer)


def images(module: Module, head: Head) -> Model:
    given = "" if head.activation == "linear" else f", activation={head.activation!r}"
    conv = module.k("layers.Conv2D")
    pool = module.rng.choice(["Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D"])
    layers = [f"{module.k('Input')}((6, 6, 3))", f"{conv}(4, 3, activation='relu', padding='same')"]
    outer: tuple[int, ...] = ()
    if module.rng.random() < 0.5:
        layers += [
            f"{module.k('layers.MaxPooling2D')}(2)",
            f"{module.k(f'layers.{pool}')}()",
            f"{module.k('layers.Dense')}({head.units}{given})",
        ]
    else:
        window = module.rng.choice(["1", "(1, 1)", "3, padding='same'"])
        layers.append(f"{conv}({literal(module, head.units, 'units')}, {window}{given})")
        outer = (6, 6)
    lines = [f"model = {module.k('Sequential')}()", *(f"model.add({x})" for x in layers)]
    return only_output(lines, head, shape=(6, 6, 3), outer=outer)


def application(module: Module, head: Head) -> Model:
    """A backbone of ``keras.applications`` without weights."""
    make = module.k("applications.MobileNet")
    shape = "input_shape=(32, 32, 3), alpha=0.25, weights=None"
    if module.rng.random() < 0.5:
        head = Head(
            head.activation if head.activation in ("softmax", "sigmoid", "linear") else "softmax",
            max(head.units, 2),
        )
        given = {"linear": ", classifier_activation=None", "softmax": ""}.get(
            head.activation, f", classifier_activation={head.activation!r}"
        )
        return only_output([f"model = {make}({shape}, classes={head.units}{given})"], head, shape=(32, 32, 3))
    lines = [f"base = {make}({shape}, include_top=False, pooling='avg')"]
    if module.rng.random() < 0.5:
        lines += [
            "x = base.output",
            *apply_head(module, "x", head),
            f"model = {module.k('Model')}(base.input, x)",
        ]
    else:
        lines.append(f"model = {module.k('Sequential')}([base, {', '.join(head_layers(module, head))}])")
    return only_output(lines, head, shape=(32, 32, 3))
