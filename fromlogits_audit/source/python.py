"""Reads a ``.py`` file the way Python does: PEP 263 decoding, and a syntax check with reasons."""

from __future__ import annotations

import ast
import codecs
import io
import stat
import symtable
import tokenize
import warnings
from pathlib import Path

from fromlogits_audit import regex
from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.lean import dataclass
from fromlogits_audit.source.pending import pending_bytes
from fromlogits_audit.source.text import Fault, SourceFile, unify_newlines

MAX_BYTES = 2 * 1024 * 1024
"""No hand-written module comes near it (the longest of the standard library has 0.4 MB), and
the syntax tree of a larger one takes gigabytes."""

_FOREIGN_BOMS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)

_PYTHON2_MESSAGES = (
    (regex.later(r"Missing parentheses in call to 'print'"), "print statement"),
    (regex.later(r"Missing parentheses in call to 'exec'"), "exec statement"),
    (regex.later(r"multiple exception types must be parenthesized"), "except clause with a comma"),
    (regex.later(r"leading zeros in decimal integer literals"), "octal literal without 0o"),
)
_PYTHON2_LINES = (
    (regex.later(r"^\s*print\s+(?![=(.,\[])\S"), "print statement"),
    (regex.later(r"^\s*except\s+[\w.]+\s*,\s*\w+\s*:"), "except clause with a comma"),
    (regex.later(r"^\s*raise\s+[\w.]+\s*,"), "raise statement with a comma"),
    (regex.later(r"<>"), "<> operator"),
    (regex.later(r"`[^`]+`"), "backquotes"),
    (regex.later(r"\b(?:0[xX][0-9a-fA-F]+|\d+)[lL]\b"), "long integer literal"),
    (regex.later(r"\b[uU][rR]['\"]"), "ur'' string"),
    (regex.later(r"^\s*def\s+\w+\s*\([^)]*\([\w\s,]+\)"), "tuple parameter"),
)
_STRING_OR_COMMENT = regex.later(r"\"[^\"]*\"|'[^']*'|#.*")


@dataclass(frozen=True)
class Decoded:
    """A file's text with its own line ends, and what is needed to encode it again."""

    text: str
    encoding: str
    bom: bool


def read_python(path: Path, shown: str) -> SourceFile:
    """One ``.py`` file as text, whatever its syntax: whoever parses it says what is wrong with it.

    Raises:
        UnreadableFile: it can't be opened, is no regular file, too large, binary, or in an
            encoding that is unknown or that does not fit.
    """
    return python_source(read_bytes(path), path, shown, check=False)


def python_source(data: bytes, path: Path, shown: str, *, check: bool = True) -> SourceFile:
    """The same for bytes already at hand (standard input, a cache), with its first syntax error."""
    text = unify_newlines(decode_python(data).text)
    fault = check_syntax(text) if check else None
    return SourceFile(path, shown, text, faults=(fault,) if fault else ())


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """A regular file's bytes, at most ``limit`` of them, or what is about to be written there.

    Raises:
        UnreadableFile: with the operating system's reason, or that it is too large.
    """
    held = pending_bytes(path)
    if held is not None:
        return held
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            # A pipe or a device would block or never end.
            raise UnreadableFile("not a regular file")
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableFile(f"cannot be read: {reason}") from error
    if len(data) > limit:
        raise UnreadableFile(f"larger than {limit // (1024 * 1024)} MB: too large to be analysed")
    return data


def decode_python(data: bytes) -> Decoded:
    """Decode by BOM, coding cookie or as UTF-8 (PEP 263).

    Raises:
        UnreadableFile: with line and column of the first byte that does not fit.
    """
    for mark, name in _FOREIGN_BOMS:
        if data.startswith(mark):
            raise UnreadableFile(f"{name} byte order mark: Python source can't be {name}")
    if (at := data.find(b"\0")) >= 0:
        raise UnreadableFile("binary file: it contains a NUL byte", line=_line_of(data, at))
    bom = data.startswith(codecs.BOM_UTF8)
    encoding = _declared_encoding(data)
    if bom:
        # The mark is no character of the text: columns begin after it.
        data, encoding = data[len(codecs.BOM_UTF8) :], "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _undecodable(encoding, error) from error
    except (LookupError, ValueError) as error:
        raise UnreadableFile(f"encoding {encoding!r} can't be used for source: {error}") from error
    return Decoded(text, encoding, bom)


def check_syntax(text: str) -> Fault | None:
    """Why ``text`` is no Python module, or None. Never raises for any text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The parser alone: a tree of Python objects takes as long again.
            symtable.symtable(text, "<module>", "exec")
            return None
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        # It refuses more than the parser does, and where that stands is for the parser to say.
        result = parse_quick(text)
        return result if isinstance(result, Fault) else None


def parse_quick(text: str) -> ast.Module | Fault:
    """The standard library's tree of ``text``, or why there is none. Never raises for any text."""
    try:
        with warnings.catch_warnings():
            # Invalid escapes and `is` with a literal are the audited file's affair, not ours.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        return _syntax_fault(text, error)
    except (RecursionError, MemoryError):
        return Fault("nested too deeply, or too long an expression, to be parsed")
    except (ValueError, OverflowError) as error:
        return Fault(f"cannot be parsed: {error}")


def _syntax_fault(text: str, error: SyntaxError) -> Fault:
    lines = text.split("\n")
    line = min(max(error.lineno or 1, 1), len(lines))
    column = min(max(error.offset or 1, 1), len(lines[line - 1]) + 1)
    python2 = _python2_construct(error.msg or "", lines[line - 1])
    message = (error.msg or "invalid").split(";")[0]  # What follows is advice to a program, not a reader.
    reason = f"Python 2 syntax: {python2}" if python2 else f"syntax error: {message}"
    return Fault(reason, line, column)


def _python2_construct(message: str, line: str) -> str | None:
    for pattern, name in _PYTHON2_MESSAGES:
        if pattern.search(message):
            return name
    code = _STRING_OR_COMMENT.sub("''", line)
    for pattern, name in _PYTHON2_LINES:
        if pattern.search(code):
            return name
    return None


def _declared_encoding(data: bytes) -> str:
    # Lone CRs end lines for Python but not for readline, which would then see one line.
    head = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
    try:
        return tokenize.detect_encoding(io.BytesIO(head).readline)[0]
    except SyntaxError as error:
        if "invalid or missing encoding" in (error.msg or ""):
            return "utf-8"  # Decoding will fail, and knows the place.
        raise UnreadableFile(f"{error.msg} in the coding cookie") from error


def _undecodable(encoding: str, error: UnicodeDecodeError) -> UnreadableFile:
    body = error.object
    start = max(body.rfind(b"\n", 0, error.start), body.rfind(b"\r", 0, error.start)) + 1
    column = len(body[start : error.start].decode(encoding, "replace")) + 1
    reason = f"not valid {encoding}: byte 0x{body[error.start]:02x}"
    return UnreadableFile(reason, line=_line_of(body, error.start), column=column)


def _line_of(data: bytes, position: int) -> int:
    head = data[:position]
    return head.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1
