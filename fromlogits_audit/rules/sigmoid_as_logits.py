"""
## What it does
Finds a sigmoid output that goes into a binary cross-entropy (focal form included) with
`from_logits=True`, or into `tf.nn.sigmoid_cross_entropy_with_logits` and
`tf.nn.weighted_cross_entropy_with_logits`.

## Why it is wrong
The loss applies sigmoid to what it is given. Applied to numbers between 0 and 1 it yields 0.5 to 0.731,
so a positive costs at least 0.3133 and a negative at least 0.6931, however good the model is. On data
with 7 % positives a network whose recall is 0.63 without the mistake has recall 0.00 with it, and its
loss stays at 0.693.

On TensorFlow, Keras notices the plain case, warns, and uses the values before the sigmoid, but only while
nothing stands between (a `Reshape`, a `Flatten`, a cast by mixed precision). JAX and PyTorch compute the
sigmoid twice without a word.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(1, activation="sigmoid"),
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
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.BinaryCrossentropy())
```

## Fix safety
Dropping `from_logits=True` is safe: the model returns the same values as before. Removing the sigmoid
from the model instead is unsafe: what `predict()` returns changes, and a threshold of 0.5 has to become
0.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Loss, Site
from fromlogits_audit.rules import consequences, fixing, scales
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import loss_words, only_by_op, output_words


def check(site: Site) -> Finding | None:
    loss = site.loss
    if loss is None or not scales.is_loss_with(site, RULE.code):
        return None
    told = consequences.activation_again("sigmoid", site.output, loss)
    floor = f"Where sigmoid is applied twice, {consequences.sigmoid_floor_words(loss)}."
    problem = f"The {output_words(site.output)} goes into {loss_words(loss)}, which expects logits."
    return RULE.report(
        site,
        problem,
        _mend(loss),
        effect=f"{consequences.tell(told, site.runtime)} {floor}",
        fixes=[fixing.set_flag(site, False), fixing.activate(site, None)],
    )


def _mend(loss: Loss) -> str:
    if only_by_op(loss):
        return "give it the values before the sigmoid, or use a cross-entropy that takes probabilities"
    return "drop from_logits=True (the model goes on returning probabilities), or remove the sigmoid"


RULE = Rule(
    code="FLA102",
    name="sigmoid-as-logits",
    severity=Severity.ERROR,
    summary="sigmoid output into a binary cross-entropy that expects logits",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
