"""How the tables of this package are written: signatures as Keras prints them.

``params("units, activation=None")`` reads better in a table than nested tuples, and it
parses in microseconds, which keeps the import of the catalogue cheap. The tests compare the
result with the installed Keras by introspection.
"""

from __future__ import annotations

from functools import cache

from fromlogits_audit.catalogue.interface import Effect, LayerSpec, Parameters, Shape

_WORDS: dict[str, object] = {"None": None, "True": True, "False": False}


def params(signature: str) -> Parameters:
    """Parse ``"a, b=1, c='x', d=(1,1)"``.

    Parameters are separated by a comma and a space, so a tuple is written without spaces. A
    default written as ``...`` exists but is no plain literal: the parameter then has no entry
    among ``defaults``.
    """
    names: list[str] = []
    defaults: list[tuple[str, object]] = []
    for item in signature.split(", ") if signature else ():
        name, written, text = item.partition("=")
        names.append(name)
        if written and text != "...":
            defaults.append((name, _literal(text)))
    return Parameters(tuple(names), tuple(defaults))


@cache
def _literal(text: str) -> object:
    """The value of a word, a quoted string, a number or a flat tuple of those."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == "'":
        return text[1:-1]
    if text[0] == "(":
        return tuple(_literal(part) for part in text[1:-1].split(",") if part)
    return float(text) if "." in text or "e" in text else int(text)


KERAS_1 = "keras 1.2 source"
KERAS_2 = "keras 2.3 source"
_INSTALLED = "keras.src.layers."


def layer(
    name: str,
    effect: Effect,
    shape: Shape,
    signature: str,
    module: str,
    *,
    units: str | None = None,
    activation: str | None = None,
    aliases: str = "",
) -> LayerSpec:
    """A row for ``keras.layers.<name>``. ``module`` is where the class is defined.

    It is short for ``keras.src.layers.<module>`` unless it says otherwise.
    """
    return LayerSpec(
        name=f"keras.layers.{name}",
        effect=effect,
        shape=shape,
        parameters=params(signature),
        source=module if " " in module or "keras" in module else _INSTALLED + module,
        units=units,
        activation=activation,
        aliases=tuple(f"keras.layers.{alias}" for alias in aliases.split()),
    )
