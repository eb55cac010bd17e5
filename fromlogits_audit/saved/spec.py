"""``--loss SPEC``: a loss as a string alias or a constructor expression. Parsed, never evaluated."""

from __future__ import annotations

import ast
import re

from fromlogits_audit.catalogue.interface import LossFunctionSpec, LossSpec, Parameters
from fromlogits_audit.catalogue.losses import LOSSES, inferred_string, loss_class, loss_function, loss_string
from fromlogits_audit.catalogue.names import canonical
from fromlogits_audit.errors import UsageError
from fromlogits_audit.saved.values import Json

MAX_SPEC = 2_000
_WORD = re.compile(r"[A-Za-z_]\w*")
_PREFIXES = ("", "keras.losses.", "keras.", "tf.nn.")


def parse_loss(text: str) -> Json:
    """The serialised form of a SPEC, as a model would store it.

    A word (``mse``), a dotted name (``tf.nn.softmax_cross_entropy_with_logits``), a construction
    (``keras.losses.BinaryCrossentropy(from_logits=True)``), or a list or dict of those by output. Raises
    UsageError for anything else.
    """
    stripped = text.strip()
    if len(stripped) > MAX_SPEC:
        raise UsageError(f"--loss is longer than {MAX_SPEC:,} characters.")
    if _WORD.fullmatch(stripped):
        return _word(stripped)
    try:
        tree = ast.parse(stripped, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UsageError(f"--loss {text[:80]!r} is no loss: {why}.") from error
    return _node(tree)


def _node(node: ast.expr) -> Json:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _word(node.value)
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if isinstance(node, ast.Call):
        return _call(node)
    if isinstance(node, (ast.Name, ast.Attribute)):
        return _word(_dotted(node))
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_node(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        return {_key(key): _node(value) for key, value in zip(node.keys, node.values, strict=True)}
    raise UsageError(f"--loss {ast.unparse(node)[:80]!r} is neither a name nor a call of a loss.")


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise UsageError("--loss: the keys of a dict are names of outputs, in quotes.")


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    raise UsageError(f"--loss {ast.unparse(node)[:80]!r} is no name of a loss.")


def _find(name: str) -> LossSpec | LossFunctionSpec | None:
    for prefix in _PREFIXES:
        dotted = canonical(prefix + name)
        found = loss_class(dotted) or loss_function(dotted)
        if found is not None:
            return found
    return None


def _word(name: str) -> Json:
    if loss_string(name) is not None or inferred_string(name):
        return name
    found = _find(name)
    if isinstance(found, LossSpec):
        return found.name
    if found is None:
        raise _unknown(name)
    if found.always_logits:
        return _object(found.loss, {}, always=True)
    return _object(found.loss, {})


def _call(node: ast.Call) -> Json:
    found = _find(_dotted(node.func))
    if found is None:
        raise _unknown(_dotted(node.func))
    if isinstance(found, LossFunctionSpec):
        raise UsageError(f"--loss: {found.name} is a function; name it without calling it.")
    return _object(found, _arguments(node, found.parameters))


def _arguments(node: ast.Call, parameters: Parameters) -> dict[str, Json]:
    given: dict[str, Json] = {}
    if len(node.args) > len(parameters.names):
        raise UsageError(f"--loss: {ast.unparse(node)[:80]} has too many arguments.")
    pairs = [*zip(parameters.names, node.args, strict=False), *((k.arg, k.value) for k in node.keywords)]
    for name, value in pairs:
        if name not in parameters.names:
            raise UsageError(f"--loss: {ast.unparse(node.func)} has no parameter {name!r}.")
        given[str(name)] = _literal(value)
    if "from_logits" in parameters.names and "from_logits" not in given:
        _check_places(list(given.items())[: len(node.args)])
    return given


def _check_places(positional: list[tuple[str, Json]]) -> None:
    """Refuses what code would get FLA602 for: a True that is meant for from_logits and lands elsewhere."""
    for name, value in positional:
        if value is True:
            raise UsageError(f"--loss: the positional True lands on {name}, not on from_logits: name it.")


def _literal(node: ast.expr) -> Json:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise UsageError(f"--loss: {ast.unparse(node)[:80]!r} is no literal value.") from error


def _object(spec: LossSpec, config: dict[str, Json], *, always: bool = False) -> Json:
    config = {**config, "from_logits": True} if always else config
    return {"class_name": spec.name, "config": config}


def _unknown(name: str) -> UsageError:
    import difflib

    known = [word for spec in LOSSES for word in (spec.name, *spec.strings)]
    close = difflib.get_close_matches(name.rpartition(".")[2], known, n=1)
    return UsageError(
        f"--loss: there is no loss {name[:80]!r}." + (f" Did you mean {close[0]!r}?" if close else "")
    )
