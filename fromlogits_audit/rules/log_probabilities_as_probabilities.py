"""
## What it does
Finds a `log_softmax` output that goes into a categorical cross-entropy with `from_logits=False`. With
`from_logits=True` it is correct, because softmax of log-probabilities gives the probabilities back.

## Why it is wrong
Log-probabilities are negative. Divided by their (negative) sum they turn round: the class that the model
holds least likely counts as the most probable, and the model learns to rank the right class last
(accuracy 0.000 in a 10-class experiment on JAX). On TensorFlow the sparse form clips them all to 1e-7,
and the loss stays at `log(K)`, 2.303 for 10 classes. Code ported from PyTorch's `NLLLoss` often looks
like this.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="log_softmax"),
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
        keras.layers.Dense(10, activation="log_softmax"),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
```

## Fix safety
Giving the loss `from_logits=True` is safe: the model returns the same values as before.
"""

from __future__ import annotations

from math import log

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Site
from fromlogits_audit.rules import consequences, fixing, scales
from fromlogits_audit.rules.consequences import Told
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import flagged, loss_words, output_words


def check(site: Site) -> Finding | None:
    loss = site.loss
    if loss is None or not scales.is_loss_with(site, RULE.code):
        return None
    problem = f"The {output_words(site.output)} goes into {loss_words(loss)}, which expects probabilities."
    mend = f"write {flagged(site)}: softmax of log-probabilities gives the probabilities back"
    return RULE.report(
        site,
        problem,
        mend,
        effect=consequences.tell(_told(site), site.runtime),
        fixes=[fixing.set_flag(site, True)],
    )


def _told(site: Site) -> Told:
    reversed_ = (
        "negative values are divided by their negative sum, so the model learns to rank the right class last"
    )
    if site.loss is None or not site.loss.sparse:
        return consequences.everywhere(reversed_)
    stuck = "" if site.output.units is None else f" ({log(site.output.units):.3f} here)"
    return consequences.by_engine(
        f"all values are clipped to 1e-7 and the loss stays at log(K){stuck}", reversed_
    )


RULE = Rule(
    code="FLA204",
    name="log-probabilities-as-probabilities",
    severity=Severity.ERROR,
    summary="log_softmax output into a categorical cross-entropy that expects probabilities",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
