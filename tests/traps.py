"""A project and saved models that do harm to whoever runs, imports or loads any part of them.

Harm is a file in the folder that ``$CANARY`` names. :func:`write_project` and :func:`write_models` make the
files; each Python file fires when it is run, which the tests show first.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import marshal
import pickle
import zipfile
from pathlib import Path
from typing import Any

FIRE = "import os, pathlib; pathlib.Path(os.environ['CANARY'], {name!r}).touch()"
MODEL = """
import keras
model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
"""

PYTHON = {
    "imported.py": "{fire}",
    "imports.py": "import imported",
    "star.py": "from imported import *",
    "default_argument.py": "def build(units=exec({fire!r})):\n    return units",
    "decorator.py": "@(lambda function: exec({fire!r}))\ndef build():\n    return 3",
    "annotation.py": "units: exec({fire!r}) = 3",
    "class_body.py": "class Config:\n    exec({fire!r})\n    units = 3",
    "metaclass.py": "class Meta(type):\n    def __new__(cls, *args):\n        exec({fire!r})\n"
    "        return super().__new__(cls, *args)\nclass Config(metaclass=Meta):\n    units = 3",
    "init_subclass.py": "class Base:\n    def __init_subclass__(cls):\n        exec({fire!r})\n"
    "class Config(Base):\n    units = 3",
    "set_name.py": "class Field:\n    def __set_name__(self, owner, name):\n        exec({fire!r})\n"
    "class Config:\n    units = Field()",
    "class_getitem.py": "class Units:\n    def __class_getitem__(cls, item):\n        exec({fire!r})\n"
    "units = Units[3]",
    "properties.py": "class Config:\n    @property\n    def units(self):\n        exec({fire!r})\n"
    "units = Config().units",
    "operators.py": "class Units:\n    def __add__(self, other):\n        exec({fire!r})\n"
    "units = Units() + 1",
    "repr.py": "class Units:\n    def __repr__(self):\n        exec({fire!r})\n        return ''\n"
    "name = f'{{Units()}}'",
    "truth.py": "class Flag:\n    def __bool__(self):\n        exec({fire!r})\n        return True\n"
    "units = 3 if Flag() else 4",
    "iteration.py": "class Layers:\n    def __iter__(self):\n        exec({fire!r})\n"
    "        return iter(())\nlayers = [*Layers()]",
    "context.py": "class Scope:\n    def __enter__(self):\n        exec({fire!r})\n"
    "    def __exit__(self, *error):\n        pass\nwith Scope():\n    units = 3",
    "fstring.py": 'name = f"""{{exec({fire!r})}}"""',
    "walrus.py": "print(units := exec({fire!r}))",
    "evaluated.py": "units = eval(compile({fire!r}, 'x', 'exec'))",
    "dunder_import.py": "units = __import__('imported')",
    "import_module.py": "import importlib\nunits = importlib.import_module('imported')",
    "system.py": "import os\nunits = os.system('touch $CANARY/system.py')",
    "subprocess_call.py": "import subprocess\nsubprocess.run('touch $CANARY/subprocess_call.py', shell=True)",
    "unpickled.py": "import pathlib, pickle\n"
    "units = pickle.loads(pathlib.Path(__file__).with_name('units.pkl').read_bytes())",
    "unmarshalled.py": "import marshal, pathlib\n"
    "exec(marshal.loads(pathlib.Path(__file__).with_name('units.bin').read_bytes()))",
    "python_magic.py": "from types import FunctionType\n"
    "units = FunctionType(compile({fire!r}, 'x', 'exec'), {{}})()",
    # What a tool may import by itself, because of its name.
    "conftest.py": "{fire}",
    "sitecustomize.py": "{fire}",
    "usercustomize.py": "{fire}",
    "setup.py": "{fire}",
    "__init__.py": "{fire}",
    "__main__.py": "{fire}",
    "hatch_build.py": "{fire}",
    "json.py": "{fire}",
    "click.py": "{fire}",
    "libcst.py": "{fire}",
    "h5py.py": "{fire}",
    "fromlogits_plugin.py": "{fire}",
}
"""By name of the file. ``{fire}`` is code that leaves a file of that name, or of what it imports."""

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatch_build"
backend-path = ["."]
[project]
name = "trap"
version = "1"
[project.entry-points."fromlogits_audit.plugins"]
trap = "fromlogits_plugin"
[project.entry-points.pytest11]
trap = "fromlogits_plugin"
[tool.hatch.build.hooks.custom]
path = "hatch_build.py"
[tool.fromlogits-audit.outputs]
"imported.build" = "logits"
[tool.fromlogits-audit.losses]
"imported.loss" = {like = "BinaryFocalCrossentropy", from_logits = true}
"""

CELLS = [
    "%load_ext imported",
    "!touch $CANARY/shell",
    "files = !touch $CANARY/assigned",
    "%%bash\ntouch $CANARY/bash",
    "%%writefile written.py\n{fire}",
    "%run imported.py",
    "%%python\n{fire}",
    "get_ipython().system('touch $CANARY/system')",
    "{fire}",
]


class Reduced:
    """Unpickling one runs code."""

    def __reduce__(self) -> Any:
        return exec, (FIRE.format(name="units.pkl"),)


def code(name: str) -> str:
    """What a trap does, without the model."""
    return PYTHON[name].format(fire=FIRE.format(name=name))


def write_payloads(folder: Path) -> None:
    (folder / "units.pkl").write_bytes(pickle.dumps(Reduced()))
    (folder / "units.bin").write_bytes(marshal.dumps(compile(FIRE.format(name="units.bin"), "x", "exec")))


def write_project(folder: Path) -> None:
    """Every Python trap ends in a model that is wrong, so that each file is analysed to its end."""
    for name in PYTHON:
        (folder / name).write_text(code(name) + "\n" + MODEL, encoding="utf-8")
    write_payloads(folder)
    (folder / "trap.pth").write_text(FIRE.format(name="trap.pth") + "\n", encoding="utf-8")
    (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    cells = [cell.format(fire=FIRE.format(name="notebook")) for cell in CELLS]
    document = {
        "cells": [
            {"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in [*cells, MODEL]
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / "notebook.ipynb").write_text(json.dumps(document), encoding="utf-8")


def marshalled(name: str) -> str:
    """A function as Keras stores a Lambda layer: its code, marshalled, in base64."""
    return base64.b64encode(marshal.dumps(compile(FIRE.format(name=name), "x", "exec"))).decode()


def _lambda(name: str) -> dict[str, Any]:
    function = {
        "class_name": "__lambda__",
        "config": {"code": marshalled(name), "defaults": None, "closure": None},
    }
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "l", "function": function},
        "registered_name": None,
    }


def _custom(module: str, class_name: str) -> dict[str, Any]:
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": "c", "units": 3},
        "registered_name": f"{module}>{class_name}",
    }


def _sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    config = {"name": "s", "layers": list(layers)}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}


def keras_models() -> dict[str, dict[str, bytes]]:
    """The members of each ``.keras`` archive."""
    pickled = base64.b64encode(pickle.dumps(Reduced())).decode()
    loss = {
        "module": "imported",
        "class_name": "function",
        "config": "fire",
        "registered_name": "imported>fire",
    }
    documents = {
        "lambda.keras": _sequential(_lambda("lambda.keras")),
        "own-module.keras": _sequential(_custom("imported", "Boom")),
        "builtin.keras": _sequential(_custom("builtins", "exec"), _custom("os", "system")),
        "pickled.keras": _sequential({**_custom("imported", "Boom"), "build_config": {"pickled": pickled}}),
        "own-loss.keras": {
            **_sequential(_lambda("own-loss.keras")),
            "compile_config": {"loss": loss, "metrics": [loss]},
        },
    }
    made = {
        name: {"metadata.json": b'{"keras_version": "3.0.0"}', "config.json": json.dumps(document).encode()}
        for name, document in documents.items()
    }
    code = FIRE.format(name="member").encode()
    made["members.keras"] = {
        **made["lambda.keras"],
        "imported.py": code,
        "model.weights.h5": pickle.dumps(Reduced()),
        "assets/units.pkl": pickle.dumps(Reduced()),
    }
    return made


YAML = "!!python/object/apply:os.system ['touch $CANARY/yaml']\n"


def write_models(folder: Path) -> None:
    for name, members in keras_models().items():
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        (folder / name).write_bytes(data.getvalue())
    (folder / "pickle.keras").write_bytes(pickle.dumps(Reduced()))
    (folder / "pickle.h5").write_bytes(pickle.dumps(Reduced()))
    (folder / "yaml.keras").write_text(YAML, encoding="utf-8")
    saved = folder / "graph"
    saved.mkdir()
    (saved / "saved_model.pb").write_bytes(pickle.dumps(Reduced()))
    (saved / "keras_metadata.pb").write_bytes(marshalled("graph").encode())
    if importlib.util.find_spec("h5py") is not None:
        _write_hdf5(folder)


def _write_hdf5(folder: Path) -> None:
    import h5py

    lambda_2 = {
        "class_name": "Lambda",
        "config": {"name": "l", "function": [marshalled("lambda.h5"), None, None]},
    }
    config = {
        "class_name": "Sequential",
        "config": {"name": "s", "layers": [lambda_2, _custom("imported", "Boom")]},
    }
    for name, text in {"lambda.h5": json.dumps(config), "yaml.h5": YAML}.items():
        with h5py.File(folder / name, "w") as file:
            file.attrs["model_config"] = text
            file.attrs["training_config"] = json.dumps(
                {"loss": {"class_name": "imported>Boom", "config": {}}}
            )
