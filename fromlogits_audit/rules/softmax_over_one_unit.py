"""
## What it does
Finds a softmax over an axis of size one, anywhere in a model: `Dense(1, activation="softmax")`, an
`Activation("softmax")` after one unit, attention weights over one value. The finding stands at what
applies the softmax, whatever the loss.

## Why it is wrong
Softmax divides `exp(z)` by the sum over the axis. Over one value that is 1.0 for every input, so nothing
passes through and nothing is learned before it. On JAX and PyTorch the binary cross-entropy of such a
model is constant (7.97 for balanced labels). On TensorFlow it falls all the same, because Keras trains on
the values before the softmax, while `predict()` returns 1.0 for everything.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(1, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy")
```

## Use instead
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy")
```

## Fix safety
Putting sigmoid in place of softmax is unsafe: what the model returns changes, from the constant 1.0 to
probabilities.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Location, Site
from fromlogits_audit.rules import consequences, fixing, scales
from fromlogits_audit.rules.consequences import Told
from fromlogits_audit.rules.interface import Rule

_PROBLEM = "Softmax over an axis of size 1 gives 1.0 for every input."
_MEND = "use a sigmoid for one yes/no answer, or as many units as there are classes"


def check(site: Site) -> Finding | None:
    place = _place(site)
    if place is None:
        return None
    return RULE.report(
        site,
        f"{_PROBLEM} {consequences.tell(_TOLD, site.runtime)}",
        _MEND,
        place,
        fixes=[fixing.activate(site, "sigmoid")],
    )


def _place(site: Site) -> Location | None:
    """Where the softmax is applied, None where this site has none over one unit.

    The message names no loss, so that all the sites of one output give one and the same finding.
    """
    applied = site.applied
    if applied is not None:
        return site.location if applied.activation == "softmax" and applied.axis_size == 1 else None
    if site.kind is Kind.LOSS and scales.loss_code(site) != RULE.code:
        return None
    return site.output.unit_softmax


_TOLD: Told = consequences.by_engine(
    "a binary cross-entropy may fall all the same, as Keras trains on the values before the softmax, but "
    "predict() returns 1.0 for everything",
    "the loss is constant and nothing before the softmax is trained",
)

RULE = Rule(
    code="FLA303",
    name="softmax-over-one-unit",
    severity=Severity.ERROR,
    summary="softmax over an axis of size one: the output is the constant 1.0",
    check=check,
    kinds=frozenset({Kind.LOSS, Kind.METRIC, Kind.ACTIVATION}),
    page=__doc__,
)
