"""A function that goes to unseen code is judged with what the names meant then, and with nothing twice."""

from __future__ import annotations

import pytest

from fromlogits_audit.interp.engine import analyse_text
from fromlogits_audit.ir import Kind, Site

HEAD = """
import functools
import keras
from unknown import data, labels, thing, x, y


def classifier(activation=None):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation=activation)])


loss_fn = keras.losses.SparseCategoricalCrossentropy()
"""
AIM = "\ndef aim():\n    return loss_fn(y, model(x))\n"
LAST = "\nmodel = classifier('sigmoid')\n"


def loss_sites(body: str) -> list[Site]:
    text = HEAD + (AIM if "aim" in body else "") + body + LAST
    return [site for site in analyse_text(text, "program.py").sites if site.kind is Kind.LOSS]


def activations(body: str) -> list[str | None]:
    """What the losses of a program meet, in the order in which it is found."""
    return [site.output.activation for site in loss_sites(body)]


CASES = {
    "nothing hands it over": ("def step():\n    aim()\nmodel = classifier('softmax')", ["sigmoid"]),
    "a function that nobody knows": ("model = classifier('softmax')\nthing.map(aim)", ["softmax"]),
    "by name": ("model = classifier('softmax')\nthing(on_end=aim)", ["softmax"]),
    "names that its parameters hide": (
        "def step(rate=1):\n    return loss_fn(y, model(x))\nmodel = classifier('softmax')\n"
        "for rate in range(9):\n    thing(step)",
        ["softmax"],
    ),
    "a lambda": ("model = classifier('softmax')\nthing.minimize(lambda: loss_fn(y, model(x)))", ["softmax"]),
    "a lambda that calls it": ("model = classifier('softmax')\nthing.minimize(lambda: aim())", ["softmax"]),
    "a partial": ("model = classifier('softmax')\nthing.map(functools.partial(aim))", ["softmax"]),
    "one of two": ("model = classifier('softmax')\nthing.map(aim if thing.x else print)", ["softmax"]),
    "a bound method": (
        "class Trainer:\n    def step(self):\n        return loss_fn(y, model(x))\n"
        "model = classifier('softmax')\nthing.map(Trainer().step)",
        ["softmax"],
    ),
    "each time": (
        "model = classifier()\nthing.map(aim)\nmodel = classifier('softmax')\nthing.map(aim)",
        ["linear", "softmax"],
    ),
    "the same twice": ("model = classifier()\nthing.map(aim)\nthing.map(aim)", ["linear"]),
    "before there is a model": ("thing.map(aim)", ["sigmoid"]),
    "while it is None": ("model = None\nthing.map(aim)", ["sigmoid"]),
    "what is deleted afterwards": ("model = classifier()\nthing.map(aim)\ndel model, loss_fn", ["linear"]),
    "called by the program": (
        "model = classifier()\nthing.map(aim)\nmodel = classifier('softmax')\naim()",
        ["softmax"],
    ),
    "what comes of it is called": (
        "model = classifier()\nmade = thing.jit(thing.grad(aim))\nmodel = classifier('softmax')\nmade(x)",
        ["softmax"],
    ),
    "called twice": (
        "made = thing.jit(aim)\nmodel = classifier()\nmade(x)\nmodel = classifier('softmax')\nmade(x)",
        ["linear", "softmax"],
    ),
    "called by what nothing calls": (
        "model = classifier('softmax')\nmade = thing.jit(aim)\ndef step():\n    return made(x)",
        ["softmax"],
    ),
    "in either branch": (
        "if thing.x:\n    model = classifier()\n    thing.map(aim)\n"
        "else:\n    model = classifier('softmax')\n    thing.map(aim)",
        ["linear", "softmax"],
    ),
    "in a function that may be called": (
        "def fit():\n    model = classifier('softmax')\n    thing.map(lambda: loss_fn(y, model(x)))\n"
        "if thing.x:\n    fit()",
        ["softmax"],
    ),
    "in a loop": (
        "for name in [None, 'softmax']:\n    model = classifier(name)\n    thing.map(aim)",
        ["linear", "softmax"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_meets_what_the_names_mean_then(name: str) -> None:
    body, expected = CASES[name]
    assert activations(body) == expected


def test_of_more_moments_than_are_looked_at_nothing_is_claimed() -> None:
    names = ["tanh", "relu", "softmax", "elu", "selu"]
    handed = [f"model = classifier('{name}')\nthing.map(aim)\n" for name in names]
    assert activations("".join(handed[:4])) == names[:4]
    assert {site.output.activation for site in loss_sites("".join(handed))} == {None}


def test_names_mean_afterwards_what_they_did_but_for_what_it_writes() -> None:
    body = (
        "def replace():\n    global loss_fn\n    aim()\n"
        "    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
        "model = classifier('softmax')\nthing.map(replace)\n"
        "def later():\n    return loss_fn(y, model(x))\n"
    )
    met = {(site.loss.from_logits, site.output.activation) for site in loss_sites(body) if site.loss}
    assert met == {(False, "softmax"), (True, "sigmoid")}
