"""
## What it does
Finds a sigmoid output of several units that goes into a categorical cross-entropy, whatever its
`from_logits`.

## Why it is wrong
Sigmoids answer one yes/no question per unit, a categorical cross-entropy asks which one of several
classes it is. With `from_logits=False` JAX and PyTorch divide the sigmoids by their sum; Keras on
TensorFlow silently trains softmax of the values before the sigmoid, so that the accuracy looks right and
what `predict()` returns was never trained (test NLL 1.11 against 0.38). With `from_logits=True` the
sigmoids are taken for logits, which cannot leave 0 ... 1.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="sigmoid"),
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
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="categorical_crossentropy")
```

## Fix safety
Which of the two is meant (one class of several: softmax; several labels at once: binary cross-entropy) is
not in the code, so either change is unsafe.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Loss, Output, Site
from fromlogits_audit.rules import consequences, fixing, scales
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import loss_words, output_words


def check(site: Site) -> Finding | None:
    loss = site.loss
    if loss is None or not scales.is_loss_with(site, RULE.code):
        return None
    told = consequences.substituted("sigmoid", "softmax", _documented(site.output, loss), site.output, loss)
    output = f"The {output_words(site.output)} answers a yes/no question per unit"
    problem = f"{output} but goes into {loss_words(loss)}, which asks for one class of several."
    mend = "use a softmax where classes exclude each other, BinaryCrossentropy where several can hold at once"
    return RULE.report(
        site,
        problem,
        mend,
        effect=consequences.tell(told, site.runtime),
        fixes=[fixing.activate(site, None if scales.effective_flag(loss) else "softmax")],
    )


def _documented(output: Output, loss: Loss) -> str:
    if scales.effective_flag(loss):
        floor = consequences.softmax_floor_words(output, loss)
        return f"values between 0 and 1 are taken for logits and {floor}"
    return "the values are divided by their sum, which predict() does not do"


RULE = Rule(
    code="FLA301",
    name="sigmoid-with-categorical-loss",
    severity=Severity.WARNING,
    summary="sigmoid output of several units into a categorical cross-entropy",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
