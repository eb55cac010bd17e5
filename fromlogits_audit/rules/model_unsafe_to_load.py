"""
## What it does
Finds saved models whose deserialisation would run code of the file's author: Lambda layers with
marshalled Python, lambdas as losses or activations, pickled functions and modules, objects for which
loading imports a module that the file names. They are named; none of them was run or decoded.

## Why it is wrong
`load_model(..., safe_mode=False)`, and every Keras before 2.13, executes what is stored there with the
rights of whoever loads it. A model from somebody else is a program from somebody else. What such a part
returns cannot be read off the file either, so the outputs behind it stay undecided.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10),
        keras.layers.Lambda(lambda z: keras.ops.softmax(z)),
    ]
)
model.save("classifier.keras")  # `fromlogits-audit model classifier.keras` finds FLA801
```

## Use instead
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10),
        keras.layers.Softmax(),
    ]
)
model.save("classifier.keras")
```

## Fix safety
There is no automatic fix: the model has to be built and saved anew without the part, or loaded only where
its source is trusted.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Site
from fromlogits_audit.rules.interface import Rule

_NAMED = 3
"""Parts that a message names; a model may hold hundreds."""


def check(site: Site) -> Finding | None:
    if not site.unsafe:
        return None
    more = len(site.unsafe) - _NAMED
    named = "; ".join(site.unsafe[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
    problem = f"Loading this model would run code that is stored in it: {named}."
    told = "Reading the structure ran nothing of it, and does not say what it returns."
    return RULE.report(
        site, f"{problem} {told}", "load it only from a source you trust, or save it without that part"
    )


RULE = Rule(
    code="FLA801",
    name="model-unsafe-to-load",
    severity=Severity.WARNING,
    summary="(saved models) deserialising it would run code: Lambda, pickled function, ...",
    check=check,
    kinds=frozenset({Kind.MODEL}),
    page=__doc__,
)
