"""
## What it does
Finds a final softmax or sigmoid that is computed in float16 or bfloat16, as under the policies
`mixed_float16` and `mixed_bfloat16`.

## Why it is wrong
The highest float16 below 1 is 0.99951 and the highest bfloat16 0.99609, so sure predictions round to
exactly 1, and float16 has no number between 0 and 6e-8. The loss of such probabilities is clipped or
coarse. Keras 3 casts them to float32 for the loss, which also means that it can no longer find the values
before the activation.

## Example
```python
import keras

keras.mixed_precision.set_global_policy("mixed_float16")
model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
```

## Use instead
```python
import keras

keras.mixed_precision.set_global_policy("mixed_float16")
model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="softmax", dtype="float32"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
```

## Fix safety
`dtype="float32"` on the last layers changes the type of what the model returns, so it is offered as
unsafe. Every layer from the activation to the end of the model gets it: one that only reshapes or resizes
casts its input back to float16 otherwise.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Kind, Scale, Site
from fromlogits_audit.rules import fixing
from fromlogits_audit.rules.interface import Rule
from fromlogits_audit.rules.wording import output_words

SIGNIFICAND_BITS = {"float16": 11, "bfloat16": 8}
"""Significand bits with the hidden one (IEEE 754 binary16; bfloat16)."""

_PROBABILITIES = (Scale.PROBABILITIES, Scale.INDEPENDENT)


def highest_below_one(dtype: str) -> float:
    """The number of ``dtype`` next below 1."""
    return 1.0 - float(2 ** -SIGNIFICAND_BITS[dtype])


def check(site: Site) -> Finding | None:
    dtype = site.output.half_precision
    if (
        site.kind is not Kind.LAYER
        or dtype not in SIGNIFICAND_BITS
        or site.output.scale not in _PROBABILITIES
    ):
        return None
    problem = f"The {output_words(site.output)} is computed in {dtype}."
    highest = f"{highest_below_one(dtype):.5f}"
    told = f"Whatever is above {highest} rounds to it or to 1, and the loss is as coarse as that."
    return RULE.report(
        site,
        f"{problem} {told}",
        'give the layer of the last activation, and every layer behind it, dtype="float32"',
        fixes=[fixing.compute_in(site, "float32")],
    )


RULE = Rule(
    code="FLA701",
    name="half-precision-probabilities",
    severity=Severity.WARNING,
    summary="final softmax/sigmoid computed in float16/bfloat16 under a mixed policy",
    check=check,
    kinds=frozenset({Kind.LAYER}),
    page=__doc__,
)
