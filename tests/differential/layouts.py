"""How a program is laid out in files, functions and classes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from .forms import draw_model
from .heads import Head
from .losses import Target
from .model_parts import Model
from .pairs import write_pairing
from .scenes import SCENES
from .writer import Function, Module, Project, Written, indent, write


@dataclass(frozen=True)
class Program:
    """A written program and what is meant by it: for each site its loss, output name and head."""

    seed: int
    entry: str
    written: Written
    sites: dict[int, tuple[Target, str | None, Head]]
    backends: tuple[str, ...]
    features: tuple[str, ...]
    classes: frozenset[int] = frozenset()
    """Sites whose loss is given as the bare class."""
    idles: tuple[int, ...] = ()
    """Sites that meet no output."""
    unrun: frozenset[int] = frozenset()
    """Sites under a condition that does not hold when the program runs."""


def model_function(module: Module, stem: str) -> tuple[Model, str, str]:
    """A function that makes the model: the model, the function's name and the arguments of its call."""
    name = module.fresh(stem)
    module.function = Function(name)
    model = draw_model(module, one_output=False)
    made, module.function = module.function, None
    module.define(
        f"def {name}({', '.join(made.parameters)}):", *indent(model.lines), f"    return {model.name}"
    )
    arguments = ", ".join(f"**{value}" if key == "**" else f"{key}={value}" for key, value in made.arguments)
    return model, name, arguments


def script(project: Project) -> str:
    main = project.module("main")
    model = draw_model(main, one_output=False)
    main.body += [*model.lines, *write_pairing(main, model, model.name)]
    return "main.py"


def functions(project: Project) -> str:
    main = project.module("main")
    model, name, arguments = model_function(main, "make_model")
    _main_function(main, model, f"{name}({arguments})")
    return "main.py"


def _main_function(main: Module, model: Model, call: str) -> None:
    variable = main.rng.choice(["model", "net", "m"])
    lines = [f"{variable} = {call}", *write_pairing(main, model, variable)]
    main.define("def main():", *indent(lines), f"    return {variable}")
    if main.project.package is None:
        guard = main.rng.random() < 0.8
        main.body += ["if __name__ == '__main__':", "    main()"] if guard else ["main()"]


def modules(project: Project) -> str:
    main, models = project.module("main"), project.module("models")
    model, name, arguments = model_function(models, "make_model")
    how = project.rng.random()
    if project.package is None and how < 0.3:
        main.need("import models")
        called = f"models.{name}"
    elif project.package is None and how < 0.4:
        main.need("from models import *")
        called = name
    else:
        called = main.from_sibling("models", name)
    _main_function(main, model, f"{called}({arguments})")
    return "main.py"


def package(project: Project) -> str:
    project.package = "classifier"
    return modules(project)


def notebook(project: Project) -> str:
    project.notebook = "main"
    main = project.module("main")
    if project.rng.random() < 0.5:
        model = draw_model(main, one_output=False)
        main.body += [*model.lines, *write_pairing(main, model, model.name)]
    else:
        model, name, arguments = model_function(main, "make_model")
        main.body += [f"model = {name}({arguments})", *write_pairing(main, model, "model")]
    return "main.ipynb"


def class_with_model(project: Project) -> str:
    """A class that keeps the model as an attribute and trains it in another method."""
    main = project.module("main")
    model = draw_model(main, one_output=False)
    name = main.fresh("Experiment")
    train = write_pairing(main, model, "self.model")
    lines = [f"class {name}:", "    def __init__(self):"]
    how = main.project.choose("object", {"init": 1, "build": 1, "returned": 1})
    if how == "init":
        lines += [*indent(model.lines, 2), f"        self.model = {model.name}"]
    elif how == "build":
        lines += [
            "        self.model = None",
            "",
            "    def build(self):",
            *indent(model.lines, 2),
            f"        self.model = {model.name}",
        ]
    else:
        lines += [
            "        self.model = self.make()",
            "",
            "    def make(self):",
            *indent(model.lines, 2),
            f"        return {model.name}",
        ]
    lines += ["", "    def train(self):", *indent(train, 2)]
    main.define(*lines)
    main.body += [
        f"experiment = {name}()",
        *(["experiment.build()"] if how == "build" else []),
        "experiment.train()",
    ]
    return "main.py"


def loss_passed(project: Project) -> str:
    """The pairing stands in a function that takes the model."""
    main = project.module("main")
    model, name, arguments = model_function(main, "build")
    train = main.fresh("train")
    main.define(
        f"def {train}(network):", *indent(write_pairing(main, model, "network")), "    return network"
    )
    main.body += [f"model = {name}({arguments})", f"{train}(model)"]
    return "main.py"


def trainer_module(project: Project) -> str:
    """The pairing stands in a module of its own, which takes the model."""
    main, training = project.module("main"), project.module("training")
    model, name, arguments = model_function(main, "build")
    training.define(
        "def train(network):", *indent(write_pairing(training, model, "network")), "    return network"
    )
    main.from_sibling("training", "train")
    main.body += [f"model = {name}({arguments})", "train(model)"]
    return "main.py"


Layout = Callable[[Project], str]
LAYOUTS: dict[str, tuple[Layout, float]] = {
    "script": (script, 4),
    "functions": (functions, 3),
    "modules": (modules, 2),
    "package": (package, 1.5),
    "notebook": (notebook, 2),
    "class": (class_with_model, 2),
    "loss-passed": (loss_passed, 1.5),
    "trainer-module": (trainer_module, 1),
    **SCENES,
}


def generate(seed: int) -> Program:
    """The program of this seed: always the same one."""
    project = Project(random.Random(seed))
    entry = LAYOUTS[project.choose("layout", {k: w for k, (_, w) in LAYOUTS.items()})][0](project)
    written = write(project)
    return Program(
        seed,
        entry,
        written,
        dict(project.sites),
        project.backends,
        tuple(project.features),
        frozenset(project.classes),
        tuple(project.idles),
        frozenset(project.unrun),
    )
