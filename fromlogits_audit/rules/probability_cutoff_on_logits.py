"""
## What it does
Finds predictions of a model that its loss trains as logits, compared with 0.5 or rounded.

## Why it is wrong
A probability of 0.5 is a logit of 0. A logit above 0.5 is a probability above 0.62, so cases between 0.5
and 0.62 are decided the wrong way, and the more so the less sure the model is.

## Example
```python
import keras
import numpy as np

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(1),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.BinaryCrossentropy(from_logits=True))
decisions = model.predict(np.zeros((8, 20))) > 0.5
```

## Use instead
```python
import keras
import numpy as np

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(1),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.BinaryCrossentropy(from_logits=True))
decisions = model.predict(np.zeros((8, 20))) > 0.0
```

## Fix safety
Comparing with 0 changes what the program decides, to what was meant. It is offered as unsafe. Beside a
categorical cross-entropy there is no such cut, and no fix: what a softmax makes of one logit depends on the
others.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Scale, Site
from fromlogits_audit.rules import fixing, scales
from fromlogits_audit.rules.consequences import sigmoid
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import output_words, quoted

_CUT = 0.5


def check(site: Site) -> Finding | None:
    cutoff = site.cutoff
    if cutoff is None or cutoff.threshold != _CUT or site.output.scale is not Scale.LOGITS:
        return None
    if not scales.meant_as_logits(site):
        return None
    cut = quoted(cutoff.spelled, "> 0.5")
    problem = f"{cut} cuts at 0.5, but the {output_words(site.output)} holds logits."
    told, mend = _told(scales.meant_for_softmax(site))
    return RULE.report(site, f"{problem} {told}", mend, fixes=[fixing.cut_at_zero(site)])


def _told(softmax: bool) -> tuple[str, str]:
    """Why such a cut is wrong, and how to mend it."""
    if softmax:
        return "What a softmax makes of one logit depends on the others.", "apply a softmax first"
    told = f"A logit of 0.5 is a probability of {sigmoid(_CUT):.3f}; a probability of 0.5 is a logit of 0."
    return told, "compare with 0, or apply a sigmoid first"


RULE = Rule(
    code="FLA403",
    name="probability-cutoff-on-logits",
    severity=Severity.WARNING,
    summary="predictions of a logits model compared with 0.5, or rounded",
    check=check,
    kinds=frozenset({Kind.CUTOFF}),
    page=__doc__,
)
