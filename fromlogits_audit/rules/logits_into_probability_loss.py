"""
## What it does
Finds an output without a final activation that goes into a loss which needs probabilities and has no
`from_logits`: `KLDivergence`, `Dice`, `Tversky`, `CategoricalGeneralizedCrossEntropy`,
`keras.backend.ctc_batch_cost`.

## Why it is wrong
There is no argument that could make it right. `KLDivergence` clips the raw scores to 1e-7 ... 1, so
negative scores get no gradient; `Dice` and `Tversky` leave the range 0 ... 1 that they are defined on;
`CategoricalGeneralizedCrossEntropy` and `ctc_batch_cost` give `nan`. No backend warns.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(5),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.KLDivergence())
```

## Use instead
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(5, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss=keras.losses.KLDivergence())
```

## Fix safety
Adding the activation is unsafe: what `predict()` returns changes from logits to probabilities. There is
no safe fix.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Site
from fromlogits_audit.rules import fixing, scales
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import loss_words, output_words

_OUT_OF_RANGE = "The loss leaves the range from 0 to 1 that it is defined on, and no backend warns."
_CONSEQUENCES = {
    "KLDivergence": "Negative scores are clipped to 1e-7 and get no gradient, and no backend warns.",
    "Dice": _OUT_OF_RANGE,
    "Tversky": _OUT_OF_RANGE,
    "CategoricalGeneralizedCrossEntropy": "A power of a negative score is nan, and so is the loss.",
}
_OTHERWISE = "The logarithm of a negative score is nan, and so is the loss."
"""``ctc_batch_cost``, which takes a logarithm without clipping."""


def check(site: Site) -> Finding | None:
    loss = site.loss
    if loss is None or not scales.is_loss_with(site, RULE.code):
        return None
    needs = "which needs probabilities and has no from_logits"
    problem = f"The {output_words(site.output)} goes into {loss_words(loss)}, {needs}."
    mend = "end the model in a softmax (in a sigmoid for masks and yes/no labels)"
    return RULE.report(
        site,
        problem,
        mend,
        effect=_CONSEQUENCES.get(loss.name, _OTHERWISE),
        fixes=[fixing.activate(site, "sigmoid" if site.output.units == 1 else "softmax")],
    )


RULE = Rule(
    code="FLA203",
    name="logits-into-probability-loss",
    severity=Severity.ERROR,
    summary="linear output into a loss that has no from_logits and needs probabilities",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
