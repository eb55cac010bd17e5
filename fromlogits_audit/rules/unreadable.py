"""
## What it does
Reports a file or model that had to be read and could not be, with the reason: a syntax error, an encoding
that does not fit, a notebook that is not JSON. The run goes on with the other files.

## Why it is wrong
What is not read is not checked. A report that passes over it would look as if nothing were wrong there.

## Example
```python
import keras

model = keras.Sequential([keras.layers.Dense(10)
model.compile(optimizer="adam", loss="mse")
```

## Use instead
```python
import keras

model = keras.Sequential([keras.layers.Dense(10)])
model.compile(optimizer="adam", loss="mse")
```

## Fix safety
There is no fix.
"""

from __future__ import annotations

from fromlogits_audit.finding import Finding, Severity
from fromlogits_audit.ir import Site
from fromlogits_audit.rules.interface import Rule


def check(site: Site) -> Finding | None:
    """Never: a file that cannot be read has no sites. The pipeline reports what its frontends raise."""
    return None


RULE = Rule(
    code="FLA001",
    name="unreadable",
    severity=Severity.ERROR,
    summary="a file or model that can't be parsed, with the reason; the run goes on",
    check=check,
    kinds=frozenset(),
    page=__doc__,
)
