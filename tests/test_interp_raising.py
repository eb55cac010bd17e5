"""Which handler of a ``try`` runs: Python says it, and the scan says the same wherever nothing is unknown."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from fromlogits_audit.interp.engine import analyse_text

BEFORE = """\
import contextlib, enum, os
TABLE = {"a": "elu"}
class Own(Exception): pass
class Inner(Own, ValueError): pass
class Kind(enum.Enum):
    A = "elu"
class Picky:
    def __init__(self, name):
        self.name = check(name)
def check(name):
    if name not in TABLE:
        raise Inner(name)
    return TABLE[name]
def first(name):
    for known in TABLE:
        if known == name:
            return TABLE[known]
    raise Own
def later():
    yield int("b")
async def awaited():
    return int("b")
act = "relu"
"""
AFTER = """
import keras
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, act)])
model.compile("sgd", "mse")
"""
CAUGHT = "try:\n    {body}\n    act = 'tanh'\nexcept {kinds}:\n    act = 'selu'\nelse:\n    act = 'softsign'"
BODIES = [
    ("act = int('b')", "ValueError"),
    ("act = TABLE['a']", "KeyError"),  # it is there
    ("act = int('b')", "(LookupError, ValueError)"),
    ("act = int('b')", "Exception as error"),
    ("act = ['elu'][-1]", "IndexError"),
    ("n = int('auto')", "ValueError"),
    ("n = int('12')", "ValueError"),
    ("n = float('one')", "(ArithmeticError, ValueError)"),
    ("n = float(None)", "TypeError"),
    ("n = 7 / 2", "ZeroDivisionError"),
    ("n = '%d' % 1", "TypeError"),
    ("assert act == 'elu'", "AssertionError"),
    ("assert act == 'relu'", "AssertionError"),
    ("kind = Kind('elu')", "ValueError"),
    ("kind = Kind['A']", "KeyError"),
    ("check('b')", "Own"),
    ("check('b')", "ValueError"),
    ("check('a')", "ValueError"),
    ("first('b')", "Own"),
    ("first('a')", "Own"),
    ("Picky('b')", "ValueError"),
    ("Picky('a')", "ValueError"),
    ("print(check('b'))", "Inner"),
    ("raise Inner", "Own"),
    ("raise Inner('a')", "(KeyError, ValueError)"),
    ("x = later()", "ValueError"),  # nothing of it runs yet
    ("x = awaited(); x.close()", "ValueError"),
    ("x = act == 'relu' or int('b')", "ValueError"),
    ("x = act == 'elu' or int('b')", "ValueError"),
    ("x = 'elu' if act else int('b')", "ValueError"),
    ("x = 2 < 1 < int('b')", "ValueError"),
    ("x = (TABLE[k] for k in 'bc')", "ValueError"),
    ("x = lambda: int('b')", "ValueError"),
]
WHOLE = [
    "try:\n    raise Own\nexcept ValueError:\n    act = 'tanh'\nexcept Own:\n    act = 'selu'",
    "try:\n    raise Inner\nexcept KeyError:\n    act = 'tanh'\nexcept:\n    act = 'selu'",
    "try:\n    try:\n        check('b')\n    except KeyError:\n        act = 'tanh'\n    act = 'elu'\n"
    "except Own:\n    pass",
    "try:\n    try:\n        check('b')\n    except Own:\n        raise\n    act = 'elu'\n"
    "except KeyError:\n    act = 'tanh'\nexcept Own:\n    act = 'selu'",
    "try:\n    try:\n        act = int('b')\n    except ValueError:\n        raise Own\n"
    "except KeyError:\n    act = 'tanh'\nexcept Own:\n    act = 'selu'",
    "try:\n    try:\n        act = int('b')\n    finally:\n        act = 'elu'\n    act = 'tanh'\n"
    "except ValueError:\n    pass",
    "try:\n    act = 'elu'\n    act = int('b')\nexcept ValueError:\n    pass",
    "with contextlib.suppress(ValueError):\n    act = 'elu'\n    act = int('b')\n    act = 'tanh'",
    "with contextlib.suppress(KeyError):\n    act = TABLE['a']",
    "try:\n    with contextlib.suppress(KeyError):\n        act = int('b')\n    act = 'tanh'\n"
    "except ValueError:\n    act = 'selu'",
    "for name in ('b', 'a', 'c'):\n    try:\n        act = check(name)\n    except ValueError:\n"
    "        continue",
    "for name in ('a', 'b'):\n    try:\n        act = check(name)\n    except ValueError:\n"
    "        act = 'selu'\n        break",
    "def cached(name):\n    try:\n        return check(name)\n    except ValueError:\n"
    "        made = TABLE[name] = 'selu'\n        return made\nact = cached('b')",
    "def cached(name, made):\n    try:\n        return check(name)\n    except ValueError:\n"
    "        TABLE[name] = made\n        return made\ncached('b', 'selu')\nact = cached('b', 'tanh')",
    "class Quiet:\n    def __enter__(self):\n        return self\n    def __exit__(self, *error):\n"
    "        return True\ntry:\n    with Quiet():\n        TABLE['a']\n    act = 'selu'\n"
    "except KeyError:\n    act = 'tanh'",
]  # fmt: skip
KNOWN = [CAUGHT.format(body=body, kinds=kinds) for body, kinds in BODIES] + WHOLE

ASKED = "if 'FLAG' in os.environ:\n    {yes}\nelse:\n    {no}\n"
OPEN = [
    ASKED.format(yes="name = 'a'", no="name = 'b'")
    + CAUGHT.format(body="act = check(name)", kinds="ValueError"),
    "try:\n    act = TABLE['b']\nexcept KeyError:\n    act = 'selu'",
    "os.fill(TABLE)\n" + "try:\n    act = TABLE['b']\nexcept KeyError:\n    act = 'selu'",
    "try:\n    act = int('b')\nexcept os.Missing:\n    act = 'selu'",
    "try:\n    act = int('b')\nexcept KeyError:\n    act = 'selu'",
    "def found(name):\n    for turn in (1, 2):\n        if 'FLAG' in os.environ:\n            return 'elu'\n"
    "    return int(name)\ntry:\n    act = found('b')\nexcept ValueError:\n    act = 'selu'",
]
"""What may raise, and what nothing here catches: no handler is taken for what happens."""


def activation(attempt: str) -> str | None:
    """What the scan takes ``act`` for after an attempt."""
    sites = analyse_text(BEFORE + attempt + AFTER, "train.py").sites
    (found,) = {site.output.activation for site in sites}
    return found


@pytest.mark.parametrize("attempt", KNOWN)
def test_the_handler_that_python_runs_is_what_happens(attempt: str) -> None:
    names: dict[str, Any] = {"__name__": "train"}
    exec(textwrap.dedent(BEFORE + attempt), names)
    assert activation(attempt) == names["act"]


@pytest.mark.parametrize("attempt", OPEN)
def test_what_need_not_raise_is_not_taken_for_raised(attempt: str) -> None:
    assert activation(attempt) != "selu"
