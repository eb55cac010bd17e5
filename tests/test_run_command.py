"""``fromlogits-audit run``: the script stays what it is, and the report comes after it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TWO_CLASSES = """
import sys
import keras
print("trained", sys.argv[1:])
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.compile("sgd", loss="sparse_categorical_crossentropy")
"""


def started(
    folder: Path, script: str, *arguments: str, before: tuple[str, ...] = (), direct: bool = False
) -> subprocess.CompletedProcess[str]:
    """A script under ``run``, or (``direct``) as Python alone would run it."""
    (folder / "train.py").write_text(script, encoding="utf-8")
    command = [] if direct else ["-m", "fromlogits_audit", "run", *before]
    return subprocess.run(
        [sys.executable, *command, "train.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(sys.path)},
    )


NOTHING = "Nothing to check: no loss or metric in 0 files.\n"
SCRIPTS = {
    "arguments": "import sys; print(sys.argv, __name__, sys.path[0], __file__)",
    "modules": "import __main__\nx = 1\nprint(__main__.x, __main__.__dict__ is globals())",
    "exit-status": "import sys; sys.exit(3)",
    "exit-message": "import sys; sys.exit('no data')",
    "exit-nothing": "raise SystemExit",
    "exception": "def f():\n    return {}['epochs']\n\n\nf()",
    "chained": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('rate') from e",
    "syntax": "def f(:\n    pass",
    "own-hook": "import sys\nsys.excepthook = lambda kind, error, trace: print('mine', kind.__name__)\n1 / 0",
    "ctrl-c": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)",
    "at-exit": "import atexit\natexit.register(print, 'saved')\nprint('done')",
    "thread": "import threading, time\n"
    "threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()\nprint('early')",
    "open-file": "f = open('log.txt', 'w')\nf.write('all of it')\nprint('written')",
    "own-stdout": "import sys\nsys.stdout = open('out.txt', 'w')\nprint('elsewhere')",
    "closed-stdout": "import sys\nprint('all of it')\nsys.stdout.close()",
    "no-stream": "import sys\nprint('all of it')\nsys.stdout = None",
    "collected": "import gc; print(gc.isenabled())",
    "libcst": "import libcst\nlibcst.Name('a').value = 'b'",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_ends_as_it_would_without_us(name: str, tmp_path: Path) -> None:
    alone = started(tmp_path, SCRIPTS[name], "--epochs", "3", direct=True)
    logs = {file.name: file.read_text() for file in tmp_path.glob("*.txt")}
    run = started(tmp_path, SCRIPTS[name], "--epochs", "3")
    assert run.returncode == alone.returncode
    assert run.stdout == alone.stdout + NOTHING
    assert run.stderr == alone.stderr
    assert {file.name: file.read_text() for file in tmp_path.glob("*.txt")} == logs


def test_ctrl_c_is_a_signal(tmp_path: Path) -> None:
    assert started(tmp_path, SCRIPTS["ctrl-c"]).returncode == -signal.SIGINT


def test_a_script_that_forks_is_reported_once(tmp_path: Path) -> None:
    script = "import os\npid = os.fork()\nif pid:\n    os.waitpid(pid, 0)\nprint('both', flush=True)"
    assert started(tmp_path, script).stdout.count("Nothing to check") == 1


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("none.py", "none.py is no file that could be run."),
        ("a.ipynb", "a.ipynb is a notebook, and run takes scripts; scan reads notebooks."),
    ],
)
def test_what_is_no_script_is_a_wrong_call(tmp_path: Path, script: str, said: str) -> None:
    (tmp_path / "a.ipynb").write_text("{}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "fromlogits_audit", "run", script],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, f"error: {said}\n")


@pytest.mark.parametrize("option", ["--jobs", "-m", "--no-such"])
def test_an_option_that_run_has_not_is_told_as_one(tmp_path: Path, option: str) -> None:
    done = started(tmp_path, "print(1)", before=(option,))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"No such option '{option}'" in done.stderr


def test_findings_decide_where_the_script_succeeds(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    done = started(tmp_path, TWO_CLASSES, "--output-format", "x", before=("--output-format", "json"))
    output, document = done.stdout.split("\n", 1)
    assert output == "trained ['--output-format', 'x']"
    found = json.loads(document)
    assert [(f["code"], f["path"], f["line"], f["column"]) for f in found["findings"]] == [
        ("FLA201", "train.py", 6, 27)
    ]
    assert [(one["status"], one["evidence"], one["units"]) for one in found["sites"]] == [
        ("finding", "run", 2)
    ]
    assert done.returncode == 1


def test_the_report_comes_after_an_exception_too(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    script = TWO_CLASSES + "\nimport sys\nsys.exit(7)\n"
    done = started(tmp_path, script, before=("--output-format", "concise", "--output-file", "report.txt"))
    assert done.returncode == 7
    assert done.stdout == "trained []\n"
    assert "train.py:6:27" in (tmp_path / "report.txt").read_text()


def test_merged_with_what_the_code_says(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    (tmp_path / "kind.json").write_text('{"activation": "softmax"}')
    script = """
import json
import keras

act = json.load(open("kind.json"))["activation"]
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation=act)])
model.compile("sgd", loss=keras.losses.CategoricalCrossentropy(from_logits=True))


def never(units=3):
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])
    other.compile("sgd", loss="categorical_crossentropy")
    return other
"""
    done = started(tmp_path, script, before=("--merge", "--output-format", "json"))
    found = json.loads(done.stdout)
    rows = [(one["line"], one["status"], one["codes"], one.get("evidence")) for one in found["sites"]]
    assert rows == [(7, "finding", ["FLA101"], "run"), (12, "finding", ["FLA201"], None)]
    assert [(f["code"], f["line"]) for f in found["findings"]] == [("FLA101", 7), ("FLA201", 12)]
    assert found["findings"][1]["fixes"], "what the code shows is needed to mend it"
