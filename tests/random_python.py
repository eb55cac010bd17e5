"""Short Python programs at random: branches, loops, exceptions, functions, lists, dicts and attributes.

They depend on a number ``N`` and leave ``act``, which is None or ``"softmax"``. Every loop that they write
turns at least once: of loops that may not turn at all the scan takes the turn, on purpose.
"""

from __future__ import annotations

from collections.abc import Callable

import numbered
from numbered import Lines

START = """\
import contextlib
class C: act = None
c = C()
xs = [None]
d = {}
act = None
"""
_VALUES = (
    "None",
    "'softmax'",
    "'softmax'",
    "act",
    "xs[0]",
    "xs[-1]",
    "d.get('a')",
    "c.act",
    "getattr(c, 'b', None)",
)
_NUMBERS = ("N > {}", "N < {}", "N == {}", "N >= {}", "not N > {}")
_CONDITIONS = (
    "act is None", "act == 'softmax'", "act", "xs", "not xs", "len(xs) > 1", "'a' in d", "d", "c.act",
    "hasattr(c, 'b')",
)  # fmt: skip
_SIMPLE = (
    "act = {}", "act = {}", "act = d.get('a', {})", "d['a'] = {}", "d['b'] = {}", "d.update(a={})",
    "d.setdefault('a', {})", "d = {{**d, 'b': {}}}", "d.pop('a', None)", "d.clear()", "xs.append({})",
    "xs.insert(0, {})", "xs = xs + [{}]", "xs[:] = [{}]", "xs = [{}, *xs]", "xs and xs.pop()", "xs.reverse()",
    "xs = [x for x in xs if x]", "xs = [x for x in xs if N > 2]", "c.act = {}", "c.b = {}",
    "setattr(c, 'act', {})", "c = C()",
)  # fmt: skip
_LOOPS = ("range(2)", "range(3)", "[1, 2]", "list(xs) or [1]")
_EXCEPTIONS = ("ValueError", "KeyError", "Exception", "(ValueError, KeyError)")


class Writer(numbered.Writer):
    """Writes one program. A block is a list of lines, indented by where it goes."""

    def program(self) -> str:
        lines = [line for _ in range(self._random.randint(2, 5)) for line in self._statement(2)]
        return START + "\n".join(lines) + "\n"

    def _value(self, depth: int = 1) -> str:
        if depth and self._random.random() < 0.15:
            return f"({self._value(0)} if {self._condition()} else {self._value(0)})"
        return self._random.choice(_VALUES)

    def _condition(self) -> str:
        if self._random.random() < 0.1:
            return f"{self._condition()} {self._random.choice(('and', 'or'))} {self._condition()}"
        if self._random.random() < 0.6:
            return self._random.choice(_NUMBERS).format(self._random.randint(-1, 5))
        return self._random.choice(_CONDITIONS)

    def _block(self, depth: int, leave: str = "") -> Lines:
        lines = [line for _ in range(self._random.randint(1, 3)) for line in self._statement(depth, leave)]
        return ["    " + line for line in lines]

    def _statement(self, depth: int, leave: str = "") -> Lines:
        """One statement; ``leave`` are those that a condition may put in its place, as ``break``."""
        if leave and self._random.random() < 0.12:
            way = self._random.choice(leave.split("/")).format(self._value())
            return [f"if {self._condition()}: {way}"]
        if not depth or self._random.random() < 0.4:
            return [self._random.choice(_SIMPLE).format(self._value())]
        kinds: tuple[Callable[[int, str], Lines], ...] = (
            self._if, self._if, self._for, self._while, self._try, self._try, self._with,
        )  # fmt: skip
        if depth == 2 and not leave:
            kinds += (self._function,)
        return self._random.choice(kinds)(depth - 1, leave)

    def _if(self, depth: int, leave: str) -> Lines:
        return [f"if {self._condition()}:", *self._block(depth, leave), *self._maybe("else", depth, leave)]

    def _maybe(self, word: str, depth: int, leave: str) -> Lines:
        return [f"{word}:", *self._block(depth, leave)] if self._random.random() < 0.3 else []

    def _for(self, depth: int, leave: str) -> Lines:
        head = f"for {self._name()} in {self._random.choice(_LOOPS)}:"
        return [head, *self._block(depth, _in_loop(leave)), *self._maybe("else", depth, leave)]

    def _while(self, depth: int, leave: str) -> Lines:
        name, turns = self._name(), self._random.randint(1, 3)
        body = [f"    {name} += 1", *self._block(depth, _in_loop(leave))]
        return [f"{name} = 0", f"while {name} < {turns}:", *body, *self._maybe("else", depth, leave)]

    def _try(self, depth: int, leave: str) -> Lines:
        raised, caught = (self._random.choice(_EXCEPTIONS[:n]) for n in (2, 4))
        body = [
            *self._block(depth, leave),
            f"    if {self._condition()}: raise {raised}",
            *self._block(0, leave),
        ]
        lines = ["try:", *body, f"except {caught}:", *self._block(depth, leave)]
        return [*lines, *self._maybe("else", depth, leave), *self._maybe("finally", 0, "")]

    def _with(self, depth: int, leave: str) -> Lines:
        return ["with contextlib.nullcontext():", *self._block(depth, leave)]

    def _function(self, depth: int, leave: str) -> Lines:
        name = self._name()
        body = self._block(depth, "return {}/return {}")
        end = f"    return {self._value()}"
        return [f"def {name}(act):", "    global xs, d, c", *body, end, f"act = {name}({self._value()})"]


def _in_loop(leave: str) -> str:
    return "break/continue" + ("/return {}" if "return" in leave else "")
