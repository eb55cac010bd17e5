"""
## What it does
Finds an output without a final activation (or with one that is unbounded both ways) that goes into a
binary cross-entropy (focal form included) with `from_logits=False`. That is the default, and what the
string `"binary_crossentropy"` means.

## Why it is wrong
The loss takes the raw score for a probability and clips it to 1e-7 ... 1 - 1e-7. Beyond that there is no
gradient: a score below 0 or above 1 cannot be corrected, and a wrong one costs about 16. No backend
notices and none warns.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(1),
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
        keras.layers.Dense(1),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.BinaryCrossentropy(from_logits=True))
```

## Fix safety
Giving the loss `from_logits=True` is safe: the model returns the same values as before, and a metric or a
cut-off at 0.5 beside it is moved to 0 in the same fix. Where that can't be done (`np.round`, a cut-off at
0.3, a metric or cut-off that another model shares), the fix is unsafe. Adding a sigmoid to the model
instead is unsafe: what `predict()` returns changes.
"""

from __future__ import annotations

from math import log

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Site
from fromlogits_audit.rules import fixing, scales
from fromlogits_audit.rules.consequences import EPSILON
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import flagged, loss_words, output_words


def check(site: Site) -> Finding | None:
    loss = site.loss
    if loss is None or not scales.is_loss_with(site, RULE.code):
        return None
    problem = f"The {output_words(site.output)} goes into {loss_words(loss)}, which expects probabilities."
    cost = "" if loss.focal else f" (a wrong one costs about {-log(EPSILON):.0f})"
    told = (
        f"Scores below 0 and above 1 are clipped and get no gradient{cost}, without a warning on any backend."
    )
    mend = f"write {flagged(site)}, or end the model in a sigmoid"
    return RULE.report(
        site,
        problem,
        mend,
        effect=told,
        fixes=[fixing.set_flag(site, True), fixing.activate(site, "sigmoid")],
    )


RULE = Rule(
    code="FLA202",
    name="logits-as-binary-probabilities",
    severity=Severity.ERROR,
    summary="linear output into a binary cross-entropy that expects probabilities",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
