"""The byte search: what must be parsed, and what need not be."""

from __future__ import annotations

import pytest

from fromlogits_audit.source.triage import might_matter, names_keras


@pytest.mark.parametrize(
    "text",
    [
        "import keras",
        "from tensorflow import nn",
        "import tf_keras as k",
        "from lib import *\nloss = SparseCategoricalCrossentropy()",
        "net.cross_entropy(y, p)",
        "nn.sigmoid_cross_entropy_with_logits(labels=y, logits=z)",
        "f(from_logits=True)",
        "model.compile('adam', 'mse')",
        "model . compile (optimizer)",
        "model.\\\n  compile('adam')",
        "import re\nre.compile('x')\nmodel.compile('adam')",
        "core.compile('adam')",
        "more.compile('adam')",
        "self.re_model.compile('adam')",
        "build().compile('adam')",
        "from common import KLDivergence",
        "from common import Dice",
        "from common import Tversky, MeanSquaredError",
        "loss = 'hinge'",
    ],
)
def test_files_that_can_hold_a_site_pass(text: str) -> None:
    assert might_matter(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import re\nP = re.compile(r'x')\n",
        "import re\nP = re.compile (r'x')\n",
        "import sre, regex\nsre.compile('x')\nregex.compile('y')",
        "code = compile(source, name, 'exec')",
        "def compile(self): pass",
        "indices = [1]\nfor index in indices: print(index)",
        "import torch\nloss = torch.nn.L1Loss()",
    ],
)
def test_files_that_name_nothing_of_it_stay_out(text: str) -> None:
    assert not might_matter(text.encode())


def test_a_run_of_spaces_costs_no_quadratic_time() -> None:
    assert not might_matter(b"compile" + b" " * 4_000_000 + b". \n" * 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import keras", True),
        ("from lib import *\nloss = SparseCategoricalCrossentropy()", True),
        ("from lib import *\nloss = tf.losses.huber(y, x)", True),
        ("model.compile('adam', loss='huber')", True),
        ("from scipy.stats import poisson\nresult = least_squares(f, x0, loss='huber')", False),
        ("template = environment.compile(source)", False),
        ("from torch.nn.functional import cross_entropy\nloss = cross_entropy(x, y)", False),
    ],
)
def test_statistics_and_templates_name_no_keras(text: str, expected: bool) -> None:
    assert might_matter(text.encode())
    assert names_keras(text.encode()) is expected
