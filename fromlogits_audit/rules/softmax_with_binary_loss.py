"""
## What it does
Finds a softmax output that goes into a binary cross-entropy, whatever its `from_logits`.

## Why it is wrong
A binary cross-entropy treats every unit as a yes/no question of its own, a softmax makes the units
compete. With `from_logits=False` JAX and PyTorch compute that sum of yes/no losses; Keras on TensorFlow
silently trains sigmoid of the values before the softmax (0.857 where the documented value is 1.016), and
`predict()` returns something else. With `from_logits=True` the probabilities are taken for logits: at
least 0.3133 for a positive and 0.6931 for a negative. Reported losses cannot be compared with those of a
categorical cross-entropy either: they are averaged over the units.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="softmax"),
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
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="categorical_crossentropy")
```

## Fix safety
Which of the two is meant (one class of several: categorical cross-entropy; several labels at once:
sigmoid) is not in the code, so either change is unsafe.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Loss, Site
from fromlogits_audit.rules import consequences, fixing, scales
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import loss_words, output_words


def check(site: Site) -> Finding | None:
    loss = site.loss
    if loss is None or not scales.is_loss_with(site, RULE.code):
        return None
    told = consequences.substituted("softmax", "sigmoid", _documented(loss), site.output, loss)
    asks = "which asks a yes/no question per unit"
    problem = f"The {output_words(site.output)} picks one class but goes into {loss_words(loss)}, {asks}."
    mend = "use CategoricalCrossentropy where one class holds, a sigmoid where several can hold at once"
    return RULE.report(
        site,
        problem,
        mend,
        effect=consequences.tell(told, site.runtime),
        fixes=[fixing.activate(site, None if scales.effective_flag(loss) else "sigmoid")],
    )


def _documented(loss: Loss) -> str:
    if scales.effective_flag(loss):
        return f"probabilities are taken for logits and {consequences.sigmoid_floor_words(loss)}"
    return "every class counts as a label of its own and the loss is averaged over them"


RULE = Rule(
    code="FLA302",
    name="softmax-with-binary-loss",
    severity=Severity.WARNING,
    summary="softmax output into a binary cross-entropy",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
