"""
## What it does
Finds an output that ends in relu, tanh, softplus or the like and goes into a cross-entropy with
`from_logits=False`, and log-probabilities that go into a binary cross-entropy. `exponential` into a
categorical cross-entropy is right: Keras divides by the sum.

## Why it is wrong
The values are neither probabilities nor logits. Keras clips them to 1e-7 ... 1 - 1e-7, and what is
clipped gets no gradient: with relu every unit that is off, with tanh half of the range. A relu output
into a categorical cross-entropy gave `nan` on JAX and accuracy 0.35 to 0.40 in place of 0.87 on
TensorFlow. No backend warns.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(1, activation="tanh"),
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
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy")
```

## Fix safety
Every mend changes the output layer, so it is unsafe.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Fix, Severity
from fromlogits_audit.ir import Family, Kind, Loss, Scale, Site
from fromlogits_audit.rules import consequences, fixing, logits_as_probabilities, scales
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import loss_words, output_words

_EXPECTS = {True: "logits", False: "probabilities", None: "logits or probabilities"}


def check(site: Site) -> Finding | None:
    loss = site.loss
    if loss is None or not scales.is_loss_with(site, RULE.code):
        return None
    expects = _EXPECTS[scales.effective_flag(loss)]
    problem = f"The {output_words(site.output)} goes into {loss_words(loss)}, which expects {expects}."
    return RULE.report(site, problem, _mend(loss), effect=_consequence(site, loss), fixes=[_fix(site, loss)])


def _consequence(site: Site, loss: Loss) -> str:
    if site.output.scale is not Scale.LOG_PROBABILITIES:
        if loss.family is Family.CATEGORICAL and scales.effective_flag(loss) is False:
            return consequences.tell(logits_as_probabilities.told(loss), site.runtime)
        return "Values outside of 0 ... 1 are clipped and get no gradient, without a warning on any backend."
    if scales.effective_flag(loss) is None:
        return "Neither value of from_logits makes that right."
    if not scales.effective_flag(loss):
        return "Log-probabilities are negative: all are clipped to 1e-7 and nothing is trained."
    floor = consequences.binary_floors(0.0, 0.0)[0]
    cost = "" if loss.focal else f", so a positive costs at least {floor:.4f}"
    return f"Sigmoid of a log-probability is p / (1 + p), which never exceeds 0.5{cost}."


def _mend(loss: Loss) -> str:
    right = "sigmoid" if loss.family is Family.BINARY else "softmax"
    return f"end the model in a {right}, or in no activation with from_logits=True"


def _fix(site: Site, loss: Loss) -> Fix | None:
    """Without a known flag, nothing says which end is right."""
    flag, binary = scales.effective_flag(loss), loss.family is Family.BINARY
    if flag is None:
        return None
    return fixing.activate(site, None if flag else "sigmoid" if binary else "softmax")


RULE = Rule(
    code="FLA305",
    name="non-probability-activation",
    severity=Severity.ERROR,
    summary="relu, tanh, ... output into a cross-entropy that expects probabilities",
    check=check,
    kinds=frozenset({Kind.LOSS}),
    page=__doc__,
)
