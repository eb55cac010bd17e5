"""Models out of factories: builders, registries, partials, functions that choose."""

from __future__ import annotations

from .heads import Head
from .model_parts import Model, apply_head, class_scope, dense_layer, head_layers, input_layer, only_output
from .values import literal
from .writer import Module


def partial_dense(module: Module, head: Head) -> Model:
    module.need("from functools import partial")
    name = module.fresh("Dense")
    module.define(f"{name} = partial({module.k('layers.Dense')}, activation='relu')")
    given = None if head.activation == "linear" else head.activation
    last = (
        f"{name}({literal(module, head.units, 'units')}, activation={literal(module, given, 'activation')})"
    )
    return only_output(
        [f"model = {module.k('Sequential')}([{input_layer(module)}, {name}(8), {last}])"], head
    )


def getattr_layer(module: Module, head: Head) -> Model:
    module.need("from keras import layers as keras_layers")
    given = None if head.activation == "linear" else head.activation
    last = f"getattr(keras_layers, {literal(module, 'Dense', 'kind')})({head.units}, activation={given!r})"
    return only_output(
        [f"model = {module.k('Sequential')}([{input_layer(module)}, {dense_layer(module)}, {last}])"], head
    )


def builder(module: Module, head: Head) -> Model:
    """An object that is told, step by step, what to build."""
    name = module.fresh("Builder")
    given = None if head.activation == "linear" else head.activation
    module.define(
        f"class {name}:",
        "    def __init__(self):",
        "        self.units, self.activation = 4, 'tanh'",
        "",
        "    def with_units(self, units):",
        "        self.units = units",
        "        return self",
        "",
        "    def with_activation(self, activation):",
        "        self.activation = activation",
        "        return self",
        "",
        "    def build(self):",
        f"        stack = [{input_layer(module)}, {dense_layer(module)}]",
        f"        stack.append({module.k('layers.Dense')}(self.units, activation=self.activation))",
        f"        return {module.k('Sequential')}(stack)",
    )
    units, activation = literal(module, head.units, "units"), literal(module, given, "activation")
    return only_output([f"model = {name}().with_units({units}).with_activation({activation}).build()"], head)


def class_factory(module: Module, head: Head) -> Model:
    """Static and class methods, dataclasses that build."""
    name, given = module.fresh("Factory"), None if head.activation == "linear" else head.activation
    units, activation = literal(module, head.units, "units"), literal(module, given, "activation")
    made = (
        f"{module.k('Sequential')}([{input_layer(module)}, {dense_layer(module)}, {module.k('layers.Dense')}"
    )
    how = module.project.choose(
        "class-factory", {"static": 1, "class": 1, "dataclass": 1, "callable": 1, "property": 1}
    )
    if how == "static":
        module.define(
            f"class {name}:",
            "    @staticmethod",
            "    def make(units, activation=None):",
            f"        return {made}(units, activation=activation)])",
        )
        return only_output([f"model = {name}.make({units}, {activation})"], head)
    if how == "class":
        module.define(
            f"class {name}:",
            "    width = 8",
            "",
            "    @classmethod",
            "    def make(cls, units, activation=None):",
            f"        return {made}(units, activation)])",
        )
        return only_output([f"model = {name}.make({units}, activation={activation})"], head)
    if how == "dataclass":
        module.need("from dataclasses import dataclass")
        module.define(
            "@dataclass",
            f"class {name}:",
            "    units: int",
            "    activation: str = None",
            "",
            "    def build(self):",
            f"        return {made}(self.units, activation=self.activation)])",
        )
        return only_output([f"model = {name}({units}, activation={activation}).build()"], head)
    if how == "callable":
        module.define(
            f"class {name}:",
            "    def __init__(self, activation):",
            "        self.activation = activation",
            "",
            "    def __call__(self, units):",
            f"        return {made}(units, activation=self.activation)])",
        )
        return only_output([f"make = {name}({activation})", f"model = make({units})"], head)
    module.define(
        f"class {name}:",
        "    def __init__(self, units, activation):",
        "        self._units = units",
        "        self.activation = activation",
        "",
        "    @property",
        "    def model(self):",
        f"        return {made}(self._units, activation=self.activation)])",
    )
    return only_output([f"model = {name}({units}, {activation}).model"], head)


def by_table(module: Module, head: Head) -> Model:
    """Functions that make models, kept in a dictionary, by hand or by a decorator."""
    table, make = module.fresh("BUILDERS").upper(), module.fresh("mlp")

    def write() -> list[str]:
        layers = ", ".join([input_layer(module), dense_layer(module), *head_layers(module, head)])
        return [f"def {make}():", f"    return {module.k('Sequential')}([{layers}])"]

    made = class_scope(module, write)
    how = module.project.choose("table", {"dict": 1, "decorator": 1, "lambda": 1, "generator": 1})
    if how == "dict":
        module.define(*made)
        module.define(f"{table} = {{'mlp': {make}, 'none': None}}")
        return only_output([f"model = {table}[{literal(module, 'mlp', 'kind')}]()"], head)
    if how == "decorator":
        module.define(
            f"{table} = {{}}",
            "",
            "",
            "def register(name):",
            "    def note(function):",
            f"        {table}[name] = function",
            "        return function",
            "",
            "    return note",
        )
        module.define("@register('mlp')", *made)
        return only_output([f"model = {table}['mlp']()"], head)
    if how == "lambda":
        module.define(f"{make} = lambda: {made[1].removeprefix('    return ')}")
        return only_output([f"model = {make}()"], head)
    layers = class_scope(
        module, lambda: [input_layer(module), dense_layer(module), *head_layers(module, head)]
    )
    module.define(f"def {make}():", *(f"    yield {x}" for x in layers))
    return only_output(
        [f"model = {module.k('Sequential')}({module.rng.choice([f'list({make}())', f'[*{make}()]'])})"], head
    )


def by_units(module: Module, head: Head) -> Model:
    """The activation follows from the number of units."""
    head = Head("sigmoid" if head.units == 1 else "softmax", head.units)
    units = module.fresh("units")
    lines = [f"{units} = {literal(module, head.units, 'units')}"]
    how = module.project.choose("by-units", {"expression": 1, "statement": 1, "early-return": 1})
    dense = module.k("layers.Dense")
    start = f"{module.k('Sequential')}([{input_layer(module)}, {dense_layer(module)}"
    if how == "expression":
        lines.append(
            f"model = {start}, {dense}({units}, activation='softmax' if {units} > 1 else 'sigmoid')])"
        )
    elif how == "statement":
        lines += [f"if {units} == 1:", "    squash = 'sigmoid'", "else:", "    squash = 'softmax'"]
        lines.append(f"model = {start}, {dense}({units}, activation=squash)])")
    else:
        name = module.fresh("squash_for")
        module.define(
            f"def {name}(units):", "    if units <= 1:", "        return 'sigmoid'", "    return 'softmax'"
        )
        lines.append(f"model = {start}, {dense}({units}, activation={name}({units}))])")
    return only_output(lines, head)


def recursive(module: Module, head: Head) -> Model:
    name = module.fresh("stack")
    module.define(
        f"def {name}(x, depth):",
        "    if depth == 0:",
        "        return x",
        f"    return {name}({module.k('layers.Dense')}(8, activation='relu')(x), depth - 1)",
    )
    lines = [f"inputs = {input_layer(module)}", f"x = {name}(inputs, 2)", *apply_head(module, "x", head)]
    return only_output([*lines, f"model = {module.k('Model')}(inputs, x)"], head)
