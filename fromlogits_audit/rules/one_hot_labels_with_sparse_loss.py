"""
## What it does
Finds one-hot labels that reach a sparse categorical cross-entropy, which takes class numbers.

## Why it is wrong
The loss expects one integer per sample, of shape (N,) or (N, 1), and gets (N, K). Keras 3 raises a
`ValueError` at the first batch, Keras 2 an `InvalidArgumentError`.

## Example
```python
import keras
import numpy as np

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
labels = keras.utils.to_categorical(np.random.randint(0, 10, size=(64,)), 10)
model.fit(np.random.rand(64, 20), labels)
```

## Use instead
```python
import keras
import numpy as np

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="categorical_crossentropy")
labels = keras.utils.to_categorical(np.random.randint(0, 10, size=(64,)), 10)
model.fit(np.random.rand(64, 20), labels)
```

## Fix safety
Using the one-hot form of the loss is safe: the model's outputs stay as they are. It is unsafe beside a
metric that takes class numbers (`"sparse_categorical_accuracy"`), because the metric has to change as well
and the history calls the other one by another name, and where the loss serves a model whose labels are not
known.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, LabelEncoding, Site
from fromlogits_audit.rules import consequences, fixing
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.labels import encoding_into, label_words
from fromlogits_audit.rules.wording import loss_words

_RAISES = "the first batch raises a ValueError"
_TOLD = consequences.by_engine(_RAISES, _RAISES, keras2="the first batch raises an InvalidArgumentError")


def check(site: Site) -> Finding | None:
    loss = encoding_into(site, LabelEncoding.ONE_HOT, sparse=True)
    if loss is None:
        return None
    problem = f"{label_words(site, 'One-hot labels')} reach {loss_words(loss)}, which takes class numbers."
    told = consequences.tell(_TOLD, site.runtime)
    mend = "use the form of the loss without `sparse`, or give it the class numbers"
    return RULE.report(site, problem, mend, effect=told, labels=site.labels, fixes=[fixing.sister(site)])


RULE = Rule(
    code="FLA502",
    name="one-hot-labels-with-sparse-loss",
    severity=Severity.ERROR,
    summary="one-hot labels into a sparse categorical cross-entropy",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
