"""The text of a generated program: modules that know how they spell Keras, and marks on what makes a site."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

MARK = re.compile(r"\x01(-?\d+)\x01")
STYLES = ("keras", "tf", "tf-keras", "sections", "tf-sections", "names", "tf-names", "renamed", "alias")
TF_ROOTED = ("tf", "tf-keras", "tf-sections", "tf-names")


def mark(site: int, text: str) -> str:
    """``text``, its first character marked as the place of a site."""
    return f"\x01{site}\x01{text}"


def indent(lines: list[str], by: int = 1) -> list[str]:
    return ["    " * by + line if line else line for line in lines]


@dataclass
class Function:
    """The function that is being written: parameters that its call has to give, or that have defaults."""

    name: str
    parameters: list[str] = field(default_factory=list)
    arguments: list[tuple[str, str]] = field(default_factory=list)


class Module:
    """One file. ``k("layers.Dense")`` is the spelling of a Keras name here, its import noted."""

    def __init__(self, name: str, project: Project) -> None:
        self.name, self.project, self.rng = name, project, project.rng
        self.style = self.rng.choice(STYLES)
        self.imports: dict[str, None] = {}
        self.definitions: list[str] = []
        self.body: list[str] = []
        self.function: Function | None = None

    def need(self, line: str) -> None:
        self.imports[line] = None

    def define(self, *lines: str) -> None:
        self.definitions += [*lines, ""]

    def fresh(self, stem: str) -> str:
        return self.project.fresh(stem)

    def k(self, path: str) -> str:
        """A Keras name: ``layers.Dense``, ``ops.softmax``, ``Model``."""
        section, _, name = self._other_home(path).rpartition(".")
        if section == "ops":  # has no home in tf.keras
            self.need("from keras import ops")
            return f"ops.{name}"
        return getattr(self, f"_{self.style.removeprefix('tf-').replace('-', '_')}")(section, name)

    def _other_home(self, path: str) -> str:
        """Some names have two: ``keras.Model`` and ``keras.models.Model``."""
        if path in ("Model", "Sequential") and self.rng.random() < 0.25:
            return f"models.{path}"
        return "layers.Input" if path == "Input" and self.rng.random() < 0.25 else path

    def _root(self) -> str:
        return "tensorflow.keras" if self.style in TF_ROOTED else "keras"

    def _keras(self, section: str, name: str) -> str:
        self.need("from tensorflow import keras" if self.style == "tf-keras" else "import keras")
        return ".".join(p for p in ("keras", section, name) if p)

    def _tf(self, section: str, name: str) -> str:
        self.need("import tensorflow as tf")
        return ".".join(p for p in ("tf.keras", section, name) if p)

    def _sections(self, section: str, name: str) -> str:
        self.need(f"from {self._root()} import {section or name}")
        return f"{section}.{name}" if section else name

    def _names(self, section: str, name: str) -> str:
        if section in ("metrics", "activations", "applications"):  # names that losses and ops have as well
            return self._sections(section, name)
        self.need(f"from {'.'.join(p for p in (self._root(), section) if p)} import {name}")
        return name

    def _renamed(self, section: str, name: str) -> str:
        short = {"layers": "L", "losses": "objectives", "activations": "acts"}.get(section)
        if not short:
            return self._keras(section, name)
        self.need(f"from keras import {section} as {short}")
        return f"{short}.{name}"

    def _alias(self, section: str, name: str) -> str:
        self.need("import keras as K")
        return ".".join(p for p in ("K", section, name) if p)

    def tf(self, path: str) -> str:
        """A TensorFlow name; the program then runs on that backend alone."""
        self.project.backends = ("tensorflow",)
        self.need("import tensorflow as tf")
        return f"tf.{path}"

    def from_sibling(self, module: str, name: str) -> str:
        package = self.project.package
        self.need(f"from {'.' if package else ''}{module} import {name}")
        return name

    def text(self) -> str:
        parts = ["\n".join(self.imports), "", "", "\n".join(self.definitions), "", "\n".join(self.body)]
        return re.sub(r"\n{4,}", "\n\n\n", "\n".join(parts)).strip("\n") + "\n"


class Project:
    """All modules of one program, and where its sites stand once it is written out."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.modules: dict[str, Module] = {}
        self.package: str | None = None
        self.notebook: str | None = None
        self.backends: tuple[str, ...] = ("tensorflow", "jax")
        self.extra: dict[str, str] = {}
        self.features: list[str] = []
        self.sites: dict[int, Any] = {}
        self.classes: set[int] = set()
        self.idles: list[int] = []
        self.unrun: set[int] = set()
        self.folders: dict[str, str] = {}
        self._count = 0

    def module(self, name: str) -> Module:
        return self.modules.setdefault(name, Module(name, self))

    def fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"

    def idle(self, text: str) -> str:
        """Mark a loss that meets no output: a site too, of a loss that asks for no scale."""
        self.idles.append(-1 - len(self.idles))
        return mark(self.idles[-1], text)

    def note(self, feature: str) -> str:
        """Remember which form was drawn, for the statistics."""
        self.features.append(feature)
        return feature

    def choose(self, kind: str, weights: dict[str, float]) -> str:
        """Draw one of the names by weight, and note it."""
        name = self.rng.choices(list(weights), list(weights.values()))[0]
        self.note(f"{kind}:{name}")
        return name


@dataclass(frozen=True)
class Written:
    """Files by path, and (path, cell, line, column) of each marked site."""

    files: dict[str, str]
    places: dict[int, tuple[str, int | None, int, int]]


def write(project: Project) -> Written:
    files: dict[str, str] = dict(project.extra)
    places: dict[int, tuple[str, int | None, int, int]] = {}
    for module in project.modules.values():
        folder = project.package or project.folders.get(module.name)
        path = f"{folder}/{module.name}.py" if folder else f"{module.name}.py"
        if module.name == project.notebook:
            files[f"{module.name}.ipynb"] = _notebook(module, places)
        else:
            files[path] = _unmark(module.text(), path, None, places)
    if project.package:
        files[f"{project.package}/__init__.py"] = ""
        files["main.py"] = f"from {project.package}.main import main\n\nmain()\n"
    return Written(files, places)


def _unmark(text: str, path: str, cell: int | None, places: dict[int, Any]) -> str:
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        while found := MARK.search(line):
            places[int(found[1])] = (path, cell, number, found.start() + 1)
            line = line[: found.start()] + line[found.end() :]
        lines.append(line)
    return "\n".join(lines)


def _notebook(module: Module, places: dict[int, Any]) -> str:
    """Imports, definitions and every statement of the body in cells of their own, with some text between."""
    chunks = ["\n".join(module.imports), *_chunks(module.definitions), *_chunks(module.body)]
    cells: list[dict[str, Any]] = []
    path = f"{module.name}.ipynb"
    for chunk in (c for c in chunks if c.strip()):
        if module.rng.random() < 0.2:
            cells.append({"cell_type": "markdown", "metadata": {}, "source": ["Some words.\n"]})
        source = _unmark(chunk, path, len(cells) + 1, places)
        cells.append(
            {
                "cell_type": "code",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": source.splitlines(keepends=True),
            }
        )
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(document, indent=1) + "\n"


def _chunks(lines: list[str]) -> list[str]:
    """Split at statements that begin in the first column, two or three to a cell."""
    chunks: list[list[str]] = [[]]
    for line in lines:
        starts = (
            bool(line)
            and line[0] not in " )]}#"
            and not line.startswith(("else", "elif", "except", "finally"))
        )
        after_decorator = bool(chunks[-1]) and chunks[-1][-1].startswith("@")
        if starts and chunks[-1] and not after_decorator and len(chunks[-1]) >= 3:
            chunks.append([])
        chunks[-1].append(line)
    return ["\n".join(c).strip("\n") for c in chunks]
