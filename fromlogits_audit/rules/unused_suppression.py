"""
## What it does
Finds a `# noqa: FLA...` comment on a line where nothing is suppressed by it.

## Why it is wrong
The comment outlived what it was written for, and it will hide the next finding of that code on its line.

## Example
```python
import keras

model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")  # noqa: FLA101
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
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
```

## Fix safety
Removing the comment is safe: no code changes.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Site
from fromlogits_audit.rules.interface import Rule


def check(site: Site) -> Finding | None:
    """Never: a comment is no site. The pipeline reports what is left over once findings are suppressed."""
    return None


RULE = Rule(
    code="FLA003",
    name="unused-suppression",
    severity=Severity.WARNING,
    summary="a `# noqa: FLA...` that suppresses nothing",
    check=check,
    kinds=frozenset(),
    page=__doc__,
)
