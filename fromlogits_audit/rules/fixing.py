"""How the rules build their fixes, from what a site knows of its construction.

Each function gives a :class:`~fromlogits_audit.finding.Fix`, or None where the site does not say
enough: a fix that is not certain to be right is not offered. ``SAFE``: the model's outputs
stay as they are, and nobody but this loss or metric reads what changes. ``UNSAFE``: what the
model returns changes, or code elsewhere may rely on what does.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from math import log

from fromlogits_audit import regex
from fromlogits_audit.catalogue.losses import inferred_string, loss_class, loss_function
from fromlogits_audit.catalogue.metrics import metric_class
from fromlogits_audit.finding import Applicability, Edit, Fix
from fromlogits_audit.ir import Edits, Form, Kind, LabelEncoding, Location, Loss, Metric, Site
from fromlogits_audit.rules import scales

AT_ZERO = {
    "BinaryAccuracy": ("threshold", "0.0"),
    "BinaryIoU": ("threshold", "0.0"),
    "Precision": ("thresholds", "0"),
    "Recall": ("thresholds", "0"),
    "TruePositives": ("thresholds", "0"),
    "TrueNegatives": ("thresholds", "0"),
    "FalsePositives": ("thresholds", "0"),
    "FalseNegatives": ("thresholds", "0"),
    "AUC": ("from_logits", "True"),
}
"""The argument that makes a metric right on logits. The others have none: F1Score, for one,
refuses a threshold of 0."""

SISTERS = {
    "CategoricalCrossentropy": "SparseCategoricalCrossentropy",
    "SparseCategoricalCrossentropy": "CategoricalCrossentropy",
}
_SISTER_FUNCTIONS = {
    "categorical_crossentropy": "sparse_categorical_crossentropy",
    "softmax_cross_entropy_with_logits": "sparse_softmax_cross_entropy_with_logits",
}
_FREE_THRESHOLD = ("BinaryAccuracy", "BinaryIoU")
"""Metrics whose threshold may be any number; the others want 0 ... 1."""

_SWITCHES = {"1": "True", "1.0": "True", "0": "False", "0.0": "False"}
_ACTIVATION_LAYER = "keras.layers.Activation"
_WRAPPED = (Form.STRING, Form.FUNCTION)


# -- losses --------------------------------------------------------------------------------------
def set_flag(site: Site, from_logits: bool) -> Fix | None:
    """Give the loss the flag that fits its output."""
    loss, edits = site.loss, site.edits
    if loss is None or edits is None or loss.always_logits or loss.form is Form.OP:
        return None
    title = f"Set from_logits={from_logits}"
    if loss.form in _WRAPPED:
        builds = from_logits and not loss.is_custom and not _is_put_together(loss.form, edits.text)
        sparse = _SPARSE.get(site.labels.encoding) if site.labels is not None else None
        name = _told(loss.name, edits.text, sparse) if builds else None
        return _built(title, edits, name, f"from_logits={from_logits}") if name is not None else None
    if loss.form is Form.CLASS:
        return _after(title, edits, f"(from_logits={from_logits})" if from_logits else "()")
    return _flag(title, edits, from_logits)


_SPARSE = {LabelEncoding.INTEGER: True, LabelEncoding.ONE_HOT: False}


def _told(name: str, text: str, sparse: bool | None) -> str | None:
    """The class that a string means; of "crossentropy" the one for the labels, None where none are known."""
    if name not in SISTERS or not inferred_string(_unquoted(text)):
        return name
    return None if sparse is None else (SISTERS[name] if sparse else name)


def _is_put_together(form: Form, text: str) -> bool:
    """Whether a string is not written down where it is used: what it is made of would be lost."""
    return form is Form.STRING and _LITERAL.fullmatch(text.strip()) is None


_LITERAL = regex.later(r"""[rRuUbB]{0,2}(['"]{3}|['"])[^'"]*\1""")


def _flag(title: str, edits: Edits, from_logits: bool) -> Fix | None:
    """Change, add or drop the argument of a call."""
    removal = dict(edits.removals).get("from_logits")
    safe = "from_logits" not in edits.passed_on
    if removal is not None and not from_logits:
        return _fix("Drop from_logits=True", safe, [Edit(removal, "")])
    if not from_logits and "from_logits" not in dict(edits.arguments):
        return None
    edit = argument(edits, "from_logits", str(from_logits))
    return _fix(title, safe, [edit]) if edit is not None else None


def instantiate(site: Site) -> Fix | None:
    """Call the loss class that was given in place of an instance."""
    loss, edits = site.loss, site.edits
    if loss is None or edits is None or loss.form is not Form.CLASS:
        return None
    return _after("Make an instance of the class", edits, "()")


def write_bool(site: Site) -> Fix | None:
    """Write a number given as ``from_logits`` as the bool that it counts as."""
    edits = site.edits
    if edits is None:
        return None
    text = _SWITCHES.get(dict(edits.written).get("from_logits", ""))
    edit = argument(edits, "from_logits", text) if text is not None else None
    return _fix(f"Write from_logits={text}", True, [edit]) if edit is not None else None


def sister(site: Site) -> Fix | None:
    """The sparse form of a categorical loss in its place, or the other way round."""
    loss = site.loss
    other = SISTERS.get(loss.name) if loss is not None else None
    return replace_loss(site, other, safe=True) if other is not None else None


def replace_loss(site: Site, name: str, *, safe: bool) -> Fix | None:
    """Another Keras loss class, or its function, under the same arguments."""
    loss, edits = site.loss, site.edits
    spec = loss_class(f"keras.losses.{name}")
    if loss is None or edits is None or spec is None:
        return None
    title = f"Use {name}"
    if loss.form is Form.STRING:
        string = _like_quoted(edits.text, spec.strings[0])
        return _fix(title, safe and edits.exclusive, [Edit(edits.span, string)])
    called = edits.called or ""
    if loss.form in (Form.FUNCTION, Form.CALL, Form.OP):
        target = _function_of(called, name)
    else:
        target = name if called == f"keras.losses.{loss.name}" else None
    if target is None or not _accepts(edits, spec.parameters.names if loss.form is Form.INSTANCE else None):
        return None
    return _renamed(title, edits, target, safe)


def _function_of(called: str, name: str) -> str | None:
    """The function of a loss class beside the one that is called now."""
    module, _, last = called.rpartition(".")
    snake = _SISTER_FUNCTIONS.get(last) or {v: k for k, v in _SISTER_FUNCTIONS.items()}.get(last)
    known = loss_function(f"{module}.{snake}") if snake else None
    return snake if known is not None and known.loss.name == name else None


def _accepts(edits: Edits, names: tuple[str, ...] | None) -> bool:
    """Whether the arguments mean the same for another class: all by a name that it knows."""
    if names is None:
        return True
    by_keyword = {name for name, _ in edits.removals}
    return all(name in names and (name in by_keyword or name == names[0]) for name, _ in edits.arguments)


def _renamed(title: str, edits: Edits, name: str, safe: bool) -> Fix | None:
    """Another last name in what is called or referred to."""
    if edits.callee is None:
        return None
    local = dict(edits.names)
    qualified = edits.callee.column > edits.span.column
    if qualified or name in local or edits.prefix == "":
        return _fix(title, safe, [Edit(edits.callee, name if qualified else local.get(name, name))])
    if edits.prefix is not None:
        return _fix(title, safe, [Edit(edits.callee, edits.prefix + name)])
    return None


# -- metrics -------------------------------------------------------------------------------------
def threshold_at_zero(site: Site) -> Fix | None:
    """Let a metric cut at the logit of the probability that it cuts at now: that of a sigmoid."""
    metric = site.metric
    if metric is None or metric.name not in AT_ZERO or scales.meant_for_softmax(site):
        return None
    name, value = AT_ZERO[metric.name]
    if metric.threshold not in (None, 0.5):
        if metric.name not in _FREE_THRESHOLD or metric.threshold is None:
            return None
        value = f"{log(metric.threshold / (1 - metric.threshold)):.6g}"
    if site.edits is not None and not _plain_number(dict(site.edits.written).get(name)):
        return None
    return _metric_with(site, metric, name, value)


def _plain_number(text: str | None) -> bool:
    """Whether a threshold is left out or written as one literal."""
    return text is None or text == "None" or text.replace(".", "", 1).isdigit() or text in ("True", "False")


def set_metric_flag(site: Site, from_logits: bool) -> Fix | None:
    """Give a metric the flag that fits its output."""
    metric, edits = site.metric, site.edits
    if metric is None or edits is None:
        return None
    if metric.form is Form.INSTANCE and not from_logits:
        fix = _flag("Set from_logits=False", edits, from_logits)
        return fix if edits.exclusive or fix is None else unsafe(fix)
    return _metric_with(site, metric, "from_logits", str(from_logits))


def _metric_with(site: Site, metric: Metric, name: str, value: str) -> Fix | None:
    edits = site.edits
    if edits is None:
        return None
    if metric.form in _WRAPPED:
        called = _told(metric.name, edits.text, site.partner.sparse if site.partner is not None else None)
        arguments = f"{name}={value}{_kept_name(metric, edits)}"
        return _built(f"Use {called}({name}={value})", edits, called, arguments) if called else None
    title = f"Use {metric.name}({name}={value})"
    if metric.form is Form.CLASS:
        return _after(title, edits, f"({name}={value})")
    edit = argument(edits, name, value)
    safe = edits.exclusive and name not in edits.passed_on
    return _fix(title, safe, [edit]) if edit is not None else None


def _kept_name(metric: Metric, edits: Edits) -> str:
    """A string is the name of its metric in the history; an object brings a name of its own."""
    spec = metric_class(f"keras.metrics.{metric.name}")
    if metric.form is not Form.STRING or spec is None:
        return ""
    return "" if _unquoted(edits.text) == spec.parameters.default("name") else f", name={edits.text}"


# -- cut-offs, layers, activations ---------------------------------------------------------------
def cut_at_zero(site: Site) -> Fix | None:
    """Compare logits with 0 in place of 0.5, as a sigmoid of them would be."""
    if scales.meant_for_softmax(site):
        return None
    at = dict(site.edits.arguments).get("threshold") if site.edits is not None else None
    return Fix("Compare with 0.0", Applicability.UNSAFE, (Edit(at, "0.0"),)) if at is not None else None


def activate(site: Site, activation: str | None) -> Fix | None:
    """Let the output end in another activation, or in none, where that reaches the end of it."""
    edits = site.edits
    if edits is None:
        return None
    if site.kind is Kind.ACTIVATION:
        return _activated(edits, activation)
    reaches = (activation or "linear") in edits.reaching
    return _activated(edits.layer, activation) if reaches and edits.layer is not None else None


def _activated(layer: Edits, activation: str | None) -> Fix | None:
    now = dict(layer.written).get("activation")
    if layer.called is not None and layer.call_close is not None and _takes_tensor(layer):
        return _of_call(layer, activation)
    if activation is None:
        return _without_activation(layer, now)
    untold = now is None and (layer.call_close is None or layer.called == _ACTIVATION_LAYER)
    if layer.activation_default is None or untold:
        return None
    edit = argument(layer, "activation", _like_quoted(now or layer.text, activation))
    return _unsafe(f"End the model in a {activation}", edit)


def _without_activation(layer: Edits, now: str | None) -> Fix | None:
    title = "Remove the activation"
    removal = dict(layer.removals).get("activation")
    if layer.item is not None and layer.called in (_ACTIVATION_LAYER, "keras.layers.Softmax"):
        return _unsafe(title, Edit(layer.item, ""))
    if now is None:
        return None
    acts = layer.activation_default not in (None, "linear")
    if removal is None or acts or layer.called == _ACTIVATION_LAYER:
        return _unsafe(title, argument(layer, "activation", _like_quoted(now, "linear")))
    return _unsafe(title, Edit(removal, ""))


def _takes_tensor(layer: Edits) -> bool:
    """Whether this is a function of a tensor (``tf.nn.softmax(x)``), no layer."""
    return not (layer.called or "").startswith("keras.layers.") and bool(_tensor(layer))


def _tensor(layer: Edits) -> str:
    written = dict(layer.written)
    return next((written[name] for name in ("x", "logits", "features") if name in written), "")


def _of_call(layer: Edits, activation: str | None) -> Fix | None:
    """Another function on the same tensor, or the tensor itself."""
    if activation is None:
        return _unsafe("Remove the activation", Edit(layer.span, _operand(_tensor(layer))))
    alone = len(layer.arguments) == 1 and layer.callee is not None and layer.callee.column > layer.span.column
    return _unsafe(f"Use {activation}", Edit(layer.callee, activation)) if alone and layer.callee else None


def _operand(text: str) -> str:
    """An expression that may stand where a call stood, whatever is around it: what operators would pull apart
    gets brackets."""
    import ast  # Few fixes take a call away.

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd in the audited code is its own affair
            parsed = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # over several lines, for one
        return f"({text})"
    whole = (ast.Attribute, ast.Call, ast.Dict, ast.List, ast.ListComp, ast.Name, ast.Subscript)
    return text if isinstance(parsed, whole) else f"({text})"


def compute_in(site: Site, dtype: str) -> Fix | None:
    """Let a layer, and those behind it, compute in another type than the policy's."""
    layers = (site.edits, *site.edits.behind) if site.edits is not None else ()
    edits = [argument(layer, "dtype", _like_quoted(layer.text, dtype)) for layer in layers]
    made = tuple(dict.fromkeys(edit for edit in edits if edit is not None))
    if not made or None in edits:
        return None
    title = f"Compute the {'layer' if len(made) == 1 else 'layers'} in {dtype}"
    return Fix(title, Applicability.UNSAFE, made)


# -- parts ---------------------------------------------------------------------------------------
def argument(edits: Edits, name: str, value: str) -> Edit | None:
    """Change one argument of a call, or append it."""
    written = dict(edits.arguments).get(name)
    if written is not None:
        return Edit(written, value)
    if edits.call_close is None:
        return None
    if edits.last_argument is None:
        at = edits.call_open if edits.call_open is not None else edits.call_close
        return Edit(at, f"{name}={value}")
    return Edit(edits.last_argument, f", {name}={value}")


def _built(title: str, edits: Edits, name: str, arguments: str) -> Fix | None:
    """An object in place of a string or of a reference to a function."""
    local = dict(edits.names).get(name)
    if local is None and edits.prefix is not None:
        local = edits.prefix + name
    if local is not None:
        return _fix(title, edits.exclusive, [Edit(edits.span, f"{local}({arguments})")])
    if edits.import_at is None or edits.import_from is None:
        return None
    line = Edit(edits.import_at, f"from {edits.import_from} import {name}\n")
    return _fix(title, edits.exclusive, [line, Edit(edits.span, f"{name}({arguments})")])


def _after(title: str, edits: Edits, brackets: str) -> Fix | None:
    span = edits.span
    end = Location(span.path, span.cell, span.end_line, span.end_column, span.end_line, span.end_column)
    return _fix(title, True, [Edit(end, brackets)]) if edits.call_close is None else None


def _fix(title: str, safe: bool, edits: Iterable[Edit]) -> Fix:
    return Fix(title, Applicability.SAFE if safe else Applicability.UNSAFE, tuple(edits))


def _unsafe(title: str, edit: Edit | None) -> Fix | None:
    return Fix(title, Applicability.UNSAFE, (edit,)) if edit is not None else None


def unsafe(fix: Fix) -> Fix:
    """The same fix, offered as one that somebody has to look at."""
    return replace(fix, applicability=Applicability.UNSAFE)


def _unquoted(literal: str) -> str:
    return literal.lstrip("rbuRBU").strip("'\"")


def _like_quoted(sample: str, text: str) -> str:
    """A string literal in the quotes that a piece of source uses."""
    quote = "'" if "'" in sample and '"' not in sample else '"'
    return f"{quote}{text}{quote}"


def flag_of(code: str, loss: Loss) -> bool | None:
    """The ``from_logits`` that a rule's safe fix gives a loss, None where it leaves the flag alone."""
    return _FLAGS.get(code) if not loss.always_logits else None


_FLAGS = {"FLA101": False, "FLA102": False, "FLA201": True, "FLA202": True, "FLA204": True}
