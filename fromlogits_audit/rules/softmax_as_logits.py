"""
## What it does
Finds a softmax output that goes into a categorical cross-entropy (sparse and focal forms included) with
`from_logits=True`, or into `tf.nn.softmax_cross_entropy_with_logits` and its sparse form.

## Why it is wrong
The loss applies softmax to what it is given. Probabilities are numbers between 0 and 1, so the second
softmax is nearly flat: for K classes the loss cannot fall below `log(e + K - 1) - 1` (1.461 for 10
classes, 3.622 for 100), and the gradient fades. With 100 classes and plain SGD a network that reaches
0.84 accuracy without the mistake stays at 0.03 with it.

On TensorFlow, Keras notices the plain case, warns, and uses the values before the softmax. It does so
only while nothing stands between softmax and loss (a `Reshape`, a cast by mixed precision, a `Dropout`),
and with Keras 3 never for focal losses. JAX and PyTorch compute the softmax twice without a word.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
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
model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy())
```

## Fix safety
Dropping `from_logits=True` is safe: the model returns the same values as before. Removing the softmax
from the model instead is numerically better and unsafe: what `predict()` returns changes from
probabilities to logits.
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
    told = consequences.activation_again("softmax", site.output, loss)
    floor = f"Where softmax is applied twice, {consequences.softmax_floor_words(site.output, loss)}."
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
        return "give it the values before the softmax, or use a cross-entropy that takes probabilities"
    return "drop from_logits=True (the model goes on returning probabilities), or remove the softmax"


RULE = Rule(
    code="FLA101",
    name="softmax-as-logits",
    severity=Severity.ERROR,
    summary="softmax output into a categorical cross-entropy that expects logits",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
