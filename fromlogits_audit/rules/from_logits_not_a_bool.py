"""
## What it does
Finds `from_logits` given as a string, a number or a tensor; a bool in a position where it lands on
another parameter; and a loss class that is built with labels and predictions where it should be called
with them. It stands alone: what the loss makes of the output is not told on top.

## Why it is wrong
Keras takes `from_logits` by its truth value and checks nothing: `"False"` counts as true.
`BinaryFocalCrossentropy(True)` switches class balancing on and leaves `from_logits=False`.
`CategoricalCrossentropy(y_true, y_pred)` makes a loss object whose `from_logits` is a tensor, and
computes nothing.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.CategoricalCrossentropy(from_logits="False"))
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
model.compile(optimizer="adam", loss=keras.losses.CategoricalCrossentropy(from_logits=False))
```

## Fix safety
Writing a number as the bool that it already counts as is safe. What a string or a misplaced argument was
meant to say is not in the code, so nothing is offered for those.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Loss, Metric, Site
from fromlogits_audit.rules import fixing
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import quoted


def check(site: Site) -> Finding | None:
    subject = site.loss if site.kind is Kind.LOSS else site.metric
    if subject is None or not subject.misuse:
        return None
    problem = f"{quoted(subject.spelled, subject.name)}: {subject.misuse.rstrip('.')}."
    mend = "write from_logits=True or from_logits=False, as a keyword of the constructor"
    return RULE.report(site, f"{problem} {_consequence(subject)}", mend, fixes=[fixing.write_bool(site)])


def _consequence(subject: Loss | Metric) -> str:
    if subject.from_logits is None:
        return "What it then expects of the predictions is not what the line says."
    expects = "logits" if subject.from_logits else "probabilities"
    return f"Keras raises nothing and works with from_logits={subject.from_logits}: it expects {expects}."


RULE = Rule(
    code="FLA602",
    name="from-logits-not-a-bool",
    severity=Severity.ERROR,
    summary="from_logits is not a bool, or a positional argument lands on the wrong parameter",
    check=check,
    kinds=frozenset({Kind.LOSS, Kind.METRIC}),
    page=__doc__,
)
