"""What an unreadable notebook cell leaves: its imports, and that nobody knows what it sets and changes.

The cells below mean what such a cell names, and judging them by what stood there before would be a guess.
"""

from __future__ import annotations

import ast
import re

from fromlogits_audit.source.python import parse_quick
from fromlogits_audit.source.text import UNREAD_CELL

_SETS = re.compile(
    r"""(?:(?:async\ +)?(?:def|class)\ +(?P<defined>\w+)
    |(?P<targets>\w+(?:\ *,\ *\w+)*)\ *=(?!=)         # model = ...
    |[ ]+(?P<inner>\w+)\ =\                           # the same in a block; a keyword has no blanks
    |(?P<part>\w+)[.\[][^(=]*=(?!=)                   # model.layers[-1].activation = ...
    |[ ]*(?P<grown>\w+)\.(?:add|pop|append|extend|insert|remove|update|clear)\b)""",
    re.VERBOSE,
)


def remains(line: str) -> str:
    """A line of an unreadable cell as a line of Python."""
    if _is_import(line):
        return line
    found = _SETS.match(line)
    names = re.findall(r"\w+", next(filter(None, found.groups()), "")) if found else []
    return " = ".join([*names, UNREAD_CELL]) if names and all(map(_is_name, names)) else ""


def _is_name(word: str) -> bool:
    return isinstance(parse_quick(f"{word} = 0"), ast.Module)


def _is_import(line: str) -> bool:
    """Whether a line is a whole import statement of the cell itself."""
    if not line.startswith(("import ", "from ")):
        return False
    tree = parse_quick(line)
    imports = (ast.Import, ast.ImportFrom)
    return isinstance(tree, ast.Module) and all(isinstance(part, imports) for part in tree.body)
