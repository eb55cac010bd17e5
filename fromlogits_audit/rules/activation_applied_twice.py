"""
## What it does
Finds a softmax applied to a softmax output, or a sigmoid applied to a sigmoid output: in code that uses
the predictions, or layer after layer in a model.

## Why it is wrong
Probabilities lie between 0 and 1, so the second activation squeezes them: sigmoid of a sigmoid lies in
0.5 ... 0.731, and a second softmax over 10 classes gives no class more than 23.2 %. The order of the
classes stays, every number that is called a probability is wrong.

## Example
```python
import keras
import numpy as np

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
probabilities = keras.ops.softmax(model.predict(np.zeros((8, 20))))
```

## Use instead
```python
import keras
import numpy as np

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
probabilities = model.predict(np.zeros((8, 20)))
```

## Fix safety
Removing the second activation changes the numbers that the program works with, to the right ones. It is
offered as unsafe.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Applied, Kind, Output, Scale, Site
from fromlogits_audit.rules import fixing
from fromlogits_audit.rules.consequences import sigmoid, softmax_ceiling
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import output_words, quoted

_WENT_THROUGH = {"softmax": Scale.PROBABILITIES, "sigmoid": Scale.INDEPENDENT}
"""What an output is that already went through the activation."""


def check(site: Site) -> Finding | None:
    applied = site.applied
    if applied is None or applied.axis_size == 1:
        return None
    if _WENT_THROUGH.get(applied.activation) is not site.output.scale:
        return None
    words = quoted(applied.spelled, applied.activation)
    problem = (
        f"{words} applies {applied.activation} to a {output_words(site.output)} that already went through it."
    )
    return RULE.report(
        site,
        f"{problem} {_consequence(applied, site.output)}",
        _mend(applied),
        fixes=[] if applied.scaled else [fixing.activate(site, None)],
    )


def _mend(applied: Applied) -> str:
    if applied.scaled:
        return f"let the model return logits, which a temperature is for, and apply one {applied.activation}"
    return f"remove the second {applied.activation}; the values are probabilities already"


def _consequence(applied: Applied, output: Output) -> str:
    if applied.scaled:
        return "Probabilities lie between 0 and 1: divided by a temperature they come out all but equal."
    if applied.activation == "sigmoid":
        return f"All values now lie between 0.5 and {sigmoid(1.0):.3f}."
    classes = applied.axis_size or output.units
    if classes is None:
        return (
            f"No class can get more than e / (e + K - 1), which is {softmax_ceiling(10):.1%} for 10 classes."
        )
    return f"No class can get more than {softmax_ceiling(classes):.1%} ({classes} classes)."


RULE = Rule(
    code="FLA404",
    name="activation-applied-twice",
    severity=Severity.ERROR,
    summary="softmax/sigmoid applied to an output that already went through it",
    check=check,
    kinds=frozenset({Kind.ACTIVATION}),
    page=__doc__,
)
