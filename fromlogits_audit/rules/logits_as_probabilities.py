"""
## What it does
Finds an output without a final activation (or with one that is unbounded both ways, such as `leaky_relu`)
that goes into a categorical cross-entropy with `from_logits=False`. That is the default, and what every
string such as `"sparse_categorical_crossentropy"` means.

## Why it is wrong
The loss takes the raw scores for probabilities: it divides them by their sum and clips them to 1e-7 ... 1
- 1e-7. Negative scores lose their gradient or turn it round, and scores that sum to zero give `nan`. No
backend notices and none warns. In a 10-class experiment accuracy fell from 0.87 to 0.20 on JAX, and to
between 0.10 and 0.69 on TensorFlow.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
```

## Use instead
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
```

## Fix safety
Giving the loss `from_logits=True` is safe: the model returns the same values as before. Adding a softmax
to the model instead is unsafe: what `predict()` returns changes from logits to probabilities.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Loss, Site
from fromlogits_audit.rules import consequences, fixing, scales
from fromlogits_audit.rules.consequences import Told
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import flagged, loss_words, output_words


def check(site: Site) -> Finding | None:
    loss = site.loss
    if loss is None or not scales.is_loss_with(site, RULE.code):
        return None
    problem = f"The {output_words(site.output)} goes into {loss_words(loss)}, which expects probabilities."
    mend = f"write {flagged(site)}, or end the model in a softmax"
    return RULE.report(
        site,
        problem,
        mend,
        effect=consequences.tell(told(loss), site.runtime),
        fixes=[fixing.set_flag(site, True), fixing.activate(site, "softmax")],
    )


def told(loss: Loss) -> Told:
    """On TensorFlow the sparse form clips without dividing; nothing else depends on the runtime."""
    divided = (
        "raw scores are divided by their sum and clipped at 1e-7 without a warning: negative scores lose or "
        "reverse their gradient, and a zero sum gives nan"
    )
    clipped = "raw scores are clipped to 1e-7 ... 1 - 1e-7 without a warning, and beyond there is no gradient"
    return consequences.by_engine(clipped if loss.sparse else divided, divided)


RULE = Rule(
    code="FLA201",
    name="logits-as-probabilities",
    severity=Severity.ERROR,
    summary="linear output into a categorical cross-entropy that expects probabilities",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
