"""What a fix needs to know of a construction, as the waist's plain :class:`~fromlogits_audit.ir.Edits`.

From the libcst node of a site: the spans of its arguments by parameter name, where another one
can be put, and what has to go for one to go. Positions are those of the file (of the cell, in
a notebook).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace

from fromlogits_audit import cst
from fromlogits_audit.catalogue.activations import activation_function
from fromlogits_audit.catalogue.layers import layer_class
from fromlogits_audit.catalogue.losses import loss_class, loss_function
from fromlogits_audit.catalogue.metrics import metric_class, metric_function
from fromlogits_audit.interp.heads import Head
from fromlogits_audit.interp.parse import ParsedModule
from fromlogits_audit.interp.spelling import Span, Spelling
from fromlogits_audit.interp.values import Place
from fromlogits_audit.ir import Edits, Family, Form, Kind, LabelEncoding, Labels, Location, Loss, Scale, Site
from fromlogits_audit.lean import dataclass

_REFERENCES = (Form.STRING, Form.FUNCTION, Form.CLASS)
_RIGHT_BY_DEFAULT = {
    Family.CATEGORICAL: Scale.PROBABILITIES,
    Family.BINARY: Scale.INDEPENDENT,
    Family.THRESHOLD: Scale.INDEPENDENT,
}
_MODULES = {Kind.LOSS: "losses", Kind.METRIC: "metrics"}
_PARTIAL = "functools.partial"


@dataclass
class Editor:
    """Describes constructions; remembers how each file spells things."""

    _spellings: dict[int, Spelling] = field(default_factory=dict)

    def spelling(self, module: ParsedModule) -> Spelling:
        found = self._spellings.get(id(module))
        if found is None:
            found = self._spellings[id(module)] = Spelling(module.file.text)
        return found

    def describe(
        self, site: Site, place: Place, *, head: Head | None, partners: tuple[Location, ...], shared: bool
    ) -> Edits | None:
        """The edits of a site at ``place``; None where no rule could ask for any.

        ``head`` is what gives the output its scale, ``partners`` the places of its losses.
        ``shared`` says that the construction also serves outputs it makes no site with.
        """
        if not _may_need(site):
            return None
        original = _original(place)
        if original is None:
            return None
        if site.metric is not None and site.metric.family is Family.ANY:  # no rule mends it itself
            return Edits(
                self._located(original.chunk.module, original.chunk.span(original.node)), partners=partners
            )
        place, layer = original, _original(head.place) if head is not None else None
        module = _MODULES.get(site.kind)
        made = self._construction(place, module)
        form = _form(site)
        if module is not None and form in _REFERENCES:
            made = self._spelled(made, place, module, layer)
        if form in (Form.STRING, Form.FUNCTION) and module is not None:
            alone = self.spelling(place.chunk.module).exclusive(place.chunk.span(place.node), module)
            made = _with(made, exclusive=alone)
        if shared:
            made = _with(made, exclusive=False)
        return self._before(made, site, place, layer, head, partners)

    def _before(
        self,
        made: Edits,
        site: Site,
        place: Place,
        layer: Place | None,
        head: Head | None,
        partners: tuple[Location, ...],
    ) -> Edits:
        """The construction with what stands before it."""
        inner = self._construction(layer, None) if layer is not None else None
        if site.kind is Kind.ACTIVATION:
            return _with(made, item=self._item(place), layer=inner)
        made = _with(made, partners=partners, layer=inner)
        if head is None:
            return made
        behind = [_original(one) or one for one in head.behind]
        return _with(
            made, reaching=head.reaching, behind=tuple(self._construction(one, None) for one in behind)
        )

    # -- constructions ---------------------------------------------------------------------------
    def _construction(self, place: Place, module: str | None) -> Edits:
        node, chunk = place.node, place.chunk
        span = self._located(place.chunk.module, chunk.span(node))
        text = chunk.code_of(node) if isinstance(node, cst.BaseExpression) else ""
        made = Edits(span, text=text)
        if isinstance(node, cst.Comparison):
            return _with(made, arguments=self._numbers(place, node))
        named = node.func if isinstance(node, cst.Call) else node
        dotted = _dotted(named)
        if dotted is None:
            return made
        line = chunk.span(node)[0]
        spelling = self.spelling(chunk.module)
        called = next(iter(spelling.resolve(dotted, line)), None)
        last = named.attr if isinstance(named, cst.Attribute) else named
        default = _activation_default(called)
        made = _with(made, called=called, callee=self._at(place, last), activation_default=default)
        if module is not None:
            made = _with(
                made,
                names=spelling.names(module, line),
                prefix=self._own_prefix(dotted, line, module, spelling),
            )
        return self._call(made, place, node) if isinstance(node, cst.Call) else made

    def _own_prefix(self, dotted: str, line: int, module: str, spelling: Spelling) -> str | None:
        """What stands before the name in the construction itself, where that is the right module."""
        base = dotted.rpartition(".")[0]
        if base and f"keras.{module}" in spelling.resolve(base, line):
            return f"{base}."
        return spelling.prefix(module, line)

    def _spelled(self, made: Edits, place: Place, module: str, layer: Place | None) -> Edits:
        """How an object is spelled that takes the place of a string or a reference."""
        spelling = self.spelling(place.chunk.module)
        line = place.chunk.span(place.node)[0]
        prefix = made.prefix if made.prefix is not None else spelling.prefix(module, line)
        made = _with(made, prefix=prefix, names=spelling.names(module, line))
        at = spelling.import_line
        if prefix is not None or at is None:
            return made
        flavour = spelling.flavour or (
            self.spelling(layer.chunk.module).flavour if layer is not None else None
        )
        if flavour is None or spelling.has_its_own(module):
            return made
        point = self._located(place.chunk.module, (at, 1, at, 1))
        return _with(made, import_at=point, import_from=f"{flavour}.{module}")

    def _call(self, made: Edits, place: Place, node: cst.Call) -> Edits:
        names = _parameters(made.called, node, place, self)
        if names is None or any(arg.star for arg in node.args) or node.lpar:
            return made
        calls = _Call(self, place, node)
        values = [(name, arg) for name, arg in _bound(names, node) if not _parenthesised(arg)]
        parameters = self.spelling(place.chunk.module).parameters(place.chunk.span(node)[0])
        keywords = [(name, arg) for name, arg in values if arg.keyword is not None]
        spans = [(name, calls.removal(arg)) for name, arg in keywords]
        ending = calls.point(place.chunk.span(node.args[-1])[2:]) if node.args else None
        return _with(
            made,
            arguments=tuple((name, self._at(place, arg.value)) for name, arg in values),
            written=tuple((name, place.chunk.code_of(arg.value)) for name, arg in values),
            removals=tuple((name, span) for name, span in spans if span is not None),
            passed_on=tuple(name for name, arg in values if _reads(arg.value) & parameters),
            call_open=calls.opening,
            call_close=calls.closing,
            last_argument=ending,
        )

    def _numbers(self, place: Place, node: cst.Comparison) -> tuple[tuple[str, Location], ...]:
        """The literal that a comparison of two sides cuts at."""
        sides = [node.left, *(one.comparator for one in node.comparisons)]
        literals = [side for side in sides if isinstance(side, (cst.Float, cst.Integer)) and not side.lpar]
        if len(sides) != 2 or len(literals) != 1:
            return ()
        return (("threshold", self._at(place, literals[0])),)

    def _item(self, place: Place) -> Location | None:
        span = self.spelling(place.chunk.module).item(place.chunk.span(place.node))
        return self._located(place.chunk.module, span) if span is not None else None

    def _at(self, place: Place, node: cst.CSTNode) -> Location:
        return self._located(place.chunk.module, place.chunk.span(node))

    @staticmethod
    def _located(module: ParsedModule, span: Span) -> Location:
        return module.file.locate(*span)


@dataclass(frozen=True)
class _Call:
    """The brackets of one call, in positions of the text and of the file."""

    editor: Editor
    place: Place
    node: cst.Call

    @property
    def _end(self) -> tuple[int, int]:
        line, column = self.place.chunk.span(self.node)[2:]
        return line, column - 1

    @property
    def _start(self) -> tuple[int, int] | None:
        """The point after the opening bracket, None where that takes more than counting."""
        gap = self.node.whitespace_after_func
        if (
            getattr(self.node.func, "lpar", ())
            or not isinstance(gap, cst.SimpleWhitespace)
            or "\n" in gap.value
        ):
            return None
        line, column = self.place.chunk.span(self.node.func)[2:]
        return line, column + len(gap.value) + 1

    def point(self, at: tuple[int, int]) -> Location:
        return self.editor._located(self.place.chunk.module, (*at, *at))

    @property
    def opening(self) -> Location | None:
        return self.point(self._start) if self._start is not None else None

    @property
    def closing(self) -> Location:
        return self.point(self._end)

    def removal(self, arg: cst.Arg) -> Location | None:
        """The span of an argument with the comma that goes with it, None where a comment is in the way."""
        args, at = list(self.node.args), self.node.args.index(arg)
        span = self.place.chunk.span
        if at:
            cut = (*span(args[at - 1])[2:], *span(arg)[2:])
        elif len(args) > 1:
            cut = (*span(arg)[:2], *span(args[1])[:2])
        elif self._start is not None:
            cut = (*self._start, *self._end)
        else:
            return None
        beside = self._text(*cut[:2], *span(arg)[:2]) + self._text(*span(arg)[2:], *cut[2:])
        return None if "#" in beside else self.editor._located(self.place.chunk.module, cut)

    def _text(self, line: int, column: int, end_line: int, end_column: int) -> str:
        """The text from one place to another, which is empty where they are the same."""
        lines = self.place.chunk.module.file.lines[line - 1 : end_line]
        lines[-1] = lines[-1][: end_column - 1]
        lines[0] = lines[0][column - 1 :]
        return "\n".join(lines)


def _activation_default(called: str | None) -> str | None:
    spec = layer_class(called) if called is not None else None
    if spec is None or "activation" not in spec.parameters.names:
        return None
    default = spec.parameters.default("activation")
    return default if isinstance(default, str) else "linear"


def _original(place: Place) -> Place | None:
    """The same place as libcst parses it."""
    node = place.chunk.original(place.node)
    return None if node is None else Place(place.chunk, node)


# -- which parameters ----------------------------------------------------------------------------
def _parameters(called: str | None, node: cst.Call, place: Place, editor: Editor) -> tuple[str, ...] | None:
    """The parameters of what is called, in order; None where that is nothing of Keras."""
    if called == _PARTIAL:
        inner = _dotted(node.args[0].value) if node.args else None
        line = place.chunk.span(node)[0]
        known = inner and any(_signature(n) for n in editor.spelling(place.chunk.module).resolve(inner, line))
        return () if known else None
    return _signature(called) if called is not None else None


def _signature(name: str) -> tuple[str, ...] | None:
    spec = loss_class(name) or loss_function(name) or layer_class(name) or metric_class(name)
    if spec is not None:
        return spec.parameters.names
    metric = metric_function(name)
    if metric is not None and metric.function is not None:
        return metric.function.names
    return ("x",) if activation_function(name) is not None else None


def _bound(names: tuple[str, ...], node: cst.Call) -> Iterator[tuple[str, cst.Arg]]:
    positional = [arg for arg in node.args if arg.keyword is None]
    yield from zip(names, positional, strict=False)
    yield from ((arg.keyword.value, arg) for arg in node.args if arg.keyword is not None)


def _parenthesised(arg: cst.Arg) -> bool:
    """libcst leaves brackets out of an expression's span."""
    return bool(getattr(arg.value, "lpar", ()))


def _reads(value: cst.BaseExpression) -> frozenset[str]:
    dotted = _dotted(value)
    return frozenset() if dotted is None else frozenset({dotted.partition(".")[0]})


def _dotted(node: cst.CSTNode) -> str | None:
    """``tf.keras.losses.X`` as text, None for anything but names and dots."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    return ".".join([node.value, *reversed(parts)]) if isinstance(node, cst.Name) else None


# -- which sites ---------------------------------------------------------------------------------
def _form(site: Site) -> Form | None:
    subject = site.loss or site.metric
    return subject.form if subject is not None else None


def _may_need(site: Site) -> bool:
    """Whether some rule might report the site. Most sites are right, and are not looked at."""
    subject, output = site.loss or site.metric, site.output
    if subject is None:
        return True
    if site.metric is not None and site.partner is not None and site.partner.sparse is not None:
        return True  # its labels may be those of another loss
    if subject.family is Family.ANY or subject.form is Form.CUSTOM:
        return False
    if subject.misuse or subject.form is Form.CLASS or output.unit_softmax is not None:
        return True
    if site.loss is None:
        return output.known and (output.scale is Scale.LOGITS or subject.from_logits is not None)
    if subject.family is Family.CATEGORICAL and (output.units == 1 or _may_misfit(site.loss, site.labels)):
        return True
    logits = site.loss.from_logits or site.loss.always_logits
    right = Scale.LOGITS if logits else _RIGHT_BY_DEFAULT.get(subject.family)
    return output.known and (output.scale is not right or subject.from_logits is None)


def _may_misfit(loss: Loss, labels: Labels | None) -> bool:
    """Whether labels may be encoded in another way than a categorical loss takes them."""
    if labels is None or labels.encoding is LabelEncoding.UNKNOWN:
        return False
    return loss.sparse is (labels.encoding is LabelEncoding.ONE_HOT)


def _with(edits: Edits, **changes: object) -> Edits:
    return replace(edits, **changes)  # type: ignore[arg-type]
