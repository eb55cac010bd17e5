"""What a text costs grows with its length: texts made to be read over and over again are read once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fromlogits_audit import baseline
from fromlogits_audit.errors import InputError
from fromlogits_audit.interp.engine import analyse_text
from fromlogits_audit.interp.selection import _imported
from fromlogits_audit.saved.interface import parse_json
from fromlogits_audit.source.cells import Line, statements
from fromlogits_audit.source.imports import sketch
from fromlogits_audit.source.magics import transform

SECONDS = 5
"""Each takes less than one; read over and over again, each takes ten and more."""
BLOCK = (
    "y = layers.Dense(8)(x)\nx = layers.Add()([x, y * keras.ops.sigmoid(y)])\nx = x * keras.ops.sigmoid(x)\n"
)
MODEL = "import keras\nfrom keras import layers\nx = i = keras.Input((8,))\n{body}m = keras.Model(i, x)\n"
LAST = "m.layers[-1].activation = 'softmax'\nm.compile('sgd', 'mse')\n"


def lines_of(text: str) -> list[int]:
    return list(statements([Line(line) for line in text.split("\n")]))


def refused(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse_json(text.encode(), "config.json")
    return caught.value.reason


def entries(count: int) -> str:
    row = {"path": "a.py", "code": "FLA101", "line": "x = 1"}
    rows = [{**row, "text": str(number), "count": 1} for number in range(count)]
    return json.dumps({"schema_version": baseline.SCHEMA_VERSION, "findings": rows})


def sites(body: str) -> int:
    return len(analyse_text(MODEL.format(body=body) + LAST, "train.py").sites)


CASES: dict[str, tuple[Callable[[str], Any], str]] = {
    "imports that are never closed": (lambda text: sketch(text.encode()), "import (\n" * 20_000),
    "imports on one line": (lambda text: sketch(text.encode()), "import a;" * 50_000),
    "imports in one line of JSON": (lambda text: sketch(text.encode()), "import a\\n" * 50_000),
    "imports in brackets in one another": (lambda text: sketch(text.encode()), "from a import (" * 30_000),
    "words of imports that are never closed": (lambda text: _imported(text.encode()), "import (\n" * 40_000),
    "help that is none": (lambda text: transform([text]), "a?" + " " * 40_000 + "x"),
    "a string that is never closed": (lines_of, '"' + '\\"' * 40_000),
    "JSON of a string that is never closed": (refused, '"' + '\\"' * 80_000),
    "blocks with an activation by hand": (sites, BLOCK * 40),
    "a tensor added to itself": (sites, "x = layers.Dense(8)(x)\n" + "x = x + x\n" * 60),
    "a power": (sites, "import math\nn = math.pow(1000000, 100000000)\nk = pow(10, 10**9)\n"),
    "digits rounded off": (sites, "n = round(5, -100000000)\n"),
}


@pytest.mark.parametrize("name", list(CASES))
def test_a_text_is_read_in_time(name: str) -> None:
    read, text = CASES[name]
    start = time.process_time()
    assert read(text) is not None
    assert time.process_time() - start < SECONDS


def test_a_baseline_is_read_in_time(tmp_path: Path) -> None:
    (tmp_path / "baseline.json").write_text(entries(8_000), encoding="utf-8")
    start = time.process_time()
    assert len(baseline.read(tmp_path / "baseline.json")) == 8_000
    assert time.process_time() - start < SECONDS
