"""
## What it does
Finds a categorical cross-entropy on an output of one unit (a softmax over that unit is
softmax-over-one-unit instead).

## Why it is wrong
With one class there is nothing to choose: normalised over one unit every prediction is 1, and the loss is
0 whatever the model does. With integer labels a label of 1 is out of range: TensorFlow (on CPU) and
PyTorch raise an error, JAX returns 0.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="categorical_crossentropy")
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
Using the binary cross-entropy leaves the model's outputs as they are, but changes what is trained from
nothing to something: look at the labels first. It is offered as unsafe.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Loss, Site
from fromlogits_audit.rules import consequences, fixing, scales
from fromlogits_audit.rules.consequences import Engine, Told
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import loss_words, output_words


def check(site: Site) -> Finding | None:
    loss = site.loss
    if loss is None or not scales.is_loss_with(site, RULE.code):
        return None
    asks = "which needs one unit per class"
    problem = f"The {output_words(site.output)} goes into {loss_words(loss)}, {asks}."
    mend = "use BinaryCrossentropy for a yes/no label, or as many units as there are classes"
    return RULE.report(
        site,
        problem,
        mend,
        effect=consequences.tell(_told(loss), site.runtime),
        fixes=[fixing.replace_loss(site, "BinaryCrossentropy", safe=False)],
    )


def _told(loss: Loss) -> Told:
    if not loss.sparse:
        return consequences.everywhere("the loss is 0 for ever and nothing is trained")
    raises = "a label of 1 is out of range and raises an error, and for labels of 0 the loss is 0 for ever"
    silent = "the loss is 0 for ever, without an error even for a label of 1"
    return {**consequences.everywhere(raises), Engine.JAX: silent}


RULE = Rule(
    code="FLA304",
    name="one-unit-categorical-loss",
    severity=Severity.ERROR,
    summary="categorical cross-entropy on an output of one unit: the loss is constant or undefined",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
