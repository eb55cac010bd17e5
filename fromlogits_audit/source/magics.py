"""From one IPython cell to Python of the same line count.

What runs Python is kept with its columns (``%time f()``, ``%%capture``); what does not
becomes ``pass`` (``!pip``, ``%matplotlib``) or costs the whole cell (``%%bash``). The rules
are IPython's own (https://ipython.readthedocs.io/en/stable/interactive/magics.html), a
little more lenient where front ends are: comments before a cell magic, for example.
"""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import field

from fromlogits_audit.lean import dataclass
from fromlogits_audit.source.cells import Line, Scanner, statements
from fromlogits_audit.source.python import check_syntax, parse_quick
from fromlogits_audit.source.text import Fault
from fromlogits_audit.source.unread import remains

VALUE = "__ipython_value__"
"""Stands for what a shell command or magic yields: a name that is bound nowhere."""

OTHER_LANGUAGES = frozenset(
    {
        "!", "bash", "sh", "cmd", "powershell", "pwsh", "zsh", "fish", "html", "HTML", "svg", "SVG",
        "javascript", "js", "latex", "markdown", "md", "perl", "ruby", "R", "julia", "octave", "matlab",
        "sql", "bigquery", "script", "system", "sx", "cython", "fortran", "cu", "cuda", "nvcc", "cpp",
        "rust", "swift", "scala", "java", "kotlin", "go", "mermaid", "dot", "graphviz", "css", "pypy",
        "python2", "yaml", "json", "shell", "bq",
    }
)  # fmt: skip
FILE_MAGICS = frozenset({"writefile", "file"})
PYTHON_MAGICS = frozenset(
    {
        "time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "debug", "pinfo", "snakeviz",
        "heat", "python", "python3", "px",
    }
)  # fmt: skip
_KEPT_LINE_MAGICS = {
    # The magic, and its options that take a value.
    "time": "",
    "timeit": "nrp",
    "prun": "lsTD",
    "memit": "rti",
    "lprun": "fmTDsu",
    "mprun": "fTc",
}
_MAGIC = re.compile(r"^(?P<lead>\s*)%(?P<name>[A-Za-z_][\w.]*)\s*(?P<rest>.*)$", re.S)
_CELL_MAGIC = re.compile(r"^\s*%%(?P<name>!|[A-Za-z_][\w.]*)\s*(?P<rest>.*)$")
_ONE_SIGN = re.compile(
    r"^\s*%(?P<name>bash|html|javascript|js|writefile|bq)(?P<rest>(?<=writefile).*|(?<=bq).*|\s*)$"
)
"""Cell magics as Datalab spells them, which IPython has no line magics for."""
_RUN = re.compile(r"(?:-i\s+)?(?:\.{1,2}/)*((?:[A-Za-z_]\w*/)*[A-Za-z_]\w*)(?:\.py)?")
"""``%run setup.py`` without arguments, which might change what it does."""
_ESCAPED = re.compile(r"^\s*(?:%|!|\?|[,;/](?=[A-Za-z_]))")
_HELP = re.compile(r"^\s*[^#\s'\"](?:[^#'\"]*)\?\s*(?:;\s*)?(?:#.*)?$")
_ASSIGNED = re.compile(r"^(?P<lead>\s*[A-Za-z_(\[*][^#'\"=!%]*?=\s*)(?:!|%(?=[A-Za-z_]))")
_PROMPT = re.compile(r"^\s*(?:(?:>>>|\.\.\.)(?: |$)|In \[\d*\]:(?: |$)|\.{3,}:(?: |$))")
_SPACES = str.maketrans(
    dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u202f\u3000", " ")
)


_AUTOMAGIC = re.compile(
    r"[ \t]*(?:ls|ll|cd|pwd|cat|cp|mv|rm|rmdir|mkdir|man|more|less|clear|pip|conda|mamba|env|who|whos"
    r"|time|timeit|matplotlib|pylab|load_ext|reload_ext|autoreload|cls|dir|echo|git|wget|curl|unzip|tar"
    r"|python|bash)\b(?![ \t]*=|[.(,\[:])"
)
"""Names that work as magics, aliases or shell commands at the start of a line."""


@dataclass
class Code:
    """What a cell comes to: its lines as Python, or nothing where it is not Python.

    ``runs`` holds ``(0-based line, target)`` of ``%run``. ``written`` is the name that a
    ``%%writefile`` cell writes, ``body`` the 0-based line after the magic.
    """

    lines: list[Line]
    runs: list[tuple[int, str]] = field(default_factory=list)
    fault: Fault | None = None
    written: str | None = None
    append: bool = False
    body: int = 0


def transform(source_lines: list[str]) -> Code:
    """One code cell as Python; line counts never change, a lost cell is all blank lines."""
    text = "\n".join(source_lines)
    lines = [Line(line) for line in source_lines]
    fault = check_syntax(text)
    if fault is None:
        # Nothing that IPython adds parses as Python, so what parses needs no change.
        return Code(lines)
    code = Code([line.replaced(line.text.translate(_SPACES)) for line in lines])
    foreign, lenient = _peel(code)
    if foreign:
        code.lines = [Line("") for _ in lines]
        return code
    _replace_magics(code)
    _replace_automagics(code)
    return _checked(code, lenient)


def _checked(code: Code, lenient: bool) -> Code:
    """Parse the result; a cell that fails is blanked, silently where its language is unknown."""
    fault = check_syntax("\n".join(line.text for line in code.lines))
    if fault is None:
        return code
    if not lenient:
        code.fault = Fault(fault.reason, fault.line, _origin(code.lines[fault.line - 1], fault.column))
        code.lines = [line.replaced(remains(line.text)) for line in code.lines]
    else:
        code.lines = [Line("") for _ in code.lines]
    code.runs = []
    return code


def _origin(line: Line, column: int) -> int:
    return column + next((shift for start, shift in reversed(line.cuts) if start < column), 0)


def _peel(code: Code) -> tuple[bool, bool]:
    """Take off indentation, prompts and cell magics from the outside in.

    Returns ``(foreign, lenient)``: the cell is no Python; it stands under a magic that is
    not known to run Python, so failing to parse is no fault of it.
    """
    lenient = False
    while True:
        _dedent(code)
        _strip_prompts(code)
        first = next((i for i, line in enumerate(code.lines) if line.is_code), None)
        line = code.lines[first].text if first is not None else ""
        match = _CELL_MAGIC.match(line) or _ONE_SIGN.match(line)
        if first is None or match is None:
            return False, lenient
        name = match["name"]
        if name in FILE_MAGICS:
            _note_written(code, match["rest"], first)
        if name in OTHER_LANGUAGES or name in FILE_MAGICS:
            return True, lenient
        lenient = lenient or name not in PYTHON_MAGICS
        code.lines[first] = code.lines[first].replaced("")


def _dedent(code: Code) -> None:
    indent = next((line.indent for line in code.lines if line.is_code), "")
    if indent:
        code.lines = [
            line.cut(0, len(indent)) if line.text.startswith(indent) else line for line in code.lines
        ]


def _strip_prompts(code: Code) -> None:
    first = next((line for line in code.lines if line.is_code), None)
    if first is None or not _PROMPT.match(first.text):
        return
    # Lines without a prompt stay: IPython runs them too.
    matches = [(line, _PROMPT.match(line.text)) for line in code.lines]
    code.lines = [line.cut(0, match.end()) if match else line for line, match in matches]
    _dedent(code)


def _note_written(code: Code, rest: str, first: int) -> None:
    words = _words(rest)
    names = [word for word in words if not word.startswith("-")]
    if names:
        code.written = names[0]
        code.append = "-a" in words or "--append" in words
        code.body = first + 1


def _replace_magics(code: Code) -> None:
    for index in statements(code.lines):
        text = code.lines[index].text
        if _ESCAPED.match(text) or _HELP.match(text):
            _replace_statement(code, index)
        elif assigned := _ASSIGNED.match(text):
            _replace_assignment(code, index, assigned["lead"])


def _replace_automagics(code: Code) -> None:
    """``ls data/``, ``pip install x``: magics that IPython takes without their ``%``, where the line
    is no Python. Only looked for in a cell that does not parse."""
    if check_syntax("\n".join(line.text for line in code.lines)) is None:
        return
    for index in statements(code.lines):
        line = code.lines[index]
        match = _AUTOMAGIC.match(line.text)
        if match and check_syntax(line.text.strip()) is not None:
            code.lines[index] = line.replaced(line.indent + "pass")


def _replace_statement(code: Code, index: int) -> None:
    line, stop = code.lines[index], _command_end(code, index)
    match = _MAGIC.match(line.text)
    if match and match["name"] == "run" and (target := _run_target(match["rest"])):
        code.runs.append((index, target))
        taken = _RUN.fullmatch(match["rest"].strip()) if not line.indent else None
        if taken is not None:  # its names are the notebook's from then on
            code.lines[index] = line.replaced(f"from {taken[1].replace('/', '.')} import *")
            return
    keep = _python_from(code, index, stop, len(line.indent))
    if keep is not None:
        code.lines[index] = line.cut(len(line.indent), keep - len(line.indent))
        return
    _blank(code, index, stop, line.indent + "pass")


def _replace_assignment(code: Code, index: int, lead: str) -> None:
    line, stop = code.lines[index], _command_end(code, index)
    keep = _python_from(code, index, stop, len(lead), expression=True)
    if keep is not None:
        code.lines[index] = line.cut(len(lead), keep - len(lead))
        return
    _blank(code, index, stop, lead + VALUE)


def _blank(code: Code, index: int, stop: int, text: str) -> None:
    code.lines[index] = code.lines[index].replaced(text)
    for later in range(index + 1, stop):
        code.lines[later] = code.lines[later].replaced("")


def _command_end(code: Code, index: int) -> int:
    """The index after a command's last line: only a backslash continues one."""
    stop = index + 1
    while stop < len(code.lines) and code.lines[stop - 1].text.endswith("\\"):
        stop += 1
    return stop


def _python_from(code: Code, index: int, stop: int, at: int, *, expression: bool = False) -> int | None:
    """The column where the Python of ``%time stmt`` begins, None where there is none."""
    text = code.lines[index].text
    match = _MAGIC.match(text[at:])
    if match is None or match["name"] not in _KEPT_LINE_MAGICS or text.endswith("?"):
        return None
    valued = _KEPT_LINE_MAGICS[match["name"]]
    options = rf"(?:-[{valued}]\s*[^\s-]\S*\s+|--?[A-Za-z][\w-]*\s+)*" if valued else r"(?:--[a-z][\w-]*\s+)*"
    rest = match["rest"]
    skipped = re.match(options, rest)
    start = at + match.start("rest") + (skipped.end() if skipped else 0)
    tree = parse_quick("\n".join([text[start:], *_rest_of_statement(code, index, stop, text[start:])]))
    if isinstance(tree, Fault) or not tree.body:
        return None
    if expression and not (len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr)):
        return None
    return start


def _rest_of_statement(code: Code, index: int, stop: int, first: str) -> list[str]:
    """The lines after ``first`` up to where brackets and strings are closed.

    IPython itself continues a magic by backslash only, but the intent is plain.
    """
    scanner = Scanner()
    scanner.feed(first)
    end = index + 1
    while end < len(code.lines) and (end < stop or not scanner.at_statement):
        scanner.feed(code.lines[end].text)
        end += 1
    return [line.text for line in code.lines[index + 1 : end]]


def _run_target(rest: str) -> str | None:
    """The file of a ``%run`` line; IPython adds ``.py`` where the name has no ending."""
    words = iter(_words(rest))
    for word in words:
        if word == "-m":
            return None  # A module by name, not a file.
        if not word.startswith("-"):
            return word if word.endswith((".py", ".ipynb", ".ipy")) else word + ".py"
    return None


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()
