"""What the fuzz tests and ``make soak`` feed to the tool: mangled fixtures. And what each run must show."""

from __future__ import annotations

import io
import json
import os
import random
import re
import time
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from fromlogits_audit.cli import run

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "fixtures"
SECONDS = 10.0
"""No mangled fixture comes near it; what is built to be slow is in test_bounds.py."""

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_ODD = (
    "\0", "\f", "\r", "\t", "\\\n", "\ufeff", "\u2028", "\ud800", "\U0001f600",
    "e\u0301", "\x1b[31m", "'''", '"""', "{", "}",
    "(", ")", "[", "]", ":", ";", "=", "*", "**", "@", "->", ":=", "lambda: ",
    "async ", "await ", "yield ", "del ", "return ",
    "global n\n", "0x" + "f" * 500, "9" * 5000, "1e999", "-1", "None", "True",
    "float('nan')", "(" * 120, "[" * 300,
    "not " * 300, "x" + ".y" * 300, "model", "loss", "keras", "from_logits=", "activation=", "units=",
    "self", "super()",
    "f'{", "%%writefile a.py\n", "!ls\n", "%run b\n", "# noqa: FLA101", "if True:\n", "for i in x:\n", "    ",
)  # fmt: skip


@cache
def programs() -> list[str]:
    return [p.read_bytes().decode("utf-8", "surrogateescape") for p in sorted(FIXTURES.rglob("*.py"))]


@cache
def notebooks() -> list[str]:
    return [p.read_text(encoding="utf-8", errors="replace") for p in sorted(FIXTURES.rglob("*.ipynb"))]


def mangled_text(chance: random.Random, text: str, changes: int) -> str:
    """Tokens and lines deleted, doubled, exchanged and put elsewhere, and odd ones put between."""
    for _ in range(changes):
        by_line = chance.random() < 0.4
        parts = text.splitlines(keepends=True) if by_line else _TOKEN.findall(text)
        if not parts:
            return text
        at, other = chance.randrange(len(parts)), chance.randrange(len(parts))
        kind = chance.randrange(6)
        if kind == 0:
            del parts[at : at + chance.randint(1, 4)]
        elif kind == 1:
            parts[at:at] = parts[at : at + chance.randint(1, 6)] * chance.randint(1, 3)
        elif kind == 2:
            parts[at], parts[other] = parts[other], parts[at]
        elif kind == 3:
            parts.insert(at, chance.choice(_ODD))
        elif kind == 4:
            parts[at] = chance.choice(_ODD)
        else:
            foreign = _TOKEN.findall(chance.choice(programs()))
            parts[at:at] = foreign[other % max(len(foreign), 1) :][: chance.randint(1, 30)]
        text = "".join(parts)[:60_000]
    return text


def mangled_bytes(chance: random.Random, data: bytes, changes: int) -> bytes:
    raw = bytearray(data)
    for _ in range(changes):
        at = chance.randrange(len(raw) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            del raw[at : at + chance.randint(1, 40)]
        elif kind == 1:
            raw[at:at] = raw[at : at + chance.randint(1, 40)]
        elif kind == 2:
            raw[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 4)))
        elif at < len(raw):
            raw[at] = chance.randrange(256)
    return bytes(raw)


_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 1e300, 2**70, "", "softmax", "Dense", "\ud800", [], {}, [[]], [["a", 0, 0, {}]],
    {"class_name": "X"},
    "x" * 5000, {"config": {}}, ["a", 0, 0], [None] * 50,
)  # fmt: skip


def mangled_json(chance: random.Random, document: Any, changes: int) -> Any:
    """Values and keys deleted, replaced, doubled and hung below others."""
    document = json.loads(json.dumps(document))
    for _ in range(changes):
        places = list(_places(document))
        if not places:
            return document
        holder, key = chance.choice(places)
        kind = chance.randrange(5)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            # A copy: what is hung below it later must not be found in the next document, or in itself.
            holder[key] = deepcopy(chance.choice(_VALUES))
        elif kind == 2:
            other, place = chance.choice(places)
            holder[key] = json.loads(json.dumps(other[place]))
        elif kind == 3:
            holder[key] = {str(key): holder[key]} if chance.random() < 0.5 else [holder[key]] * 2
        elif isinstance(holder, dict):
            holder[chance.choice(["units", "name", "layers", "activation", "class_name", "config"])] = (
                holder.pop(key)
            )
    return document


def _places(document: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    pending = [document]
    while pending and len(found) < 3000:
        one = pending.pop()
        keys = list(one) if isinstance(one, dict) else list(range(len(one)))
        found += [(one, key) for key in keys]
        pending += [one[key] for key in keys if isinstance(one[key], (dict, list))]
    return found


# -- what is written -----------------------------------------------------------------------------
Maker = Callable[[random.Random, Path], list[str]]
"""Writes files into a folder and says with which arguments the command is to be run there."""


def source(chance: random.Random, folder: Path) -> list[str]:
    for number in range(chance.randint(1, 3)):
        text = mangled_text(chance, chance.choice(programs()), chance.randint(0, 8))
        (folder / f"m{number}.py").write_bytes(text.encode("utf-8", "surrogatepass"))
    return ["scan", "."]


def notebook(chance: random.Random, folder: Path) -> list[str]:
    text = chance.choice(notebooks())
    try:
        document = mangled_json(chance, json.loads(text), chance.randint(0, 6))
        for cell in document.get("cells", []) if isinstance(document, dict) else []:
            if (
                isinstance(cell, dict)
                and isinstance(cell.get("source"), str | list)
                and chance.random() < 0.3
            ):
                whole = "".join(part for part in cell["source"] if isinstance(part, str))
                cell["source"] = mangled_text(chance, whole, 2)
        data = json.dumps(document).encode()
    except (ValueError, AttributeError, TypeError):
        data = text.encode()
    (folder / "n.ipynb").write_bytes(mangled_bytes(chance, data, chance.choice([0, 0, 1, 5])))
    return ["scan", "."]


def keras_archive(chance: random.Random, folder: Path) -> list[str]:
    data = chance.choice(sorted((FIXTURES / "models").glob("*.keras"))).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as before:
        members = {name: before.read(name) for name in before.namelist() if name.endswith(".json")}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as after:
        for name, content in members.items():
            document = mangled_json(chance, json.loads(content), chance.randint(0, 6))
            after.writestr(name, json.dumps(document))
    (folder / "m.keras").write_bytes(mangled_bytes(chance, made.getvalue(), chance.choice([0, 0, 0, 1, 5])))
    return ["model", "m.keras"]


def hdf5(chance: random.Random, folder: Path) -> list[str]:
    import h5py

    archive = chance.choice(sorted((FIXTURES / "models").glob("*.keras"))).read_bytes()
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        config = json.loads(members.read("config.json"))
    with h5py.File(folder / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(mangled_json(chance, config, chance.randint(0, 6)))
        training = {"loss": "categorical_crossentropy", "metrics": ["accuracy"]}
        file.attrs["training_config"] = json.dumps(mangled_json(chance, training, chance.randint(0, 2)))
    data = mangled_bytes(chance, (folder / "m.h5").read_bytes(), chance.choice([0, 0, 0, 1, 5]))
    (folder / "m.h5").write_bytes(data)
    return ["model", "m.h5"]


def graph(chance: random.Random, folder: Path) -> list[str]:
    import hostile

    made = folder / "saved"
    made.mkdir()
    original = hostile._SOFTMAX + hostile.saved_model(hostile._CALL, hostile._doubling(3))
    (made / "saved_model.pb").write_bytes(mangled_bytes(chance, original, chance.randint(0, 12)))
    return ["model", "saved"]


CONFIGURATION = """
[project]
name = "p"
dependencies = ["keras<3", "tensorflow==2.10"]
[tool.fromlogits-audit]
select = ["FLA1", "FLA2"]
ignore = ["FLA3"]
exclude = ["*.py", "build/"]
fail-on = "error"
strict = true
output-format = "json"
keras = 3
backend = "jax"
[tool.fromlogits-audit.severity]
FLA101 = "warning"
[tool.fromlogits-audit.per-file-ignores]
"tests/*" = ["FLA1"]
[tool.fromlogits-audit.outputs]
"pkg.build" = "logits"
"pkg.head" = {scale = "probabilities", units = 10}
[tool.fromlogits-audit.losses]
"pkg.Focal" = {like = "BinaryFocalCrossentropy", from_logits = true}
"""


def configuration(chance: random.Random, folder: Path) -> list[str]:
    text = mangled_text(chance, CONFIGURATION, chance.randint(0, 6))
    (folder / "pyproject.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    (folder / "m.py").write_bytes(chance.choice(programs()).encode("utf-8", "surrogateescape"))
    (folder / ".gitignore").write_bytes(
        mangled_text(chance, "*.pyc\n!a\nb/\n[c\n", 3).encode("utf-8", "replace")
    )
    return ["scan", "."]


MAKERS: dict[str, Maker] = {
    "source": source,
    "notebook": notebook,
    "keras": keras_archive,
    "hdf5": hdf5,
    "graph": graph,
    "configuration": configuration,
}


# -- what has to hold ----------------------------------------------------------------------------
@cache
def schema() -> Draft202012Validator:
    return Draft202012Validator(json.loads((HERE / "report_schema.json").read_text(encoding="utf-8")))


def check(kind: str, seed: int, folder: Path) -> None:
    """Run the command on what ``seed`` makes of a fixture; AssertionError where a promise is broken."""
    check_run(kind, MAKERS[kind](random.Random(seed), folder), folder)


def check_run(kind: str, arguments: list[str], folder: Path) -> None:
    """Run the command in a folder of files of a kind; AssertionError where a promise is broken.

    The report is whole and valid, every file is in it, nothing is called a bug, and it took its time.
    """
    start = time.process_time()
    status, out, err = _command(folder, [*arguments, "--output-format", "json"])
    took = time.process_time() - start
    assert took < SECONDS, f"{took:.1f} s"
    assert not re.search(r"\bbug\b", err), err  # A temporary folder may be called tmpbugx.
    if kind == "configuration" and status == 2:
        assert "pyproject.toml" in err or "exclude" in err, err
        return
    assert status in (0, 1), err
    document = json.loads(out)
    schema().validate(document)
    assert not [f for f in document["findings"] if f["code"] == "FLA001" and "bug" in f["message"]], out
    assert (
        status == any(f["severity"] in ("error", "warning") for f in document["findings"])
        or kind == "configuration"
    )
    if arguments[0] == "model":
        named = {f["path"] for f in document["findings"] if f["code"] == "FLA001"}
        assert named or document["models"], "the model is neither read nor refused"
    elif kind != "configuration":
        assert document["summary"]["files"] == sum(
            1 for p in folder.iterdir() if p.suffix in (".py", ".ipynb")
        )


def _command(folder: Path, arguments: list[str]) -> tuple[int, str, str]:
    before = Path.cwd()
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    err = io.StringIO()
    os.chdir(folder)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = run(arguments)
        out.flush()
    finally:
        os.chdir(before)
    return status, out.buffer.getvalue().decode(), err.getvalue()  # type: ignore[attr-defined]
