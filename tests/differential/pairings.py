"""Where a loss meets an output: ``compile`` in its forms, direct calls, training loops and steps."""

from __future__ import annotations

from .heads import Head
from .losses import (
    CATEGORICAL,
    IN_OPS,
    OTHER,
    SNAKE,
    Expression,
    Target,
    draw_loss,
    draw_target,
    function_name,
)
from .model_parts import WIDTH, Model
from .values import literal
from .writer import Module, indent, mark

ROWS = 24
Sites = dict[int, tuple[Target, str | None]]
WITH_LOGITS = {
    "SparseCategoricalCrossentropy": "sparse_softmax_cross_entropy_with_logits",
    "CategoricalCrossentropy": "softmax_cross_entropy_with_logits",
    "BinaryCrossentropy": "sigmoid_cross_entropy_with_logits",
}


def features(pair: Pairing) -> list[str]:
    pair.module.need("import numpy as np")
    shape = ", ".join(map(str, (ROWS, *pair.model.shape)))
    return ["rng = np.random.default_rng(0)", f"features = rng.normal(size=({shape})).astype('float32') * 3"]


def labels(pair: Pairing, target: Target) -> str:
    """An expression for labels that fit the loss."""
    units, rows = pair.only_head().units, (ROWS, *pair.model.outer)
    each = rows if len(rows) > 1 else ROWS
    if target.name == "SparseCategoricalCrossentropy":
        return f"rng.integers(0, {units}, {each})"
    if target.name in OTHER:
        return f"rng.normal(size={(*rows, units)}).astype('float32')"
    if target.name in CATEGORICAL or target.name == "KLDivergence":
        return f"np.eye({units}, dtype='float32')[rng.integers(0, {units}, {each})]"
    return f"rng.integers(0, 2, {(*rows, units)}).astype('float32')"


class Pairing:
    """Draws losses for a model and writes how they meet. ``sites`` collects what was drawn."""

    def __init__(self, module: Module, model: Model, name: str) -> None:
        self.module, self.model, self.name = module, model, name
        self.sites: Sites = {}

    def only_head(self) -> Head:
        return next(iter(self.model.outputs.values()))

    def loss(self, *, direct: bool = False, target: Target | None = None) -> tuple[Expression, Target]:
        target = target or draw_target(self.module, self.only_head())
        site = self.new_site(target, None)
        return draw_loss(self.module, target, site, callable_with=direct), target

    def new_site(self, target: Target, output: str | None) -> int:
        site = len(self.module.project.sites)
        self.module.project.sites[site] = (target, output, self.model.outputs[output])
        return site


def optimizer(module: Module) -> str:
    return module.rng.choice(
        ["'adam'", "'sgd'", f"{module.k('optimizers.Adam')}(1e-3)", f"{module.k('optimizers.SGD')}()"]
    )


def _held(module: Module, text: str) -> tuple[list[str], str]:
    """The expression in place, or in a variable."""
    if module.rng.random() < 0.6 or "lambda" in text:
        return [], text
    name = module.rng.choice(["loss", "criterion", "loss_object"])
    return [f"{name} = {text}"], name


def compile_call(pair: Pairing, text: str) -> list[str]:
    """``compile`` with the loss given in one of its ways."""
    module, model = pair.module, pair.name
    lines, loss = _held(module, text)
    how = module.project.choose(
        "compile",
        {
            "keyword": 6,
            "positional": 2,
            "starred": 1,
            "updated": 0.5,
            "helper": 0.7,
            "keyword-first": 2,
            "wrapped": 0.5,
        },
    )
    if how == "keyword":
        return [*lines, f"{model}.compile(optimizer={optimizer(module)}, loss={loss})"]
    if how == "keyword-first":
        return [*lines, f"{model}.compile(loss={loss}, optimizer={optimizer(module)})"]
    if how == "positional":
        return [*lines, f"{model}.compile({optimizer(module)}, {loss})"]
    if how == "starred":
        made = [f"arguments = {{'optimizer': {optimizer(module)}, 'loss': {loss}}}"]
        return [*lines, *made, f"{model}.compile(**arguments)"]
    if how == "updated":
        made = ["arguments = dict(optimizer='adam')", f"arguments['loss'] = {loss}"]
        return [*lines, *made, f"{model}.compile(**arguments)"]
    if how == "wrapped":
        return [*lines, f"{model}.compile(", f"    optimizer={optimizer(module)},", f"    loss={loss},", ")"]
    helper = module.fresh("prepare")
    module.define(
        f"def {helper}(network, objective, rate=1e-3):",
        "    network.compile(optimizer='adam', loss=objective)",
        "    return network",
    )
    return [*lines, f"{helper}({model}, {loss})"]


def by_compile(pair: Pairing) -> list[str]:
    if len(pair.model.outputs) > 1:
        return _compile_several(pair)
    expression, target = pair.loss()
    lines = compile_call(pair, expression.text)
    if pair.module.rng.random() < 0.12 and not expression.is_class:
        lines += _fit(pair, target)
    return lines


def _fit(pair: Pairing, target: Target) -> list[str]:
    y = labels(pair, target)
    return [
        *features(pair),
        f"targets = {y}",
        f"{pair.name}.fit({pair.model.feed}, targets, epochs=1, verbose=0)",
    ]


def _compile_several(pair: Pairing) -> list[str]:
    """A loss for each output, one for all of them, or one of them without."""
    module, names = pair.module, list(pair.model.outputs)
    how = module.project.choose("losses", {"dict": 3, "list": 1, "some": 1})
    if pair.model.kind == "dict" and how == "list":
        how = "dict"
    chosen = names[:1] if how == "some" else names
    texts = []
    for name in chosen:
        target = draw_target(module, pair.model.outputs[name])
        site = pair.new_site(target, name)
        texts.append(draw_loss(module, target, site).text)
    if how == "list":
        return compile_call(pair, f"[{', '.join(texts)}]")
    items = ", ".join(f"{name!r}: {text}" for name, text in zip(chosen, texts, strict=True))
    if module.rng.random() < 0.3:
        parts = [
            "losses_by_output = {}",
            *(f"losses_by_output[{n!r}] = {t}" for n, t in zip(chosen, texts, strict=True)),
        ]
        return [*parts, *compile_call(pair, "losses_by_output")]
    return compile_call(pair, f"{{{items}}}")


def direct_call(pair: Pairing) -> list[str]:
    """An instance or function called with labels and the model's output."""
    module = pair.module
    expression, target = pair.loss(direct=True)
    lines = [*features(pair), f"targets = {labels(pair, target)}"]
    called = f"{pair.name}({pair.model.feed}{module.rng.choice(['', ', training=False', ', training=True'])})"
    text = expression.text
    if "lambda" in text and text.startswith("lambda"):
        text = f"({text})"
    if module.rng.random() < 0.5:
        lines += [f"predictions = {called}"]
        called = "predictions"
    if module.rng.random() < 0.5 or "\x01" not in text:
        return [*lines, f"criterion = {text}", f"value = criterion(targets, {called})"]
    return [*lines, f"value = {text}(targets, {called})"]


def function_call(pair: Pairing) -> list[str]:
    """``keras.losses.binary_crossentropy(y, model(x), ...)`` or its form in ``keras.ops``."""
    module = pair.module
    target = draw_target(module, pair.only_head())
    site = pair.new_site(target, None)
    lines = [*features(pair), f"targets = {labels(pair, target)}"]
    in_ops = target.name in IN_OPS and module.rng.random() < 0.3
    name = module.k(f"ops.{SNAKE[target.name]}") if in_ops else function_name(module, target)
    flag = f", from_logits={literal(module, target.from_logits, 'from_logits')}" if target.has_flag else ""
    if target.from_logits is False and module.rng.random() < 0.5:
        flag = ""
    module.project.note("call:ops" if in_ops else "call:function")
    return [*lines, f"value = {mark(site, name)}(targets, {pair.name}({pair.model.feed}){flag})"]


def with_logits_op(pair: Pairing) -> list[str]:
    module, head = pair.module, pair.only_head()
    drawn = draw_target(module, head)
    name = drawn.name if drawn.name in WITH_LOGITS else "BinaryCrossentropy"
    target = Target(name, True)
    site = pair.new_site(target, None)
    op = mark(site, module.tf(f"nn.{WITH_LOGITS[name]}"))
    lines = [*features(pair), f"targets = {labels(pair, target)}"]
    lines.append(f"logits = {pair.name}({pair.model.feed})")
    call = f"{op}(labels=targets, logits=logits)"
    return [*lines, f"value = {module.tf('reduce_mean')}({call})"]


def tape_loop(pair: Pairing) -> list[str]:
    module = pair.module
    expression, target = pair.loss(direct=True)
    module.tf("GradientTape")
    lines = [*features(pair), f"targets = {labels(pair, target)}", f"criterion = {expression.text}"]
    lines.append("adam = " + module.k("optimizers.Adam") + "()")
    step = [
        "with tf.GradientTape() as tape:",
        f"    predictions = {pair.name}(batch, training=True)",
        "    value = criterion(truth, predictions)",
        f"gradients = tape.gradient(value, {pair.name}.trainable_variables)",
        f"adam.apply_gradients(zip(gradients, {pair.name}.trainable_variables))",
    ]
    how = module.project.choose("loop", {"plain": 1, "dataset": 1, "function": 1})
    if how == "plain":
        return [*lines, "for epoch in range(2):", "    batch, truth = features, targets", *indent(step)]
    data = "tf.data.Dataset.from_tensor_slices((features, targets)).batch(12)"
    if how == "dataset":
        return [*lines, f"for batch, truth in {data}:", *indent(step)]
    lines += ["@tf.function", "def train_step(batch, truth):", *indent(step), "    return value", ""]
    return [*lines, f"for batch, truth in {data}:", "    train_step(batch, truth)"]


def train_step(pair: Pairing) -> list[str]:
    """A model that wraps another and trains it with a step of its own."""
    module = pair.module
    expression, target = pair.loss(direct=True)
    name, base = module.fresh("Trainer"), module.k("Model")
    how = module.project.choose("train-step", {"constructor": 1, "compile": 1, "attribute": 1})
    module.tf("GradientTape")
    lines = [
        f"class {name}({base}):",
        f"    def __init__(self, network{', objective' if how == 'constructor' else ''}):",
        "        super().__init__()",
        "        self.network = network",
    ]
    if how == "constructor":
        lines.append("        self.objective = objective")
    if how == "compile":
        lines += [
            "",
            "    def compile(self, optimizer, objective):",
            "        super().compile(optimizer=optimizer)",
            "        self.objective = objective",
        ]
    lines += ["", "    def call(self, inputs):", "        return self.network(inputs)", ""]
    lines += [
        "    def train_step(self, data):",
        "        x, y = data",
        "        with tf.GradientTape() as tape:",
        f"            y_pred = {module.rng.choice(['self(x, training=True)', 'self.network(x)'])}",
        "            value = tf.reduce_mean(self.objective(y, y_pred))",
        "        gradients = tape.gradient(value, self.trainable_variables)",
        "        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))",
        "        return {'loss': value}",
    ]
    module.define(*lines)
    made = [*features(pair), f"targets = {labels(pair, target)}"]
    arguments = f"{pair.name}, {expression.text}" if how == "constructor" else pair.name
    made.append(f"trainer = {name}({arguments})")
    if how == "attribute":
        made.append(f"trainer.objective = {expression.text}")
    given = f"'adam', {expression.text}" if how == "compile" else "optimizer='adam'"
    return [*made, f"trainer.compile({given})", "trainer.fit(features, targets, verbose=0)"]


def compute_loss(pair: Pairing) -> list[str]:
    module = pair.module
    expression, target = pair.loss(direct=True)
    name, base = module.fresh("Trainer"), module.k("Model")
    module.k("ops.mean")
    module.define(
        f"class {name}({base}):",
        "    def __init__(self, network, objective):",
        "        super().__init__()",
        "        self.network = network",
        "        self.objective = objective",
        "",
        "    def call(self, inputs):",
        "        return self.network(inputs)",
        "",
        "    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **kwargs):",
        "        return ops.mean(self.objective(y, y_pred))",
    )
    made = [*features(pair), f"targets = {labels(pair, target)}"]
    made.append(f"trainer = {name}({pair.name}, {expression.text})")
    return [*made, "trainer.compile(optimizer='adam')", "trainer.evaluate(features, targets, verbose=0)"]


def add_loss(pair: Pairing) -> list[str]:
    """A layer at the end that takes labels and outputs and adds the loss."""
    module = pair.module
    expression, target = pair.loss(direct=True)
    name, base = module.fresh("Endpoint"), module.k("layers.Layer")
    module.k("ops.mean")
    module.define(
        f"class {name}({base}):",
        "    def __init__(self, objective, **kwargs):",
        "        super().__init__(**kwargs)",
        "        self.objective = objective",
        "",
        "    def call(self, targets, outputs):",
        "        self.add_loss(ops.mean(self.objective(targets, outputs)))",
        "        return outputs",
    )
    units = pair.only_head().units
    shape = "()" if target.name == "SparseCategoricalCrossentropy" else f"({units},)"
    made = [f"inputs_again = {module.k('Input')}(({WIDTH},))", f"truth = {module.k('Input')}({shape})"]
    made.append(f"end = {name}({expression.text})(truth, {pair.name}(inputs_again))")
    made.append(f"trainer = {module.k('Model')}([inputs_again, truth], end)")
    made += [*features(pair), f"targets = {labels(pair, target)}", "trainer.compile(optimizer='adam')"]
    return [*made, "trainer([features, targets])"]
