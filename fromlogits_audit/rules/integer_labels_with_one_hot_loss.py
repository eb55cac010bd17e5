"""
## What it does
Finds integer class labels, also 0/1 labels of two classes, that reach a categorical cross-entropy, which
takes one-hot labels.

## Why it is wrong
`CategoricalCrossentropy` raises a `ValueError` about shapes at the first batch.
`CategoricalFocalCrossentropy` of Keras 3 and `tf.nn.softmax_cross_entropy_with_logits` do not always:
labels of shape (N, 1) are broadcast against (N, K), and the loss is a large number without meaning (17.3
in one example).

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
model.compile(optimizer="adam", loss="categorical_crossentropy")
labels = np.random.randint(0, 10, size=(64,))
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
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
labels = np.random.randint(0, 10, size=(64,))
model.fit(np.random.rand(64, 20), labels)
```

## Fix safety
Using the sparse form of the loss is safe: the model's outputs stay as they are. It is unsafe beside a
metric that takes one-hot labels (`"categorical_accuracy"`), because the metric has to change as well and the
history calls the other one by another name, and where the loss serves a model whose labels are not known.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Form, Kind, LabelEncoding, Site
from fromlogits_audit.rules import consequences, fixing
from fromlogits_audit.rules.consequences import Told
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.labels import encoding_into, label_words
from fromlogits_audit.rules.wording import loss_words


def check(site: Site) -> Finding | None:
    words = "Integer labels"
    loss = encoding_into(site, LabelEncoding.INTEGER, sparse=False)
    if loss is None:
        words, loss = "0/1 labels", encoding_into(site, LabelEncoding.BINARY, sparse=False)
    if loss is None:
        return None
    problem = f"{label_words(site, words)} reach {loss_words(loss)}, which takes one-hot labels."
    mend = "use the sparse form of the loss, or keras.utils.to_categorical on the labels"
    return RULE.report(
        site,
        problem,
        mend,
        effect=consequences.tell(told(op=loss.form is Form.OP, focal=loss.focal), site.runtime),
        labels=site.labels,
        fixes=[fixing.sister(site)],
    )


def told(*, op: bool = False, focal: bool = False) -> Told:
    """What class numbers do in a ``tf.nn`` op, in a focal loss, or in the plain cross-entropy."""
    raises = "the first batch raises a ValueError about shapes"
    broadcast = "labels of shape (N, 1) are silently broadcast over the classes, and the loss means nothing"
    if op:
        return consequences.everywhere(broadcast)
    if focal:
        return consequences.by_engine(broadcast, broadcast, keras2=raises)
    return consequences.everywhere(raises)


RULE = Rule(
    code="FLA501",
    name="integer-labels-with-one-hot-loss",
    severity=Severity.ERROR,
    summary="integer labels into a categorical cross-entropy",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
