"""Forms of a loss: strings, references, instances, wrappers of one's own, registries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .heads import Head
from .values import literal
from .writer import TF_ROOTED, Module, mark

CATEGORICAL = ("CategoricalCrossentropy", "SparseCategoricalCrossentropy", "CategoricalFocalCrossentropy")
BINARY = ("BinaryCrossentropy", "BinaryFocalCrossentropy")
PROBABILITY = ("KLDivergence",)
OTHER = ("MeanSquaredError", "MeanAbsoluteError", "Hinge", "Huber")
SNAKE = {
    "CategoricalCrossentropy": "categorical_crossentropy",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    "CategoricalFocalCrossentropy": "categorical_focal_crossentropy",
    "BinaryCrossentropy": "binary_crossentropy",
    "BinaryFocalCrossentropy": "binary_focal_crossentropy",
    "KLDivergence": "kl_divergence",
    "MeanSquaredError": "mean_squared_error",
    "MeanAbsoluteError": "mean_absolute_error",
    "Hinge": "hinge",
    "Huber": "huber",
}
SHORT = {
    "BinaryCrossentropy": "bce",
    "KLDivergence": "kld",
    "MeanSquaredError": "mse",
    "MeanAbsoluteError": "mae",
}
POSITIONAL = {
    "CategoricalCrossentropy": "{}",
    "SparseCategoricalCrossentropy": "{}",
    "BinaryCrossentropy": "{}",
    "BinaryFocalCrossentropy": "False, 0.25, 2.0, {}",
    "CategoricalFocalCrossentropy": "0.25, 2.0, {}",
}
IN_OPS = CATEGORICAL[:2] + BINARY[:1]


@dataclass(frozen=True)
class Target:
    """The loss that is meant: a Keras class and its effective flag (None where it has none)."""

    name: str
    from_logits: bool | None

    @property
    def has_flag(self) -> bool:
        return self.from_logits is not None


@dataclass(frozen=True)
class Expression:
    """An expression for a loss. ``form`` is how a caller has to treat it."""

    text: str
    is_class: bool = False


def draw_target(module: Module, head: Head) -> Target:
    """A loss for this output: fitting about half of the time."""
    rng = module.rng
    binary = head.units == 1 or head.activation in ("sigmoid", "hard_sigmoid")
    if rng.random() < 0.15:
        binary = not binary
    if rng.random() < 0.06:
        return Target(rng.choice(OTHER), None)
    if rng.random() < 0.04 and head.units > 1:
        return Target("KLDivergence", None)
    name = rng.choices(BINARY if binary else CATEGORICAL, (5, 2) if binary else (4, 4, 1))[0]
    return Target(name, rng.random() < (0.6 if head.scale == "logits" else 0.4))


def _flag(module: Module, target: Target, *, only_keyword: bool = False) -> str:
    """The arguments of a construction of the class."""
    if not target.has_flag:
        return ""
    if target.from_logits is False and module.rng.random() < 0.5:
        return ""
    value = literal(module, target.from_logits, "from_logits")
    if not only_keyword and module.rng.random() < 0.2:
        module.project.note("flag:positional")
        return POSITIONAL[target.name].format(value)
    if module.rng.random() < 0.12:
        name = module.fresh("kwargs")
        module.project.note("flag:starred")
        place = module.define if value_is_global(value) else None
        if place:
            place(f'{name} = {{"from_logits": {value}}}')
            return f"**{name}"
    return f"from_logits={value}"


def value_is_global(value: str) -> bool:
    return value in ("True", "False")


def _extras(module: Module, target: Target, flag: str) -> str:
    """``reduction`` and the like beside the flag."""
    if flag and not flag.startswith(("from_logits=", "**")):
        return flag
    extra = ["name='objective'"] if module.rng.random() < 0.1 else []
    if target.name in ("CategoricalCrossentropy", "BinaryCrossentropy") and module.rng.random() < 0.15:
        extra.append("label_smoothing=0.0")
    if module.rng.random() < 0.15:
        extra.append("reduction='sum_over_batch_size'")
    parts = [p for p in [flag, *extra] if p]
    if not flag.startswith("**"):
        module.rng.shuffle(parts)
    return ", ".join(sorted(parts, key=lambda p: p.startswith("**")))


def function_name(module: Module, target: Target) -> str:
    """The function of a loss; ``tf.keras`` has the short names only of some."""
    short = SHORT.get(target.name) if module.style in TF_ROOTED and target.name not in BINARY else None
    return module.k(f"losses.{short or SNAKE[target.name]}")


def construction(module: Module, target: Target) -> str:
    flag = _flag(module, target)
    return f"{module.k(f'losses.{target.name}')}({_extras(module, target, flag)})"


def _function_call(module: Module, target: Target, true: str, pred: str) -> str:
    """A call of the function with labels and predictions."""
    name = function_name(module, target)
    if target.from_logits:
        return f"{name}({true}, {pred}, from_logits={literal(module, True, 'from_logits')})"
    if target.from_logits is False and module.rng.random() < 0.3:
        return f"{name}({true}, {pred}, from_logits=False)"
    return f"{name}({true}, {pred})"


# -- forms ------------------------------------------------------------------------------------------


def string(module: Module, target: Target, site: int) -> Expression:
    names = [SNAKE[target.name], SNAKE[target.name], target.name, SHORT.get(target.name, target.name)]
    name = module.rng.choice(names)
    if module.rng.random() < 0.6:
        return Expression(mark(site, repr(name)))
    variable = module.fresh("loss_name")
    module.define(f"{variable} = {mark(site, repr(name))}")
    return Expression(variable)


def reference(module: Module, target: Target, site: int) -> Expression:
    return Expression(mark(site, function_name(module, target)))


def instance(module: Module, target: Target, site: int) -> Expression:
    made = mark(site, construction(module, target))
    if module.rng.random() < 0.7 or module.function:
        return Expression(made)
    name = module.fresh("loss_fn")
    module.define(f"{name} = {made}")
    return Expression(name)


def bare_class(module: Module, target: Target, site: int) -> Expression:
    module.project.classes.add(site)
    return Expression(mark(site, module.k(f"losses.{target.name}")), is_class=True)


def partial(module: Module, target: Target, site: int) -> Expression:
    module.need("from functools import partial")
    function = function_name(module, target)
    flag = f", from_logits={literal(module, target.from_logits, 'from_logits')}" if target.has_flag else ""
    name = module.fresh("objective")
    text = mark(site, f"partial({function}{flag})")
    if module.function:
        return Expression(f"{text}")
    module.define(f"{name} = {text}")
    return Expression(name)


def lambda_(module: Module, target: Target, site: int) -> Expression:
    if module.rng.random() < 0.6:
        return Expression(f"lambda y, p: {mark(site, _function_call(module, target, 'y', 'p'))}")
    inner = mark(site, construction(module, target))
    return Expression(f"lambda y, p: {inner}(y, p)")


def own_function(module: Module, target: Target, site: int) -> Expression:
    name = module.fresh("my_loss")
    outer, module.function = module.function, None
    how = module.project.choose("own", {"call": 3, "built-inside": 1, "built-outside": 1, "method": 0.5})
    if how == "call":
        module.define(
            f"def {name}(y_true, y_pred):",
            f"    return {mark(site, _function_call(module, target, 'y_true', 'y_pred'))}",
        )
    elif how == "built-inside":
        module.define(
            f"def {name}(y_true, y_pred):",
            f"    criterion = {mark(site, construction(module, target))}",
            "    return criterion(y_true, y_pred)",
        )
    elif how == "built-outside":
        made = module.fresh("criterion")
        module.define(f"{made} = {mark(site, construction(module, target))}")
        module.define(
            f"def {name}(y_true, y_pred):", f"    per_item = {made}(y_true, y_pred)", "    return per_item"
        )
    else:
        owner = module.fresh("Objectives")
        module.define(
            f"class {owner}:",
            "    @staticmethod",
            f"    def {name}(y_true, y_pred):",
            f"        return {mark(site, _function_call(module, target, 'y_true', 'y_pred'))}",
        )
        name = f"{owner}.{name}"
    module.function = outer
    return Expression(name)


def own_class(module: Module, target: Target, site: int) -> Expression:
    """A ``Loss`` of one's own that wraps Keras's."""
    name, base = module.fresh("MyLoss"), module.k("losses.Loss")
    outer, module.function = module.function, None
    if module.rng.random() < 0.5:
        body = [
            "    def call(self, y_true, y_pred):",
            f"        return {mark(site, _function_call(module, target, 'y_true', 'y_pred'))}",
        ]
    else:
        body = [
            "    def __init__(self, **kwargs):",
            "        super().__init__(**kwargs)",
            f"        self.inner = {mark(site, construction(module, target))}",
            "",
            "    def call(self, y_true, y_pred):",
            "        return self.inner(y_true, y_pred)",
        ]
    module.define(f"class {name}({base}):", *body)
    module.function = outer
    return Expression(f"{name}()")


def subclass_of_keras(module: Module, target: Target, site: int) -> Expression:
    name, base = module.fresh("MyLoss"), module.k(f"losses.{target.name}")
    if not target.has_flag:
        return instance(module, target, site)
    how = module.project.choose("keras-subclass", {"fixed": 1, "passed": 1, "nothing": 1})
    if how == "fixed":
        given = (
            f"from_logits={target.from_logits}, " if target.from_logits or module.rng.random() < 0.5 else ""
        )
        module.define(
            f"class {name}({base}):",
            "    def __init__(self, **kwargs):",
            f"        super().__init__({given}**kwargs)",
        )
        return Expression(mark(site, f"{name}()"))
    if how == "passed":
        module.define(
            f"class {name}({base}):",
            "    def __init__(self, from_logits=True, **kwargs):",
            "        super().__init__(from_logits=from_logits, **kwargs)",
        )
        given = "" if target.from_logits else "from_logits=False"
        return Expression(mark(site, f"{name}({given})"))
    module.define(f"class {name}({base}):", "    pass")
    return Expression(mark(site, f"{name}({_flag(module, target)})"))


def registry(module: Module, target: Target, site: int) -> Expression:
    name, other = module.fresh("LOSSES").upper(), f"{module.k('losses.MeanSquaredError')}"
    outer, module.function = module.function, None
    how = module.project.choose("registry", {"instances": 1, "classes": 1, "lambdas": 1, "strings": 1})
    idle = module.project.idle
    if how == "strings" and target.from_logits:
        how = "instances"
    key = f"[{literal(module, 'ce', 'kind')}]"
    if how == "instances":
        module.define(
            f'{name} = {{"mse": {idle(other)}(), "ce": {mark(site, construction(module, target))}}}'
        )
        result = Expression(f"{name}{module.rng.choice([key, '.get(' + repr('ce') + ')'])}")
    elif how == "classes":
        module.define(f'{name} = {{"mse": {other}, "ce": {module.k(f"losses.{target.name}")}}}')
        result = Expression(mark(site, f"{name}{key}({_flag(module, target)})"))
    elif how == "lambdas":
        made = mark(site, construction(module, target))
        module.define(f'{name} = {{"mse": lambda: {idle(other)}(), "ce": lambda: {made}}}')
        result = Expression(f"{name}{key}()")
    else:
        module.define(f'{name} = {{"mse": "mse", "ce": {mark(site, repr(SNAKE[target.name]))}}}')
        result = Expression(f"{name}{key}")
    module.function = outer
    return result


def get(module: Module, target: Target, site: int) -> Expression:
    name = module.k("losses.get")
    if not target.from_logits and module.rng.random() < 0.6:
        return Expression(mark(site, f"{name}({literal(module, SNAKE[target.name], 'loss')})"))
    config = f"{{'from_logits': {target.from_logits}}}" if target.has_flag else "{}"
    return Expression(mark(site, f"{name}({{'class_name': {target.name!r}, 'config': {config}}})"))


def by_getattr(module: Module, target: Target, site: int) -> Expression:
    module.need("from keras import losses as keras_losses")
    return Expression(
        mark(site, f"getattr(keras_losses, {literal(module, target.name, 'loss')})({_flag(module, target)})")
    )


def from_factory(module: Module, target: Target, site: int) -> Expression:
    name = module.fresh("make_loss")
    outer, module.function = module.function, None
    if not target.has_flag:
        module.define(f"def {name}():", f"    return {mark(site, construction(module, target))}")
        module.function = outer
        return Expression(f"{name}()")
    how = module.project.choose("factory", {"argument": 1, "closure": 1, "condition": 1, "branches": 1})
    keras_class = module.k(f"losses.{target.name}")
    if how == "argument":
        module.define(
            f"def {name}(from_logits=False):",
            f"    return {mark(site, f'{keras_class}(from_logits=from_logits)')}",
        )
    elif how == "closure":
        function = function_name(module, target)
        module.define(
            f"def {name}(from_logits):",
            "    def loss(y_true, y_pred):",
            f"        return {mark(site, f'{function}(y_true, y_pred, from_logits=from_logits)')}",
            "",
            "    return loss",
        )
    elif how == "condition":
        module.define(
            f"def {name}(activation=None):",
            f"    return {mark(site, f'{keras_class}(from_logits=activation is None)')}",
        )
        module.function = outer
        return Expression(
            f"{name}({literal(module, None if target.from_logits else 'softmax', 'activation')})"
        )
    else:
        true, false = (mark(site, f"{keras_class}(from_logits=True)"), f"{keras_class}()")
        if not target.from_logits:
            true, false = f"{keras_class}(from_logits=True)", mark(site, f"{keras_class}()")
        module.define(
            f"def {name}(logits):", "    if logits:", f"        return {true}", f"    return {false}"
        )
    module.function = outer
    value = literal(module, target.from_logits, "from_logits")
    return Expression(f"{name}({value})")


Form = Callable[[Module, Target, int], Expression]
FORMS: dict[str, tuple[Form, float]] = {
    "string": (string, 4),
    "reference": (reference, 1.5),
    "instance": (instance, 6),
    "class": (bare_class, 0.7),
    "partial": (partial, 1),
    "lambda": (lambda_, 1.2),
    "own-function": (own_function, 1.5),
    "own-class": (own_class, 1.5),
    "keras-subclass": (subclass_of_keras, 1),
    "registry": (registry, 1.5),
    "get": (get, 0.8),
    "getattr": (by_getattr, 0.5),
    "factory": (from_factory, 1.5),
}
DEFAULT_ONLY = ("string", "reference", "class")


def draw_loss(module: Module, target: Target, site: int, *, callable_with: bool = False) -> Expression:
    """An expression for ``target``. ``callable_with``: it must take (labels, predictions) when called."""
    weights = {name: weight for name, (_, weight) in FORMS.items()}
    if target.from_logits:
        for name in DEFAULT_ONLY:
            weights.pop(name)
    if callable_with:
        weights.pop("string", None)
        weights.pop("class", None)
        del weights["get"]  # which may give a function that nobody watches
        weights["registry"] = 0
    form, _ = FORMS[module.project.choose("loss", weights)]
    return form(module, target, site)
