"""Reading ``.py`` files: encodings, line ends, and every bad input with its reason."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.source.python import MAX_BYTES, check_syntax, decode_python, python_source, read_python
from fromlogits_audit.source.text import Fault, SourceFile, shown_path


def source(data: bytes) -> SourceFile:
    return python_source(data, Path("m.py"), "m.py")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b"x = 1\n", "x = 1\n", id="plain"),
        pytest.param(b"", "", id="empty"),
        pytest.param(b"\xef\xbb\xbfx = 1\n", "x = 1\n", id="utf-8 BOM"),
        pytest.param("s = 'é'\n".encode(), "s = 'é'\n", id="utf-8 by default"),
        pytest.param(
            b"# -*- coding: latin-1 -*-\ns = '\xe9'\n", "# -*- coding: latin-1 -*-\ns = 'é'\n", id="latin-1"
        ),
        pytest.param(
            b"#!/x\n# vim: set fileencoding=cp1252 :\ns='\x80'",
            "#!/x\n# vim: set fileencoding=cp1252 :\ns='€'",
        ),
        pytest.param(
            b"x = 1\n\n# coding: latin-1\n", "x = 1\n\n# coding: latin-1\n", id="cookie in line 3 is none"
        ),
        pytest.param(b"a = 1\r\nb = 2\r\n", "a = 1\nb = 2\n", id="CRLF"),
        pytest.param(
            b"# coding: latin-1\rs = '\xe9'\r", "# coding: latin-1\ns = 'é'\n", id="CR and a cookie"
        ),
        pytest.param(
            b"x = 1\n\x0cdef f():\n\treturn x\n", "x = 1\n\x0cdef f():\n\treturn x\n", id="form feed, tab"
        ),
    ],
)
def test_text_is_decoded_as_python_does(data: bytes, text: str) -> None:
    result = source(data)
    assert result.text == text
    assert result.faults == ()


@pytest.mark.parametrize(
    ("data", "reason", "line", "column"),
    [
        pytest.param(b"\xff\xfex\0", "UTF-16 byte order mark", 1, 1, id="utf-16-le"),
        pytest.param(b"\xfe\xff\0x", "UTF-16 byte order mark", 1, 1, id="utf-16-be"),
        pytest.param(b"\xff\xfe\0\0x\0\0\0", "UTF-32 byte order mark", 1, 1, id="utf-32-le"),
        pytest.param(b"x = 1\n\x7fELF\0", "binary file", 2, 1, id="NUL"),
        pytest.param(
            b"# coding: nonsense-9\nx = 1\n", "unknown encoding: nonsense-9", 1, 1, id="unknown cookie"
        ),
        pytest.param(
            b"# coding: rot13\nk = 1\n", "not a text encoding", 1, 1, id="codec that is no encoding"
        ),
        pytest.param(b"\xef\xbb\xbf# coding: latin-1\n", "encoding problem", 1, 1, id="BOM against cookie"),
        pytest.param(
            "é = 1\r\nab = 'é".encode() + b"\xe9'\r\n", "not valid utf-8: byte 0xe9", 2, 8, id="no cookie"
        ),
        pytest.param(b"\xef\xbb\xbfs = '\xe9'\n", "not valid utf-8: byte 0xe9", 1, 6, id="after a BOM"),
    ],
)
def test_undecodable_bytes_have_a_reason_and_a_place(
    data: bytes, reason: str, line: int, column: int
) -> None:
    with pytest.raises(UnreadableFile, match=reason) as caught:
        source(data)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_decoded_text_can_be_encoded_again() -> None:
    data = b"\xef\xbb\xbfs = '\xc3\xa9'\r\n"
    decoded = decode_python(data)
    assert (decoded.encoding, decoded.bom) == ("utf-8", True)
    assert b"\xef\xbb\xbf" + decoded.text.encode(decoded.encoding) == data


@pytest.mark.parametrize(
    ("text", "reason", "line", "column"),
    [
        pytest.param("def f(:\n    pass\n", "syntax error", 1, 7, id="syntax"),
        pytest.param("s = 'é' 4\n", "syntax error", 1, 9, id="columns are characters"),
        pytest.param("if x:\npass\n", "syntax error: expected an indented block", 2, 1, id="indentation"),
        pytest.param('if x:\n    print "a"\n', "Python 2 syntax: print statement", 2, 5, id="print"),
        pytest.param("exec code\n", "Python 2 syntax: exec statement", 1, 1, id="exec"),
        pytest.param(
            "try:\n  f()\nexcept A, e:\n  g()\n", "Python 2 syntax: except clause with a comma", 3, 8
        ),
        pytest.param("raise A, 'x'\n", "Python 2 syntax: raise statement with a comma", 1, 8, id="raise"),
        pytest.param("if a <> b: pass\n", "Python 2 syntax: <> operator", 1, 6, id="<>"),
        pytest.param("n = 0777\n", "Python 2 syntax: octal literal", 1, 5, id="octal"),
        pytest.param("x = `a`\n", "Python 2 syntax: backquotes", 1, 5, id="backquotes"),
        pytest.param("x = 4 '`a` <> 10L'\n", "syntax error: invalid syntax", 1, 7, id="not inside strings"),
        pytest.param(
            "(" * 10_000 + ")" * 10_000, "too many nested parentheses", 1, 201, id="10,000 brackets"
        ),
        pytest.param("-" * 100_000 + "1", "nested too deeply", 1, 1, id="100,000 operators"),
        pytest.param("a" + ".b" * 100_000, "nested too deeply", 1, 1, id="100,000 attributes"),
        pytest.param("if a: x\n" + "elif a: x\n" * 20_000, "nested too deeply", 1, 1, id="20,000 branches"),
        pytest.param("x = '\ud800'\n", "surrogates not allowed", 1, 1, id="half a surrogate pair"),
        pytest.param("x = \0\n", "null bytes", 1, 1, id="NUL in text"),
    ],
)
def test_text_that_does_not_parse_is_a_fault(text: str, reason: str, line: int, column: int) -> None:
    fault = check_syntax(text)
    assert fault is not None
    assert reason in fault.reason
    # Older parsers name the statement, newer ones the offending token.
    assert fault.line == line
    assert 1 <= fault.column <= len(text.split("\n")[line - 1]) + 1
    if "nested" not in reason:
        assert fault.column == column


def test_syntax_warnings_of_the_audited_file_stay_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_syntax("x = '\\d'\nif x is 'a': pass\nassert (x, 'm')\n") is None


def test_check_can_be_left_out() -> None:
    assert python_source(b"def", Path("m.py"), "m.py", check=False).faults == ()
    assert python_source(b"def", Path("m.py"), "m.py").faults != ()


def missing(folder: Path) -> Path:
    return folder / "none.py"


def a_folder(folder: Path) -> Path:
    (folder / "d.py").mkdir()
    return folder / "d.py"


def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "p.py")
    return folder / "p.py"


def a_link_loop(folder: Path) -> Path:
    (folder / "l.py").symlink_to(folder / "l.py")
    return folder / "l.py"


def too_large(folder: Path) -> Path:
    (folder / "big.py").write_bytes(b"#" * (MAX_BYTES + 1))
    return folder / "big.py"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (missing, "cannot be read: No such file"),
        (a_folder, "not a regular file"),
        (a_pipe, "not a regular file"),
        (a_link_loop, "cannot be read: Too many levels"),
        (too_large, "larger than 2 MB"),
    ],
)
def test_what_cannot_be_opened_is_unreadable(tmp_path: Path, make: object, reason: str) -> None:
    assert callable(make)
    with pytest.raises(UnreadableFile, match=reason):
        read_python(make(tmp_path), "shown.py")


def test_missing_rights_are_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not by chmod: the superuser may read everything.
    path = tmp_path / "m.py"
    path.write_text("x = 1\n")

    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UnreadableFile, match="cannot be read: Permission denied"):
        read_python(path, "m.py")


def test_a_large_generated_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "generated.py"
    path.write_text("DATA = [\n" + "    0.123456789,\n" * 300_000 + "]\n")
    assert path.stat().st_size > 4_500_000
    with pytest.raises(UnreadableFile, match="larger than 2 MB"):
        read_python(path, "generated.py")


def test_places_of_a_module_are_its_own() -> None:
    result = source(b"a = 1\r\nbc = f(\r\n  2)\r\n")
    place = result.locate(2, 6, 3, 5)
    assert (place.path, place.cell, place.line, place.column) == ("m.py", None, 2, 6)
    assert result.line_at(place) == "bc = f("
    assert result.lines_at(place) == ["bc = f(", "  2)"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/repo/pkg/m.py", "pkg/m.py"),
        ("pkg/../m.py", "m.py"),
        ("/repository/m.py", "/repository/m.py"),
        ("/other/m.py", "/other/m.py"),
        ("/repo/caf\udce9.py", "caf\\xe9.py"),
    ],
)
def test_paths_are_shown_relative_to_the_current_folder(path: str, shown: str) -> None:
    assert shown_path(Path(path), Path("/repo")) == shown
    shown.encode("utf-8")


def test_fault_defaults_to_the_first_character() -> None:
    assert Fault("why") == Fault("why", 1, 1, None)
