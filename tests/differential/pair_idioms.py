"""More ways in which real code brings a loss to a model."""

from __future__ import annotations

from collections.abc import Callable

from .pairings import Pairing, features, labels, optimizer


def merged_arguments(pair: Pairing) -> list[str]:
    """Keyword arguments that are put together before ``compile`` gets them."""
    module, model = pair.module, pair.name
    loss = pair.loss()[0].text
    how = module.project.choose(
        "merge", {"unpack": 1, "or": 1, "setdefault": 1, "update": 1, "function": 1, "partial": 1}
    )
    if how == "unpack":
        return [
            "defaults = {'optimizer': 'sgd', 'loss': None}",
            f"{model}.compile(**{{**defaults, 'loss': {loss}}})",
        ]
    if how == "or":
        return ["defaults = {'optimizer': 'sgd'}", f"{model}.compile(**(defaults | {{'loss': {loss}}}))"]
    if how == "setdefault":
        return [
            "options = dict(optimizer='adam')",
            f"options.setdefault('loss', {loss})",
            f"{model}.compile(**options)",
        ]
    if how == "update":
        return [
            "options = {'optimizer': 'adam'}",
            f"options.update(loss={loss})",
            f"{model}.compile(**options)",
        ]
    if how == "partial":
        module.need("from functools import partial")
        return [f"prepare = partial({model}.compile, optimizer='adam')", f"prepare(loss={loss})"]
    name = module.fresh("prepare")
    module.define(
        f"def {name}(network, **options):",
        "    options['optimizer'] = options.get('optimizer', 'adam')",
        "    network.compile(**options)",
    )
    return [f"{name}({model}, loss={loss})"]


def twice_compiled(pair: Pairing) -> list[str]:
    """Compiled once more with another loss, as transfer learning does."""
    first, second = pair.loss()[0].text, pair.loss()[0].text
    model, module = pair.name, pair.module
    return [
        f"{model}.compile(optimizer={optimizer(module)}, loss={first})",
        f"{model}.trainable = True",
        f"{model}.compile(optimizer={optimizer(module)}, loss={second})",
    ]


def closure(pair: Pairing) -> list[str]:
    """A function that keeps the loss and takes the model later."""
    module, name = pair.module, pair.module.fresh("trainer")
    loss = pair.loss()[0].text
    how = module.project.choose("closure", {"closure": 1, "partial": 1, "lambda": 1, "keyword-only": 1})
    if how == "closure":
        module.define(
            f"def {name}(objective):",
            "    def train(network):",
            "        network.compile(optimizer='adam', loss=objective)",
            "        return network",
            "",
            "    return train",
        )
        return [f"{name}({loss})({pair.name})"]
    if how == "partial":
        module.need("from functools import partial")
        module.define(f"def {name}(network, objective):", "    network.compile('sgd', objective)")
        return [f"prepare = partial({name}, objective={loss})", f"prepare({pair.name})"]
    if how == "lambda":
        return [
            "prepare = lambda network, objective: network.compile(loss=objective, optimizer='sgd')",
            f"prepare({pair.name}, {loss})",
        ]
    module.define(
        f"def {name}(network, *, objective, rate=0.1):",
        "    network.compile(loss=objective)",
        "    return network",
    )
    return [f"{name}({pair.name}, objective={loss})"]


def default_argument(pair: Pairing) -> list[str]:
    module, name = pair.module, pair.module.fresh("train")
    outer, module.function = module.function, None
    loss = pair.loss()[0].text
    module.function = outer
    if "\x01" in loss and not loss.startswith("lambda"):
        module.define(
            f"def {name}(network, objective={loss}):", "    network.compile(optimizer='adam', loss=objective)"
        )
    else:
        module.define(
            f"def {name}(network, objective=None):",
            f"    objective = objective or {loss}"
            if not loss.startswith("lambda")
            else f"    objective = {loss}",
            "    network.compile(optimizer='adam', loss=objective)",
        )
    return [f"{name}({pair.name})"]


def experiment_object(pair: Pairing) -> list[str]:
    """A data class or plain object that holds model and loss."""
    module, name = pair.module, pair.module.fresh("Run")
    loss = pair.loss()[0].text
    if module.rng.random() < 0.5:
        module.need("from dataclasses import dataclass")
        module.define(
            "@dataclass",
            f"class {name}:",
            "    network: object",
            "    objective: object = None",
            "    rate: float = 0.1",
            "",
            "    def start(self):",
            "        self.network.compile(optimizer='adam', loss=self.objective)",
        )
        return [f"{name}({pair.name}, objective={loss}).start()"]
    module.define(
        f"class {name}:",
        "    def __init__(self, network, objective):",
        "        self.network, self.objective = network, objective",
        "",
        "    @property",
        "    def arguments(self):",
        "        return {'optimizer': 'sgd', 'loss': self.objective}",
        "",
        "    def start(self):",
        "        self.network.compile(**self.arguments)",
        "        return self",
    )
    return [f"{name}({pair.name}, {loss}).start()"]


def template_method(pair: Pairing) -> list[str]:
    """A base class that compiles, a subclass that knows model and loss."""
    module, base, name = pair.module, pair.module.fresh("Base"), pair.module.fresh("Task")
    outer, module.function = module.function, None
    loss = pair.loss()[0].text
    module.function = outer
    how = module.project.choose("template", {"method": 1, "property": 1, "attribute": 1, "init": 1})
    lookup = {
        "method": "self.objective()",
        "property": "self.objective",
        "attribute": "self.objective",
        "init": "self.objective",
    }[how]
    module.define(
        f"class {base}:",
        "    def __init__(self, network):",
        "        self.network = network",
        "",
        "    def prepare(self):",
        f"        self.network.compile(optimizer='adam', loss={lookup})",
    )
    if how == "method":
        body = ["    def objective(self):", f"        return {loss}"]
    elif how == "property":
        body = ["    @property", "    def objective(self):", f"        return {loss}"]
    elif how == "attribute":
        body = [f"    objective = {'staticmethod(' + loss + ')' if _is_function(loss) else loss}"]
    else:
        body = [
            "    def __init__(self, network):",
            "        super().__init__(network)",
            f"        self.objective = {loss}",
        ]
    module.define(f"class {name}({base}):", *body)
    return [f"{name}({pair.name}).prepare()"]


def _is_function(loss: str) -> bool:
    return loss.startswith("lambda") or not loss.rstrip().endswith((")", "'", '"', "]"))


def loop_object(pair: Pairing) -> list[str]:
    """A plain object with a loss and a step; the step is a method."""
    module, name = pair.module, pair.module.fresh("Loop")
    expression, target = pair.loss(direct=True)
    module.define(
        f"class {name}:",
        "    def __init__(self, network, objective):",
        "        self.network = network",
        "        self.objective = objective",
        "",
        "    def step(self, batch, truth):",
        "        predictions = self.network(batch, training=True)",
        "        return self.objective(truth, predictions)",
    )
    lines = [
        *features(pair),
        f"targets = {labels(pair, target)}",
        f"loop = {name}({pair.name}, {expression.text})",
    ]
    return [*lines, f"value = loop.step({pair.model.feed}, targets)"]


def loss_function(pair: Pairing) -> list[str]:
    """``def loss(model, x, y)``, as in the guides."""
    module, name = pair.module, pair.module.fresh("loss")
    outer, module.function = module.function, None
    expression, target = pair.loss(direct=True)
    made = module.fresh("criterion")
    module.define(f"{made} = {expression.text}")
    module.define(
        f"def {name}(network, x, y, training=False):",
        "    y_ = network(x, training=training)",
        f"    return {made}(y, y_)",
    )
    module.function = outer
    return [
        *features(pair),
        f"targets = {labels(pair, target)}",
        f"value = {name}({pair.name}, {pair.model.feed}, targets, training=False)",
    ]


def in_blocks(pair: Pairing) -> list[str]:
    """``with``, ``try``, ``if``, ``match`` around the pairing."""
    module = pair.module
    loss = pair.loss()[0].text
    call = f"{pair.name}.compile(optimizer='adam', loss={loss})"
    how = module.project.choose(
        "block",
        {"with": 1, "try": 1, "if": 1, "match": 1, "for": 1, "while": 1, "try-else": 1, "caught": 1},
    )
    if how == "with":
        module.need("from contextlib import nullcontext")
        return ["with nullcontext():", f"    {call}"]
    if how == "try":
        return ["try:", f"    {call}", "except ValueError as error:", "    print(error)", "    raise"]
    if how == "try-else":
        return [
            "try:",
            "    chosen = 'adam'",
            "except KeyError:",
            "    chosen = 'sgd'",
            "else:",
            f"    {call}",
            "finally:",
            "    done = True",
        ]
    if how == "caught":
        return [
            "try:",
            "    chosen = int('adam')",
            "    raise SystemExit",
            "except LookupError:",
            "    raise",
            "except (ArithmeticError, ValueError):",
            f"    {call}",
        ]
    if how == "if":
        return ["if True:", f"    {call}"]
    if how == "match":
        return [
            "match 'train':",
            "    case 'test':",
            "        raise SystemExit",
            "    case 'train' | 'fit':",
            f"        {call}",
        ]
    if how == "for":
        return [f"for network in [{pair.name}]:", f"    network.compile(optimizer='adam', loss={loss})"]
    return ["epoch = 0", "while epoch < 1:", f"    {call}", "    epoch += 1"]


def strategy_scope(pair: Pairing) -> list[str]:
    module = pair.module
    loss = pair.loss()[0].text
    scope = module.tf("distribute.get_strategy")
    return [
        f"strategy = {scope}()",
        "with strategy.scope():",
        f"    {pair.name}.compile(optimizer='adam', loss={loss})",
    ]


def weighted_own_loss(pair: Pairing) -> list[str]:
    """A loss of one's own that scales, averages or adds to a Keras loss."""
    module = pair.module
    outer, module.function = module.function, None
    expression, _ = pair.loss(direct=True)
    inner, name = module.fresh("inner"), module.fresh("objective")
    module.define(f"{inner} = {expression.text}")
    module.k("ops.mean")
    body = module.rng.choice(
        [
            f"ops.mean({inner}(y_true, y_pred))",
            f"0.5 * {inner}(y_true, y_pred)",
            f"{inner}(y_true, y_pred) * 2.0 + 1e-3",
            f"ops.sum({inner}(y_true, y_pred)) / 24",
        ]
    )
    module.define(f"def {name}(y_true, y_pred):", f"    return {body}")
    module.function = outer
    return [f"{pair.name}.compile(optimizer='adam', loss={name})"]


def self_compiled(pair: Pairing) -> list[str]:
    """A model class that wraps a network and compiles itself."""
    module, name, base = pair.module, pair.module.fresh("Net"), pair.module.k("Model")
    outer, module.function = module.function, None
    loss = pair.loss()[0].text
    module.function = outer
    how = module.project.choose("self-compiled", {"init": 1, "method": 1, "override": 1})
    lines = [
        f"class {name}({base}):",
        "    def __init__(self, network):",
        "        super().__init__()",
        "        self.network = network",
    ]
    if how == "init":
        lines.append(f"        self.compile(optimizer='adam', loss={loss})")
    lines += ["", "    def call(self, inputs):", "        return self.network(inputs)", ""]
    if how == "method":
        lines += ["    def prepare(self):", f"        self.compile(optimizer='adam', loss={loss})"]
    if how == "override":
        lines += [
            "    def compile(self, optimizer='adam', **kwargs):",
            f"        super().compile(optimizer=optimizer, loss={loss}, **kwargs)",
        ]
    module.define(*lines)
    after = {"init": [], "method": ["wrapped.prepare()"], "override": ["wrapped.compile()"]}[how]
    return [f"wrapped = {name}({pair.name})", *after]


def stateless(pair: Pairing) -> list[str]:
    """The functional call of Keras 3."""
    expression, target = pair.loss(direct=True)
    lines = [*features(pair), f"targets = {labels(pair, target)}", f"network = {pair.name}"]
    lines += ["network.build((None, 6))", "weights = network.trainable_variables"]
    state = "network.non_trainable_variables"
    lines.append(f"outputs, others = network.stateless_call(weights, {state}, features)")
    return [*lines, f"criterion = {expression.text}", "value = criterion(targets, outputs)"]


IDIOMS: dict[str, tuple[Callable[[Pairing], list[str]], float]] = {
    "merged-arguments": (merged_arguments, 1),
    "twice-compiled": (twice_compiled, 0.7),
    "closure": (closure, 1),
    "default-argument": (default_argument, 0.8),
    "experiment-object": (experiment_object, 1),
    "template-method": (template_method, 1),
    "loop-object": (loop_object, 1),
    "loss-function": (loss_function, 0.8),
    "in-blocks": (in_blocks, 1),
    "strategy-scope": (strategy_scope, 0.4),
    "weighted-own-loss": (weighted_own_loss, 1),
    "self-compiled": (self_compiled, 0.8),
    "stateless": (stateless, 0.4),
}
ONE_ARRAY = ("tape", "train-step", "compute-loss", "add-loss", "stateless", "self-compiled")
"""Pairings that feed one array of plain features."""
