"""Subclasses of Model: members, lists, bases, mixins, arguments."""

from __future__ import annotations

from .heads import Head, Step, steps
from .model_parts import Model, body_layers, class_parts, dense_layer, head_layers, init_method, members
from .values import literal
from .writer import Module, indent


def subclass(module: Module, head: Head) -> Model:
    name, base = module.fresh("Net"), module.k("Model")
    init, call = class_parts(module, head)
    how = module.project.choose("class", {"init": 3, "build": 1, "helper": 1, "return": 1, "training": 1})
    lines = [f"class {name}({base}):"]
    if how == "build":
        lines += [
            *init_method([]),
            "    def build(self, input_shape):",
            *indent(init, 2),
            "        super().build(input_shape)",
            "",
        ]
    else:
        lines += init_method(init)
    if how == "helper":
        lines += ["    def features(self, x):", *indent(call[:1], 2), "        return x", ""]
        lines += [
            "    def call(self, inputs):",
            "        x = self.features(inputs)",
            *indent(call[1:], 2),
            "        return x",
        ]
    elif how == "return":
        lines += [
            "    def call(self, x, training=False):",
            *indent(call[:-1], 2),
            f"        return {call[-1][4:]}",
        ]
    elif how == "training":
        lines += ["    def call(self, x, training=None, mask=None):", *indent(call, 2), "        return x"]
    else:
        lines += ["    def call(self, x):", *indent(call, 2), "        return x"]
    module.define(*lines)
    return Model([f"model = {name}()"], "model", {None: head})


def subclass_list(module: Module, head: Head) -> Model:
    """Layers in a list of the model, called in a loop."""
    name, base = module.fresh("Net"), module.k("Model")
    outer, module.function = module.function, None
    layers = [*body_layers(module), *head_layers(module, head)]
    module.function = outer
    how = module.rng.random()
    made = [f"self.stack = [{', '.join(layers)}]"]
    if how < 0.4:
        made = ["self.stack = []", *(f"self.stack.append({x})" for x in layers)]
    elif how < 0.6:
        made = [f"self.stack = {module.k('Sequential')}([{', '.join(layers)}])"]
    call = ["x = self.stack(x)"] if 0.4 <= how < 0.6 else ["for layer in self.stack:", "    x = layer(x)"]
    module.define(
        f"class {name}({base}):",
        *init_method(made),
        "    def call(self, x):",
        *indent(call, 2),
        "        return x",
    )
    return Model([f"model = {name}()"], "model", {None: head})


def subclass_inherits(module: Module, head: Head) -> Model:
    """A base class or a mixin has the body, the class the head; or the other way round."""
    base, name = module.fresh("Base"), module.fresh("Net")
    outer, module.function = module.function, None
    body_init, body_call = members([Step(x) for x in body_layers(module)], "hidden")
    head_init, head_call = members(steps(module, head, "call"), "out")
    module.function = outer
    keras_model = module.k("Model")
    how = module.project.choose("inherits", {"super-call": 1, "hook": 1, "mixin": 1, "same-call": 1})
    if how == "super-call":
        module.define(
            f"class {base}({keras_model}):",
            *init_method(body_init),
            "    def call(self, x):",
            *indent(body_call, 2),
            "        return x",
        )
        module.define(
            f"class {name}({base}):",
            *init_method(head_init),
            "    def call(self, x):",
            "        x = super().call(x)",
            *indent(head_call, 2),
            "        return x",
        )
    elif how == "hook":
        module.define(
            f"class {base}({keras_model}):",
            *init_method(body_init),
            "    def call(self, x):",
            *indent(body_call, 2),
            "        return self.head(x)",
            "",
            "    def head(self, x):",
            "        raise NotImplementedError",
        )
        module.define(
            f"class {name}({base}):",
            *init_method(head_init),
            "    def head(self, x):",
            *indent(head_call, 2),
            "        return x",
        )
    elif how == "mixin":
        module.define(f"class {base}:", "    def head(self, x):", *indent(head_call, 2), "        return x")
        module.define(
            f"class {name}({base}, {keras_model}):",
            *init_method(body_init + head_init),
            "    def call(self, x):",
            *indent(body_call, 2),
            "        return self.head(x)",
        )
    else:
        module.define(
            f"class {base}({keras_model}):",
            *init_method(body_init + head_init),
            "    def call(self, x):",
            *indent(body_call + head_call, 2),
            "        return x",
        )
        module.define(f"class {name}({base}):", "    pass")
    return Model([f"model = {name}()"], "model", {None: head})


def subclass_arguments(module: Module, head: Head) -> Model:
    """Units and activation given to the constructor."""
    name, base, dense = module.fresh("Net"), module.k("Model"), module.k("layers.Dense")
    init = [f"self.hidden = {dense_layer(module)}", f"self.out = {dense}(units, activation=activation)"]
    how = module.rng.choice(["units, activation=None", "units=4, activation='tanh'", "units, activation"])
    module.define(
        f"class {name}({base}):",
        *init_method(init, f", {how}"),
        "    def call(self, inputs):",
        "        return self.out(self.hidden(inputs))",
    )
    units = literal(module, head.units, "units")
    given = None if head.activation == "linear" else head.activation
    activation = literal(module, given, "activation")
    arguments = module.rng.choice(
        [
            f"{units}, {activation}",
            f"{units}, activation={activation}",
            f"activation={activation}, units={units}",
        ]
    )
    return Model([f"model = {name}({arguments})"], "model", {None: head})
