"""
## What it does
Finds `compile(loss=keras.losses.X)` with the class itself in place of an instance. It is reported where
Keras 2 is pinned or nothing is; where Keras 3 is pinned, the class is judged as its instance with default
arguments.

## Why it is wrong
Keras 2 calls the class with labels and predictions, which builds a loss object in place of a number:
`fit` raises a `TypeError`. Keras 3 makes an instance with the defaults (`from_logits=False`) and trains,
but saving the model raises `TypeError: get_config() missing 1 required positional argument: 'self'`.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.CategoricalCrossentropy)
```

## Use instead
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.CategoricalCrossentropy())
```

## Fix safety
Adding the brackets is safe: the model's outputs stay as they are.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Site
from fromlogits_audit.rules import consequences, fixing, scales
from fromlogits_audit.rules.consequences import Told
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import quoted

_TRAINS = "the model trains with the default arguments and cannot be saved (TypeError in get_config)"
_TOLD: Told = consequences.by_engine(_TRAINS, _TRAINS, keras2="fit raises a TypeError")


def check(site: Site) -> Finding | None:
    loss = site.loss
    if loss is None or not scales.is_loss_with(site, RULE.code):
        return None
    words = quoted(loss.spelled, loss.name)
    problem = f"{words} is the loss class itself, not an instance of it."
    return RULE.report(
        site,
        f"{problem} {consequences.tell(_TOLD, site.runtime)}",
        _mend(words),
        fixes=[fixing.instantiate(site)],
    )


def _mend(words: str) -> str:
    return f"call it: {words[:-1]}()`, with from_logits=True where the output is logits"


RULE = Rule(
    code="FLA601",
    name="loss-class-not-instantiated",
    severity=Severity.WARNING,
    summary="compile(loss=keras.losses.X) with the class itself",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
