"""What every reader of a saved model yields, and the bounds that all of them keep.

A reader is a function ``read(path) -> SavedModel`` that raises
:class:`~fromlogits_audit.errors.InputError` with the reason where the file can't be used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import field

from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.ir import Applied, Location, Output, Scale, Step
from fromlogits_audit.lean import dataclass
from fromlogits_audit.saved.compiling import Head, Stored
from fromlogits_audit.saved.graph import Named, Walker
from fromlogits_audit.saved.unsafe import unsafe_parts
from fromlogits_audit.saved.values import Json, Tensor

MAX_CONFIG_BYTES = 8 * 1024 * 1024
"""A model config; EfficientNetB7's is 0.6 MB. As Python objects it may take 20 times as much."""
MAX_CONTAINERS = 400_000
"""Lists and objects in a config; EfficientNetB7's has 20,000."""
MAX_NESTING = 400
"""Brackets inside brackets in a config. Real ones stay under 40 for each nested model."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
"""A string as a whole, to the end of the text where nothing closes it, or a bracket."""


@dataclass(frozen=True)
class SavedModel:
    """One model as its file holds it. ``heads`` are its outputs with the names a dict may use.

    ``applied`` are the softmaxes and sigmoids inside with what they were applied to; ``unsafe`` the
    parts that would run code, in words. ``keras`` is the major version that wrote it.
    """

    path: str
    format: str
    keras_version: str | None
    heads: tuple[Head, ...]
    names: tuple[str, ...]
    compiled: Stored = field(default_factory=Stored)
    applied: tuple[tuple[Applied, Output], ...] = ()
    unsafe: tuple[str, ...] = ()

    @property
    def keras(self) -> int | None:
        first = (self.keras_version or "").partition(".")[0]
        return int(first) if first in ("2", "3") else None


def parse_json(raw: bytes, what: str) -> Json:
    """The value of a JSON text. Raises UnreadableFile for what is too large, too deep or no JSON."""
    if len(raw) > MAX_CONFIG_BYTES:
        raise UnreadableFile(f"{what} is larger than {MAX_CONFIG_BYTES // 2**20} MB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{what} is not UTF-8 text (byte {error.start})") from error
    if text.count("[") + text.count("{") > MAX_CONTAINERS:
        raise UnreadableFile(f"{what} holds more than {MAX_CONTAINERS:,} lists and objects")
    if _too_deep(text):
        raise UnreadableFile(f"{what} is nested more than {MAX_NESTING} levels deep")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"{what} is not valid JSON: {error}") from error


def _too_deep(text: str) -> bool:
    """Whether brackets nest past the bound, those in strings left out: a parser recurses for each level."""
    depth = 0
    for token in _TOKEN.finditer(text):
        char = token.group()
        if char in "[{":
            depth += 1
            if depth > MAX_NESTING:
                return True
        elif char in "]}":
            depth -= 1
    return False


def from_config(
    config: Json, compiled: Stored, *, path: str, format: str, keras_version: str | None, extra: Json = None
) -> SavedModel:
    """A model from its config; ``extra`` is whatever else of the file a loader would deserialise."""
    if not isinstance(config, dict):
        raise UnreadableFile("the model's config is not a JSON object")
    if not isinstance(config.get("class_name"), str):
        raise UnreadableFile("the model's config names no class")
    walker = Walker()
    named = walker.outputs(config)
    heads, names = as_heads(named, path)
    applied = tuple((one, to_output(before, path)) for one, before in walker.recorder.applied)
    return SavedModel(
        path, format, keras_version, heads, names, compiled, applied, unsafe_parts([config, extra])
    )


def as_heads(named: Sequence[Named], path: str) -> tuple[tuple[Head, ...], tuple[str, ...]]:
    """Outputs with names: the dict key, else the layer's name (made unique as Keras does)."""
    heads, names = [], []
    taken: dict[str, int] = {}
    for one in named:
        name = one.key or one.layer
        again = taken[name] = taken.get(name, -1) + 1
        name = f"{name}_{again}" if again else name
        shown = name if len(named) > 1 else None
        keys = tuple(dict.fromkeys(key for key in (one.key, name, one.layer) if key is not None))
        heads.append(Head(to_output(one.tensor, path, shown), keys, one.tensor.rescaled))
        names.append(name)
    return tuple(heads), tuple(names)


def to_output(tensor: Tensor, path: str, name: str | None = None) -> Output:
    """The waist's view of a tensor."""
    where, known = Location(path), tensor.scale is not Scale.UNKNOWN
    return Output(
        scale=tensor.scale,
        activation=tensor.activation if known else None,
        units=tensor.units,
        name=name,
        reason=None if known else tensor.reason,
        unit_softmax=where if tensor.unit_softmax else None,
        half_precision=tensor.half if known else None,
        trace=tuple(Step(where, note) for note in tensor.notes),
    )
