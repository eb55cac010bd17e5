"""Programs that are small to write and endless to run: each ends in a model whose loss is wrong.

``FOUND``: the fault is found in spite of what stands before it. ``UNDECIDED``: the site is listed, and nothing
is claimed. ``REFUSED``: the file, or the statement, is too much to be read, and the report says so.
"""

# ruff: noqa: E501 - a program on a line, as in a table

from __future__ import annotations

from collections.abc import Callable, Iterable

HEAD = "import os, sys\nimport keras\nfrom keras import layers\nact, n = 'softmax', 3\n"
WRONG = "keras.losses.CategoricalCrossentropy(from_logits=True)"
TAIL = f"\nmodel = keras.Sequential([layers.Dense(n, activation=act)])\nmodel.compile('adam', {WRONG})\n"
FOUND, UNDECIDED, REFUSED = "found", "undecided", "refused"
SAFE = FOUND + " or " + UNDECIDED


def program(body: str) -> str:
    return HEAD + body + TAIL


def lines(template: Callable[[int], str], numbers: Iterable[int]) -> str:
    return "\n".join(template(number) for number in numbers)


def nested(line: Callable[[int], str], depth: int, last: str) -> str:
    """Compound statements inside one another."""
    return lines(lambda i: " " * i + line(i), range(depth)) + "\n" + " " * depth + last


# Large values: they are never made.
VALUES = {
    "text times a number": "n = len('a' * 10**9)",
    "bytes times a number": "n = len(b'a' * 10**10)",
    "list times a number": "n = len([0] * 10**9)",
    "power of a power": "n = 10 ** 10 ** 8",
    "left shift": "n = 1 << 10**9",
    "list of a range": "n = len(list(range(10**9)))",
    "sum of a range": "n = sum(range(10**9))",
    "loop over a range": "n = 0\nfor i in range(10**9):\n    n += 1",
    "counting while": "n = 0\nwhile n < 10**9:\n    n += 1",
    "endless generator": "def g():\n    i = 0\n    while True:\n        yield i\n        i += 1\nn = len(list(g()))",
    "product of ranges": "import itertools\nn = len(list(itertools.product(range(30), repeat=30)))",
    "doubled list": "x = [1]\n" + "x = x + x\n" * 60 + "n = len(x)",
    "doubled by extend": "x = [1]\n" + "x.extend(x)\n" * 60 + "n = len(x)",
    "doubled by star": "x = [1]\n" + "x = [*x, *x]\n" * 60 + "n = len(x)",
    "doubled text": "x = 'ab'\n" + "x = x + x\n" * 60 + "n = len(x)",
    "doubled f-string": "x = 'ab'\n" + "x = f'{x}{x}'\n" * 60 + "n = len(x)",
    "text replaced by itself": "x = 'aa'\n" + "x = x.replace('a', x)\n" * 60 + "n = len(x)",
    "text joined by itself": "x = 'ab'\n" + "x = x.join([x, x, x])\n" * 60 + "n = len(x)",
    "wide format": "x = '%1000000000d' % 3\ny = '{:1000000000d}'.format(3)\nn = len('3'.zfill(10**10))",
    "squared number": "x = 3\n" + "x = x * x\n" * 60 + "n = x",
    "infinite number": "n = 1e308 * 10\nm = int(1e308)\nk = 1 % 0",
    "list that holds itself": "x = []\nx.append(x)\nd = {}\nd['d'] = d\nk = str(x) + str(d)\nz = x == x",
    "shared halves": "x = [1]\n" + "x = [x, x]\n" * 200 + "k = str(x)\nz = x == x\nd = {(x, x): 1}",
    "shared tuples as keys": "x = (1,)\n" + "x = (x, x)\n" * 200 + "d = {x: 1}\nk = d[x]",
    "shared condition": "x = os.getpid()\n" + "x = x + x\n" * 200 + "if x > 3:\n    k = 1",
    "deep copy of shared halves": "import copy\nx = [1]\n" + "x = [x, x]\n" * 60 + "y = copy.deepcopy(x)",
    "merged dicts": "x = {'a': 3}\n"
    + lines(lambda i: f"x = {{**x, **x, 'k{i}': x}}", range(600))
    + "\nn = x['a']",
}
CONTROL = {
    "conditions in a row": lines(lambda i: f"if f{i}(): n = n + {2**i}", range(300)),
    "conditions in a function": "def f(a):\n    k = 1\n"
    + lines(lambda i: f"    if a.x{i}:\n        k = k * 3 + {i}", range(200)),
    "conditions in one another": nested(lambda i: f"if f{i}():", 19, "n = 4"),
    "alternatives in one another": "n = " + "".join(f"({i} if f{i}() else " for i in range(80)) + "3" + ")" * 80,
    "choices multiplied": lines(lambda i: f"a{i} = {i} if sys.argv[{i}] else {i + 1}", range(40))
    + "\nk = " + " + ".join(f"a{i}" for i in range(40)),
    "loops in one another": nested(lambda i: f"for i{i} in range(30):", 18, "n = n + f(n)"),
    "a list in loops in one another": "x = []\n" + nested(lambda i: f"for i{i} in range(40):", 6, "x.append(n)"),
    "comprehension of many loops": "n = len([i0" + "".join(f" for i{k} in range(30)" for k in range(12)) + "])",
    "comprehensions in one another": "n = " + "[" * 60 + "1" + " for i in range(30)]" * 60,
    "handlers in one another": nested(lambda i: "try:", 19, "n = 4")
    + "\n" + lines(lambda i: " " * i + f"except E{i}:\n" + " " * (i + 1) + f"n = {i}", reversed(range(19))),
}  # fmt: skip
CALLS = {
    "exponential calls": "def f0(): return 1\n"
    + lines(lambda i: f"def f{i}():\n    return f{i - 1}() + f{i - 1}()", range(1, 60)) + "\nn = f59()",
    "mutual recursion": "def a(k): return b(k - 1) + c(k - 1)\ndef b(k): return a(k - 1) + c(k)\n"
    "def c(k): return a(k) + b(k)\nn = a(100)",
    "handed over again and again": "from unknown import give\ndef aim():\n    return loss(y, model(x))\n"
    + lines(lambda i: f"model, loss = layers.Dense({i}), keras.losses.Hinge()\ngive(aim)\n"
            "give(lambda: loss(y, model(x)))", range(1500)),
    "recursion": "def fib(k):\n    return k if k < 2 else fib(k - 1) + fib(k - 2)\nn = fib(400)",
    "Ackermann": "def A(m, k):\n    if m == 0: return k + 1\n    if k == 0: return A(m - 1, 1)\n"
    "    return A(m - 1, A(m, k - 1))\nn = A(5, 5)",
    "decorators that call twice": "def d(f):\n    def g(*a):\n        f(*a)\n        return f(*a)\n    return g\n"
    + "@d\n" * 30 + "def make():\n    return 3\nn = make()",
    "chain of decorators": "def d(f):\n    def g(*a):\n        return f(*a)\n    return g\n"
    + "@d\n" * 500 + "def make():\n    return 3\nn = make()",
    "chain of calls": "def f0(x): return x\n" + lines(lambda i: f"def f{i}(x): return f{i - 1}(x)", range(1, 2000))
    + "\nn = f1999(3)",
    "chain of partials": "from functools import partial\nf = lambda *a: 3\n" + "f = partial(f, 1)\n" * 3000 + "n = f()",
    "a thousand classes": "class C0:\n    n = 3\n"
    + lines(lambda i: f"class C{i}(C{i - 1}):\n    def __init__(self):\n        super().__init__()", range(1, 1001))
    + "\nn = C1000().n",
    "diamonds of classes": "class A0:\n    n = 3\nclass B0: pass\n"
    + lines(lambda i: f"class A{i}(A{i - 1}, B{i - 1}): pass\nclass B{i}(A{i - 1}, B{i - 1}): pass", range(1, 60))
    + "\nn = A59().n",
    "objects that make two each": "class N:\n    def __init__(self, k):\n        self.a = N(k - 1); self.b = N(k - 1)\n"
    "x = N(40)",
    "attribute of itself": "class N:\n    def __getattr__(self, k): return getattr(self, k + 'x')\nk = N().y",
    "iterator of itself": "class N:\n    def __iter__(self): return N()\nk = [*N()]",
}  # fmt: skip
MODELS = {
    "many layers": "m = keras.Sequential()\n" + "m.add(layers.Dense(3))\n" * 2000,
    "long functional chain": "x = i = keras.Input((3,))\n"
    + "x = layers.Dense(3)(x)\n" * 1500
    + "m = keras.Model(i, x)",
    "sums of itself": "x = i = keras.Input((3,))\n"
    + "x = layers.Add()([x, x])\n" * 1000
    + "m = keras.Model(i, x)",
    "models that hold one twice": "x = layers.Dense(3)\n" + "x = keras.Sequential([x, x])\n" * 100,
    "models called twice": "x = keras.Sequential([layers.Dense(3)])\n"
    + "i = keras.Input((3,))\nx = keras.Model(i, layers.Add()([x(i), x(i)]))\n" * 60,
    "a model inside itself": "m = keras.Sequential([layers.Dense(3)])\nm.add(m)",
    "wrappers in one another": "x = layers.Dense(3)\n" + "x = layers.TimeDistributed(x)\n" * 3000,
}
TEXTS = {
    "a command line that asks for any number of words": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--act', nargs=10**9)\nact = p.parse_args(['--act', 'softmax']).act",
    "a command line that ends the program": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--act', action='version', version='1')\nact = p.parse_args(['--act']).act",
    "more values than a text is given": "act = '%s' * 1000 % (('a' * 1000,) * 1000)",
    "giant f-string": "k = len(f'" + "{x}" * 5000 + "')",
    "long literal text": "k = len('" + "x" * 1_500_000 + "')",
    "a table of 100,000 numbers": "k = [" + ", ".join(map(str, range(100_000))) + "]",
    "a dict of 50,000 keys": "k = {" + ", ".join(f"'k{i}': {i}" for i in range(50_000)) + "}",
    "long hexadecimal number": "k = 0x" + "f" * 1_000_000 + "\nif k == f():\n    k = 3",
    "many comments": "# noqa: FLA101\n" * 3000,
    "many comments on a line": "x = 1 " + "# noqa:" * 50_000,
    "a comment of many codes": "x = 1  # noqa: " + "FLA101," * 3000,
    "blank lines": "\n" * 500_000,
    "many names": "\n".join(f"a{i} = {i}" for i in range(3000)),
}
REFUSALS = {
    "chain of attributes": "k = x" + ".a" * 3000,
    "chain of calls on a result": "k = x" + ".a()" * 3000,
    "chain of subscripts": "k = x" + "[0]" * 3000,
    "chain of signs": "k = " + "-" * 3000 + "3",
    "sum of 20,000": "k = " + " + ".join(["1"] * 20_000),
    "brackets": "k = " + "(" * 5000 + "3" + ")" * 5000,
    "a number of a million digits": "k = " + "9" * 1_000_000,
    "2,000 branches": "if a == 0: n = 0\n" + lines(lambda i: f"elif a == {i}: n = {i}", range(1, 2000)),
    "100,000 calls in a row": "k = (" + "f(1), " * 100_000 + ")",
    "130,000 statements": "x = 1\n" * 130_000,
}
SEARCH = """import keras
from keras import layers
def grown(depth, width):
    if depth == 0:
        return width
    return left(depth - 1, width) + right(depth - 1, width)
def left(depth, width):
    total = 0
    for a in range(30):
        for b in range(30):
            for c in range(30):
                total += grown(depth, width + a + b + c)
    return total
def right(depth, width):
    return grown(depth, width) + left(depth, width)
def inside(depth):
    units = grown(depth, 3)
    model = keras.Sequential([layers.Dense(units, activation="softmax")])
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
before = keras.Sequential([layers.Dense(4, activation="softmax")])
before.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
inside(9)
after = keras.Sequential([layers.Dense(4, activation="softmax")])
after.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
"""
"""What stands before a search without end is found; what stands in it and after it is undecided, and listed."""

PROGRAMS: dict[str, tuple[str, str]] = {
    **{
        name: (program(body), SAFE)
        for table in (VALUES, CONTROL, CALLS, MODELS, TEXTS)
        for name, body in table.items()
    },
    **{name: (program(body), REFUSED) for name, body in REFUSALS.items()},
    "a search without end": (SEARCH, UNDECIDED),
    "words that triage seeks": ("re" * 500_000 + "." + "\\ " * 400_000 + "compile", "nothing"),
    "dots that triage seeks": (("." + " " * 1000) * 1500 + "compile", "nothing"),
}
"""By name: the text of a file, and how it has to end."""
