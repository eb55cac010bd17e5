"""Programs of several models: configurations in a loop, names bound anew, branches, registries of tasks."""

from __future__ import annotations

from collections.abc import Callable

from .forms import draw_model
from .heads import Head, draw_head
from .losses import draw_loss, draw_target
from .model_parts import WIDTH
from .pairs import write_pairing
from .writer import Module, Project, indent


def _given(head: Head) -> str | None:
    return None if head.activation == "linear" else head.activation


def _row(module: Module) -> tuple[Head, str]:
    """A head and a loss for it, as one row of a table."""
    head = draw_head(module)
    target = draw_target(module, head)
    site = len(module.project.sites)
    module.project.sites[site] = (target, None, head)
    return head, draw_loss(module, target, site).text


def _build(module: Module) -> str:
    name = module.fresh("build")
    dense = module.k("layers.Dense")
    how = module.rng.random()
    if how < 0.5:
        stack = f"{module.k('Input')}(({WIDTH},)), {dense}(8, activation='relu')"
        last = f"{dense}(units, activation=activation)"
        body = [f"return {module.k('Sequential')}([{stack}, {last}])"]
    elif how < 0.8:
        body = [
            f"inputs = {module.k('Input')}(({WIDTH},))",
            f"x = {dense}(8, activation='tanh')(inputs)",
            f"x = {dense}(units)(x)",
            "if activation is not None:",
            f"    x = {module.k('layers.Activation')}(activation)(x)",
            f"return {module.k('Model')}(inputs, x)",
        ]
    else:
        body = [
            f"net = {module.k('Sequential')}()",
            f"net.add({module.k('Input')}(({WIDTH},)))",
            f"net.add({dense}(units, activation=activation))",
            "return net",
        ]
    module.define(f"def {name}(units, activation=None):", *indent(body))
    return name


def table(project: Project) -> str:
    """A table of configurations, and a loop that trains each."""
    main = project.module("main")
    build = _build(main)
    rows = [_row(main) for _ in range(main.rng.choice([2, 3, 4]))]
    how = project.choose(
        "table-of",
        {
            "tuples": 2,
            "dicts": 2,
            "items": 1,
            "zip": 1,
            "comprehension": 1,
            "function": 1,
            "enumerate": 1,
            "objects": 1,
            "unpacked": 1,
        },
    )
    units = [str(head.units) for head, _ in rows]
    names = [repr(_given(head)) for head, _ in rows]
    losses = [loss for _, loss in rows]
    triples = list(zip(units, names, losses, strict=True))
    work = [f"model = {build}(units, activation)", "model.compile(optimizer='adam', loss=loss)"]
    if how in ("tuples", "comprehension", "function", "enumerate", "unpacked"):
        main.body += ["table = [", *(f"    ({u}, {a}, {x})," for u, a, x in triples), "]"]
    if how == "tuples":
        main.body += ["for units, activation, loss in table:", *indent(work)]
    elif how == "unpacked":
        main.body += ["for row in table:", "    units, activation, loss = row", *indent(work)]
    elif how == "enumerate":
        main.body += ["for number, (units, activation, loss) in enumerate(table):", *indent(work)]
    elif how == "comprehension":
        main.define("def train(units, activation, loss):", *indent(work), "    return model")
        main.body += ["models = [train(*row) for row in table]"]
    elif how == "function":
        main.define("def train(units, activation, loss):", *indent(work), "    return model")
        main.body += ["for row in table:", "    train(row[0], row[1], loss=row[2])"]
    elif how == "zip":
        main.body += [
            f"sizes = [{', '.join(units)}]",
            f"squashes = [{', '.join(names)}]",
            f"goals = [{', '.join(losses)}]",
        ]
        main.body += ["for units, activation, loss in zip(sizes, squashes, goals):", *indent(work)]
    elif how == "objects":
        main.need("from dataclasses import dataclass")
        main.define(
            "@dataclass", "class Row:", "    units: int", "    activation: object", "    loss: object"
        )
        main.body += [f"rows = [{', '.join(f'Row({u}, {a}, {x})' for u, a, x in triples)}]"]
        main.body += [
            "for row in rows:",
            f"    model = {build}(row.units, row.activation)",
            "    model.compile(optimizer='adam', loss=row.loss)",
        ]
    else:
        items = [f"{{'units': {u}, 'activation': {a}, 'loss': {x}}}" for u, a, x in triples]
        if how == "dicts":
            main.body += ["table = [", *(f"    {item}," for item in items), "]", "for row in table:"]
        else:
            main.body += [
                "table = {",
                *(f"    'run{n}': {item}," for n, item in enumerate(items)),
                "}",
                "for name, row in table.items():",
            ]
        main.body += [
            f"    model = {build}(row['units'], activation=row['activation'])",
            "    model.compile(optimizer='adam', loss=row['loss'])",
        ]
    return "main.py"


def one_after_the_other(project: Project) -> str:
    """The same names bound again and again, as in notebooks."""
    if project.rng.random() < 0.5:
        project.notebook = "main"
    main = project.module("main")
    for _ in range(main.rng.choice([2, 3])):
        model = draw_model(main, one_output=True)
        main.body += [*model.lines, *write_pairing(main, model, model.name)]
    return "main.ipynb" if project.notebook else "main.py"


def same_condition(project: Project) -> str:
    """Head and loss chosen under one condition that nobody knows."""
    main = project.module("main")
    main.need("import sys")
    build = _build(main)
    (one, first), (two, second) = _row(main), _row(main)
    how = project.choose("condition", {"both": 1, "apart": 1, "variable": 1, "function": 1})
    test = "len(sys.argv) < 2"
    if how == "both":
        lines = [
            f"if {test}:",
            f"    model = {build}({one.units}, {_given(one)!r})",
            f"    loss = {first}",
            "else:",
            f"    model = {build}({two.units}, {_given(two)!r})",
            f"    loss = {second}",
        ]
    elif how == "apart":
        lines = [
            f"small = {test}",
            "if small:",
            f"    model = {build}({one.units}, {_given(one)!r})",
            "else:",
            f"    model = {build}({two.units}, {_given(two)!r})",
            f"loss = ({first}) if small else ({second})",
        ]
    elif how == "variable":
        lines = [
            f"small = {test}",
            f"units = {one.units} if small else {two.units}",
            f"activation = {_given(one)!r} if small else {_given(two)!r}",
            f"model = {build}(units, activation)",
            "if small:",
            f"    loss = {first}",
            "else:",
            f"    loss = {second}",
        ]
    else:
        main.define(
            "def choose(small):",
            "    if small:",
            f"        return {build}({one.units}, {_given(one)!r}), {first}",
            f"    return {build}({two.units}, {_given(two)!r}), {second}",
        )
        lines = [f"model, loss = choose({test})"]
    main.body += [*lines, "model.compile(optimizer='adam', loss=loss)"]
    project.unrun.add(len(project.sites) - 1)
    return "main.py"


def reexported(project: Project) -> str:
    """A package whose ``__init__`` passes names on; a script beside it that uses them."""
    models, main = project.module("models"), project.module("main")
    model, name, arguments = _model_function(models)
    how = project.choose("import", {"package": 1, "absolute": 1, "module": 1, "alias": 1, "star": 1})
    project.extra["nets/__init__.py"] = (
        f"from .models import {name}\n"
        if how in ("package", "alias")
        else ("from nets.models import *\n" if how == "star" else "")
    )
    project.folders["models"] = "nets"
    if how in ("package", "star"):
        main.need(f"from nets import {name}")
    elif how == "absolute":
        main.need(f"from nets.models import {name}")
    elif how == "module":
        main.need("import nets.models")
        name = f"nets.models.{name}"
    else:
        main.need("import nets as n")
        name = f"n.{name}"
    main.body += [f"model = {name}({arguments})", *write_pairing(main, model, "model")]
    return "main.py"


def _model_function(module: Module) -> tuple:
    from .layouts import model_function

    return model_function(module, "make_model")


def fallback_import(project: Project) -> str:
    """``try: from tensorflow import keras``."""
    main = project.module("main")
    main.style = "keras"
    main.imports["try:\n    from tensorflow import keras\nexcept ImportError:\n    import keras"] = None
    model = draw_model(main, one_output=True)
    main.body += [*model.lines, *write_pairing(main, model, model.name)]
    main.imports.pop("import keras", None)
    return "main.py"


def decorated(project: Project) -> str:
    """Functions behind decorators of the project's own and of the library's."""
    main = project.module("main")
    main.need("import functools")
    how = project.choose("decorator", {"wraps": 1, "cache": 1, "timed": 1, "tf": 0.3})
    main.define(
        "def logged(function):",
        "    @functools.wraps(function)",
        "    def inner(*args, **kwargs):",
        "        return function(*args, **kwargs)",
        "",
        "    return inner",
    )
    main.define(
        "def repeated(times):",
        "    def around(function):",
        "        def inner(*args, **kwargs):",
        "            for _ in range(times):",
        "                result = function(*args, **kwargs)",
        "            return result",
        "",
        "        return inner",
        "",
        "    return around",
    )
    mark = {
        "wraps": "@logged",
        "cache": "@functools.lru_cache(maxsize=None)",
        "timed": "@repeated(1)",
        "tf": "@functools.cache",
    }[how]
    model, name, arguments = _model_function(main)
    start = next(i for i, line in enumerate(main.definitions) if line.startswith(f"def {name}("))
    main.definitions.insert(start, mark)
    train = main.fresh("train")
    lines = write_pairing(main, model, "network")
    main.define("@logged", f"def {train}(network):", *indent(lines), "    return network")
    main.body += [f"{train}({name}({arguments}))"]
    return "main.py"


def global_model(project: Project) -> str:
    main = project.module("main")
    model = draw_model(main, one_output=True)
    lines = write_pairing(main, model, "NETWORK")
    main.define("NETWORK = None")
    main.define("def setup():", "    global NETWORK", *indent(model.lines), f"    NETWORK = {model.name}")
    main.define("def train():", *indent(lines))
    main.body += ["setup()", "train()"]
    return "main.py"


SCENES: dict[str, tuple[Callable[[Project], str], float]] = {
    "table": (table, 2),
    "one-after-the-other": (one_after_the_other, 1.5),
    "same-condition": (same_condition, 1),
    "reexported": (reexported, 1),
    "fallback-import": (fallback_import, 0.7),
    "decorated": (decorated, 1),
    "global": (global_model, 0.6),
}
