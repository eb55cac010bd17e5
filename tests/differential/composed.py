"""Models made of models, and models of several outputs."""

from __future__ import annotations

from .heads import Head, Step, as_layer, draw_head, steps
from .model_parts import Model, body_layers, dense_layer, head_layers, init_method, input_layer, members
from .values import literal
from .writer import Module, indent


def _simple(module: Module, head: Head, name: str) -> list[str]:
    layers = [input_layer(module), *body_layers(module), *head_layers(module, head)]
    return [f"{name} = {module.k('Sequential')}([{', '.join(layers)}])"]


def wrapper(module: Module, head: Head) -> Model:
    """A logits model and the activation on top of it."""
    inner = _simple(module, Head("linear", head.units), "logits_model")
    if head.activation == "linear":
        return Model([*inner, f"model = {module.k('Sequential')}([logits_model])"], "model", {None: head})
    last = as_layer(module, head.activation, in_tensorflow=False)
    return Model([*inner, f"model = {module.k('Sequential')}([logits_model, {last}])"], "model", {None: head})


def inner_of_wrapper(module: Module, head: Head) -> Model:
    """The wrapped model is what trains; the wrapper stands beside it."""
    inner = _simple(module, head, "model")
    squash = (
        f"{module.k('layers.Softmax')}()"
        if head.scale == "logits" and head.units > 1
        else f"{module.k('layers.Identity')}()"
    )
    return Model([*inner, f"exported = {module.k('Sequential')}([model, {squash}])"], "model", {None: head})


def _plain(module: Module, head: Head, name: str) -> list[str]:
    """A model of nothing but built-in parts, which Keras can write down."""
    given = (
        ""
        if head.activation == "linear"
        else f", activation={literal(module, head.activation, 'activation')}"
    )
    layers = [
        input_layer(module),
        *body_layers(module),
        f"{module.k('layers.Dense')}({literal(module, head.units, 'units')}{given})",
    ]
    return [f"{name} = {module.k('Sequential')}([{', '.join(layers)}])"]


def clone(module: Module, head: Head) -> Model:
    made = _plain(module, head, "original")
    return Model([*made, f"model = {module.k('models.clone_model')}(original)"], "model", {None: head})


def activation_assigned(module: Module, head: Head) -> Model:
    """The last layer's activation replaced after the model was built."""
    other = module.rng.choice(["softmax", "sigmoid", "linear"])
    layers = [
        input_layer(module),
        *body_layers(module),
        f"{module.k('layers.Dense')}({literal(module, head.units, 'units')}, activation={other!r})",
    ]
    lines = [f"model = {module.k('Sequential')}([{', '.join(layers)}])"]
    lines.append(f"model.layers[-1].activation = {module.k(f'activations.{head.activation}')}")
    return Model(lines, "model", {None: head})


def rebuilt(module: Module, head: Head) -> Model:
    """The layers of a model without its last, and a new head."""
    layers = [
        input_layer(module),
        *body_layers(module),
        f"{module.k('layers.Dense')}(3, activation='softmax')",
    ]
    lines = [f"old = {module.k('Sequential')}([{', '.join(layers)}])"]
    last = ", ".join(head_layers(module, head))
    lines.append(f"model = {module.k('Sequential')}([{input_layer(module)}, *old.layers[:-1], {last}])")
    return Model(lines, "model", {None: head})


def from_config(module: Module, head: Head) -> Model:
    made = _plain(module, head, "original")
    k = module.k("Sequential")
    return Model([*made, f"model = {k}.from_config(original.get_config())"], "model", {None: head})


def several_outputs(module: Module, head: Head) -> Model:
    heads = {"first": head, "second": draw_head(module)}
    lines = [f"inputs = {input_layer(module)}", f"shared = {dense_layer(module)}(inputs)"]
    named = module.rng.random() < 0.6
    kind = module.project.choose("outputs", {"dict": 1, "list": 1})
    for name, one in heads.items():
        parts = steps(module, one, "graph")
        if kind == "list":  # an output is named after its last layer
            parts = [*parts, Step(f"{module.k('layers.Identity')}(name={name!r})")]
        lines += [f"{name} = {part.on('shared' if i == 0 else name)}" for i, part in enumerate(parts)]
    del named
    given = "{'first': first, 'second': second}" if kind == "dict" else "[first, second]"
    return Model([*lines, f"model = {module.k('Model')}(inputs, {given})"], "model", dict(heads), kind)


def subclass_outputs(module: Module, head: Head) -> Model:
    heads = {"first": head, "second": draw_head(module)}
    name, base = module.fresh("Net"), module.k("Model")
    outer, module.function = module.function, None
    init, call = [f"self.shared = {dense_layer(module)}"], ["shared = self.shared(inputs)"]
    for label, one in heads.items():
        made, used = members(steps(module, one, "call"), f"{label}_")
        init += made
        call += ["x = shared", *used, f"{label} = x"]
    module.function = outer
    call.append("return {'first': first, 'second': second}")
    module.define(
        f"class {name}({base}):", *init_method(init), "    def call(self, inputs):", *indent(call, 2)
    )
    return Model([f"model = {name}()"], "model", dict(heads), "dict")
