"""What builtins and command lines are given: what is not known of it is not known of what they give."""

from __future__ import annotations

import pytest

from fromlogits_audit.interp.engine import analyse_text

AFTER = """
import keras
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, act)])
model.compile("sgd", "mse")
"""
PARSER = (
    "import argparse, os\np = argparse.ArgumentParser()\n"
    "p.add_argument('--act', default='relu')\np.add_argument('--epochs')\n"
)
BUILTINS = [
    ("act = 'relu'\nfor i in range(10**30): pass", "relu"),  # more than a length can be
    ("act = ['elu', 'relu'][list(range(10**30, 10**30 + 2))[1] - 10**30]", "relu"),
    ("for i, act in enumerate(iterable=['elu', 'relu']): pass", "relu"),
    ("act = ['elu', 'relu'][[i for i, _ in enumerate('ab', start=0)][1]]", "relu"),
    ("import os\nact = ['elu', 'relu'][list(enumerate('ab', os.getpid()))[0][0]]", "elu or relu"),
    ("act = ['elu', 'relu'][[i for i, _ in enumerate([line for line in open(f)])][-1]]", "elu or relu"),
    ("import os\nfor act in reversed(*os.names()): pass", None),
    ("import os\nact = 'selu' if list(*os.names()) else 'relu'", "relu or selu"),
    ("import os\nact = 'selu' if any(*os.names()) else 'relu'", "relu or selu"),
]
COMMAND_LINES = [
    ("act = p.parse_args(['--epochs', '3']).act", "relu"),
    ("act = p.parse_args(['--act', 'elu']).act", "elu"),
    ("act = p.parse_args(['--epochs', os.getenv(name)]).act", "relu"),  # a value, whatever it is
    ("act = p.parse_args(['--epochs', '3', f'--act={os.getenv(name)}']).act", None),
    ("act = p.parse_args([f'--act={os.getenv(name)}']).act", None),
    ("p.add_argument('--gpus', nargs='*')\nact = p.parse_args(['--gpus', os.getenv(name)]).act", None),
    ("p.add_argument('--two', nargs=2)\nact = p.parse_args(['--two', 'elu', os.getenv(name)]).two[0]", "elu"),
    ("p.add_argument('--two', nargs=2)\nact = p.parse_args(['--two', 'elu', os.getenv(name)]).two[1]", None),
    ("p.add_argument('data')\nact = p.parse_args([os.getenv(name)]).act", "relu"),
    ("p.add_argument('data')\nact = p.parse_args([os.getenv(name), 'x']).act", None),
    ("p.add_argument('')\nact = p.parse_args(['x']).act", None),
]


@pytest.mark.parametrize(
    ("text", "expected"), [*BUILTINS, *((PARSER + text, expected) for text, expected in COMMAND_LINES)]
)
def test_an_activation_is_told_where_its_arguments_are(text: str, expected: str | None) -> None:
    analysis = analyse_text(text + AFTER, "train.py")
    assert [problem.reason for problem in analysis.problems] == []
    (site,) = analysis.sites
    activations = {one.output.activation for one in site.alternatives or (site,)}
    assert activations == set(expected.split(" or ") if expected is not None else [None])
