"""Nothing that is audited runs: code that leaves a trace when it does, and a process that may not run any."""

from __future__ import annotations

import json
import marshal
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import traps

SECRET = "from the environment: 7b1f"

# Loaded before, so that afterwards any import at all is one of what is audited.
CHILD = """
import io, json, os, sys
from contextlib import redirect_stdout
from pathlib import Path
from fromlogits_audit.cli import run
warm, folder, *arguments = sys.argv[1:]
os.chdir(folder)
with redirect_stdout(io.StringIO()):
    for kind in ("source", "models"):
        command = ["scan"] if kind == "source" else ["model"]
        for form in ("json", "text", "sarif"):
            run([*command, "--output-format", form, "--exit-zero", str(Path(warm) / kind)])
FORBIDDEN = {
    "exec", "import", "marshal.loads", "marshal.load", "pickle.find_class", "subprocess.Popen", "os.system",
    "os.exec", "os.posix_spawn", "os.spawn", "os.forkpty", "os.startfile", "socket.__new__",
    "socket.connect", "ctypes.dlopen", "code.__new__", "os.remove", "os.rename", "os.mkdir", "os.putenv",
}
seen = []
def hook(event, args):
    writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
    if event in FORBIDDEN or writes:
        seen.append(f"{event} {args!r}"[:300])
        raise RuntimeError(f"{event} is forbidden here")
sys.addaudithook(hook)
out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
with redirect_stdout(out):
    status = run([*arguments, "--output-format", "json", folder])
out.flush()
text = out.buffer.getvalue().decode()
sys.stderr.write(json.dumps({"status": status, "seen": seen, "report": text}))
sys.stderr.flush()
os._exit(0)
"""


def environment(canary: Path) -> dict[str, str]:
    return {**os.environ, "CANARY": str(canary), "UNITS": SECRET}


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    made = tmp_path / "canary"
    made.mkdir()
    return made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    traps.write_project(made)
    return made


@pytest.fixture
def models(tmp_path: Path) -> Path:
    made = tmp_path / "models"
    made.mkdir()
    traps.write_models(made)
    return made


def forbidden(tmp_path: Path, folder: Path, canary: Path, *arguments: str) -> dict[str, Any]:
    """Audit a folder in a process that must not run code, load modules or write files."""
    warm = tmp_path / "warm"
    (warm / "source").mkdir(parents=True)
    (warm / "source" / "ok.py").write_text(traps.MODEL, encoding="utf-8")
    (warm / "source" / "bad.py").write_text("import keras\n(", encoding="utf-8")
    cells = [
        {"cell_type": "code", "source": "%%writefile a.py\nimport keras"},
        {"cell_type": "code", "source": traps.MODEL},
    ]
    (warm / "source" / "n.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}), encoding="utf-8")
    (warm / "source" / "pyproject.toml").write_text(traps.PYPROJECT, encoding="utf-8")
    (warm / "models").mkdir()
    traps.write_models(warm / "models")
    done = subprocess.run(
        [sys.executable, "-I", "-c", CHILD, str(warm), str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(canary),
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stderr[done.stderr.index('{"status"') :])
    return found


RUN_EACH = """
import os, pathlib, runpy, sys
canary = pathlib.Path(os.environ["CANARY"])
sys.path.insert(0, sys.argv[1])
for trap in sorted(pathlib.Path(sys.argv[1]).glob("trap_*.py")):
    try:
        runpy.run_path(str(trap))
    except Exception:
        pass  # what an exec() gives is no function and no name: it has fired before that matters
    sys.modules.pop("imported", None)
    print(trap.name, *(fired.name for fired in canary.iterdir()))
    for fired in canary.iterdir():
        fired.unlink()
"""


def test_each_trap_fires_when_it_is_run(tmp_path: Path, canary: Path) -> None:
    for name in traps.PYTHON:
        (tmp_path / f"trap_{name}").write_text(traps.code(name), encoding="utf-8")
    (tmp_path / "imported.py").write_text(traps.code("imported.py"), encoding="utf-8")
    traps.write_payloads(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", RUN_EACH, str(tmp_path)],
        env=environment(canary),
        capture_output=True,
        text=True,
        check=True,
    )
    fired = [line.split() for line in done.stdout.splitlines()]
    assert {line[0].removeprefix("trap_") for line in fired if len(line) == 2} == set(traps.PYTHON)


def test_the_stored_payloads_fire_when_they_are_loaded(canary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import base64

    monkeypatch.setenv("CANARY", str(canary))
    pickle.loads(pickle.dumps(traps.Reduced()))
    exec(marshal.loads(base64.b64decode(traps.marshalled("lambda"))))
    assert sorted(path.name for path in canary.iterdir()) == ["lambda", "units.pkl"]


@pytest.mark.parametrize("options", [[], ["--strict", "--show-sites"], ["--select", "FLA"]], ids=" ".join)
def test_a_scan_runs_nothing(options: list[str], tmp_path: Path, project: Path, canary: Path) -> None:
    found = forbidden(tmp_path, project, canary, "scan", "--no-cache", "--jobs", "1", *options)
    assert found["seen"] == [] and list(canary.iterdir()) == []
    report = json.loads(found["report"])
    wrong = {f["path"].rpartition("/")[2] for f in report["findings"] if f["code"] == "FLA101"}
    assert wrong == {*traps.PYTHON, "notebook.ipynb"}, "every trap was analysed to its end"
    assert not any(f["code"] == "FLA001" for f in report["findings"])


def test_an_audit_of_models_runs_nothing(tmp_path: Path, models: Path, canary: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    found = forbidden(tmp_path, models, canary, "model")
    assert found["seen"] == [] and list(canary.iterdir()) == []
    codes = {(f["code"], f["path"]) for f in json.loads(found["report"])["findings"]}
    said = {path.rpartition("/")[2] for _, path in codes}
    assert {"lambda.keras", "own-loss.keras", "members.keras", "lambda.h5"} <= {
        path.rpartition("/")[2] for code, path in codes if code == "FLA801"
    }
    assert {path.name for path in models.iterdir()} - said <= {"own-module.keras", "builtin.keras"}
    assert [
        path for path in sorted(tmp_path.rglob("*")) if path not in before and "warm" not in path.parts
    ] == []


COMMAND = [str(Path(sys.executable).with_name("fromlogits-audit"))]


@pytest.mark.parametrize("start", ["command", "module"])
def test_the_folder_it_is_started_in_is_no_place_to_import_from(
    start: str, project: Path, canary: Path
) -> None:
    command = COMMAND
    if start == "module":
        command = [sys.executable, "-m", "fromlogits_audit"]
        # Python itself runs these two from the current folder before any module that -m names.
        (project / "sitecustomize.py").unlink()
        (project / "usercustomize.py").unlink()
    done = subprocess.run(
        [*command, "scan", "--no-cache", "--quiet"],
        cwd=project,
        env=environment(canary),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert list(canary.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(COMMAND, id="command"),
        pytest.param([sys.executable, "-I", "-m", "fromlogits_audit"], id="-I -m"),
        pytest.param(
            [sys.executable, "-P", "-m", "fromlogits_audit"],
            id="-P -m",
            marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="-P came with Python 3.11"),
        ),
    ],
)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_no_file_takes_the_place_of_the_standard_library(
    command: list[str], jobs: str, tmp_path: Path, canary: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name in sys.stdlib_module_names:
        text = traps.FIRE.format(name=f"{name}.py") + "\nimport keras\n"
        (project / f"{name}.py").write_text(text, encoding="utf-8")
    for name in ("train.py", "again.py"):
        (project / name).write_text(traps.MODEL, encoding="utf-8")
    done = subprocess.run(
        [*command, "scan", "--no-cache", "--output-format", "concise", "--jobs", jobs],
        cwd=project,
        env=environment(canary),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and done.stdout.count("FLA101") == 2, done.stderr
    assert list(canary.iterdir()) == []


def test_the_environment_is_not_looked_up(tmp_path: Path, canary: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    text = traps.MODEL.replace("Dense(3", "Dense(os.environ.get('UNITS', os.environ['UNITS'])")
    (project / "train.py").write_text(
        "import os\n" + text.replace('"adam"', "os.environ['UNITS']"), encoding="utf-8"
    )
    found = forbidden(tmp_path, project, canary, "scan", "--no-cache", "--jobs", "1", "--show-sites")
    assert SECRET not in found["report"] and '"FLA101"' in found["report"]
