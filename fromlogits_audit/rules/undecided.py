"""
## What it does
Names a place where a loss or metric meets an output and the tool cannot tell whether they agree, with the
reason. It is off by default (the summary counts such places) and an error under `--strict`.

## Why it is wrong
It need not be. A place is undecided where the model comes out of a file, a layer or loss cannot be
followed, or a value is known at run time only. `[tool.fromlogits-audit.outputs]` and
`[tool.fromlogits-audit.losses]` in pyproject.toml can say what the code does not.

## Example
```python
import keras
import numpy as np

model = keras.models.load_model("classifier.keras")
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
print(loss(np.zeros((8,)), model(np.zeros((8, 20)))))
```

## Use instead
```python
import keras
import numpy as np

model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10)])
model.load_weights("classifier.weights.h5")
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
print(loss(np.zeros((8,)), model(np.zeros((8, 20)))))
```

## Fix safety
There is no fix.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Site
from fromlogits_audit.rules.interface import Rule


def check(site: Site) -> Finding | None:
    """Never: whether a site is undecided follows from all the rules together. The pipeline reports it
    from what :func:`fromlogits_audit.rules.judge.judge` says."""
    return None


RULE = Rule(
    code="FLA002",
    name="undecided",
    severity=Severity.OFF,
    summary="a site that could not be decided, with the reason",
    check=check,
    kinds=frozenset(),
    page=__doc__,
)
