"""Notebooks: every magic, every shape of file, and the way back to the cell."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fromlogits_audit.errors import UnreadableFile
from fromlogits_audit.source import SourceFile, read_source
from fromlogits_audit.source.cells import Line
from fromlogits_audit.source.notebook import notebook_source, written_sources
from fromlogits_audit.source.text import UNREAD_CELL


def code(source: object, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": source, **more}


def notebook(*cells: Any, **metadata: Any) -> SourceFile:
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}
    return notebook_source(json.dumps(document).encode(), Path("/r/n.ipynb"), "n.ipynb")


def one(source: str) -> SourceFile:
    result = notebook(code(source))
    assert result.text.count("\n") == source.count("\n") + 1, "the line count never changes"
    ast.parse(result.text)
    return result


@pytest.mark.parametrize(
    ("source", "text"),
    [
        pytest.param("x = 1", "x = 1\n", id="plain"),
        pytest.param("x = 1;", "x = 1;\n", id="trailing semicolon"),
        pytest.param("await f()", "await f()\n", id="top-level await"),
        pytest.param("return 1", "return 1\n", id="return outside a function parses"),
        pytest.param("from x import *", "from x import *\n", id="star import"),
        pytest.param("%matplotlib inline\nx = 1", "pass\nx = 1\n", id="line magic"),
        pytest.param("%tensorflow_version 1.x\nx = 1", "pass\nx = 1\n", id="tensorflow_version"),
        pytest.param(
            "if x:\n    %autoreload 2\n    y = 1", "if x:\n    pass\n    y = 1\n", id="indented magic"
        ),
        pytest.param("!pip install tf\nx = 1", "pass\nx = 1\n", id="shell"),
        pytest.param("!!ls 'it\nx = 1", "pass\nx = 1\n", id="shell, twice, with a lone quote"),
        pytest.param("!pip install \\\n  a \\\n  b\nx = 1", "pass\n\n\nx = 1\n", id="continued shell"),
        pytest.param("if x:\n  !ls (\n  y = 1", "if x:\n  pass\n  y = 1\n", id="brackets of a shell line"),
        pytest.param("files = !ls *.py", "files = __ipython_value__\n", id="assigned shell"),
        pytest.param(
            "a, b = !ls \\\n  -l\nc = 1", "a, b = __ipython_value__\n\nc = 1\n", id="assigned and continued"
        ),
        pytest.param("df = %sql select 1", "df = __ipython_value__\n", id="assigned magic"),
        pytest.param("h = %time m.fit(x)", "h = m.fit(x)\n", id="assigned value of a timed expression"),
        pytest.param("h = %timeit -o -n 10 f(x)", "h = f(x)\n", id="with options"),
        pytest.param("%time m.fit(x)", "m.fit(x)\n", id="time"),
        pytest.param("%time h = m.fit(x)", "h = m.fit(x)\n", id="time of an assignment"),
        pytest.param("if x:\n  %time m.fit(x)", "if x:\n  m.fit(x)\n", id="indented time"),
        pytest.param("%timeit -n 10 -r3 f(x)", "f(x)\n", id="timeit with options"),
        pytest.param("%prun -l 5 f(x)", "f(x)\n", id="prun"),
        pytest.param("%memit f(x)", "f(x)\n", id="memit"),
        pytest.param("%time f(a,\n  b)", "f(a,\n  b)\n", id="time over two lines"),
        pytest.param("%time f(a) + \\\n  b\nc = 1", "f(a) + \\\n  b\nc = 1\n", id="time continued"),
        pytest.param("%time !ls\nx = 1", "pass\nx = 1\n", id="time of a shell line"),
        pytest.param("%time\nx = 1", "pass\nx = 1\n", id="time of nothing"),
        pytest.param("f?\nx = 1", "pass\nx = 1\n", id="help"),
        pytest.param("a.b.f??\nx = 1", "pass\nx = 1\n", id="help, twice"),
        pytest.param("?f\n??a.b\nx = 1", "pass\npass\nx = 1\n", id="help before"),
        pytest.param("f?  # what is it\nx = 1", "pass\nx = 1\n", id="help with a comment"),
        pytest.param("%time?\nnp.*load*?\nx = 1", "pass\npass\nx = 1\n", id="help on a magic, a pattern"),
        pytest.param(
            "# really?\nx = 'why?'\n%pwd", "# really?\nx = 'why?'\npass\n", id="questions that are none"
        ),
        pytest.param(",f a b\n;f a b\n/f a b\nx = 1", "pass\npass\npass\nx = 1\n", id="automatic calls"),
        pytest.param("x = (a\n% b)\n%pwd", "x = (a\n% b)\npass\n", id="% in brackets"),
        pytest.param("x = a \\\n% b\n%pwd", "x = a \\\n% b\npass\n", id="% after a backslash"),
        pytest.param("x = '''\n%pwd\n!ls\n'''\n%pwd", "x = '''\n%pwd\n!ls\n'''\npass\n", id="% in a string"),
        pytest.param('f(r"\\")""", """\n!ls\n""")\n', 'f(r"\\")""", """\n!ls\n""")\n\n', id="raw string"),
        pytest.param(
            "x = ('(', # (\n'\\'')\n%pwd", "x = ('(', # (\n'\\'')\npass\n", id="brackets in strings, comments"
        ),
        pytest.param("x = 'a\\\n%b'\n%pwd", "x = 'a\\\n%b'\npass\n", id="continued string"),
        pytest.param("%%time\nx = 1", "\nx = 1\n", id="cell magic that runs Python"),
        pytest.param("%%capture out\n%%time\n!ls\nx = 1", "\n\npass\nx = 1\n", id="one after the other"),
        pytest.param("\n# c\n%%time\nx = 1", "\n# c\n\nx = 1\n", id="after blank lines and comments"),
        pytest.param("%%backend jax\nx = 1", "\nx = 1\n", id="a custom magic whose body is Python"),
        pytest.param("%%chart bars\nx -> y", "\n\n", id="a custom magic whose body is not"),
        pytest.param("%%bash\nls -l", "\n\n", id="bash"),
        pytest.param("%%html\nx", "\n\n", id="html, even where it parses"),
        pytest.param("%%script false\nx = 1", "\n\n", id="script"),
        pytest.param("%%writefile notes.txt\nx", "\n\n", id="a file of text"),
        pytest.param("%bash\nls *.csv | head -1", "\n\n", id="Datalab spells cell magics with one sign"),
        pytest.param("%bq query -n rows\nSELECT 1", "\n\n", id="a query of Datalab"),
        pytest.param("  x = 1\n  y = 2", "x = 1\ny = 2\n", id="indented as a whole"),
        pytest.param(
            "# c\n\n    %time f()\n    if a:\n        b",
            "# c\n\nf()\nif a:\n    b\n",
            id="indented magic cell",
        ),
        pytest.param("%%time\n    x = 1", "\nx = 1\n", id="indented under a cell magic"),
        pytest.param(
            ">>> x = f(1,\n...       2)\n>>> %pwd", "x = f(1,\n      2)\npass\n", id="Python prompts"
        ),
        pytest.param(
            "In [1]: if a:\n   ...:     b\n\nIn [2]: c", "if a:\n    b\n\nc\n", id="IPython prompts"
        ),
        pytest.param("x\u00a0=\u00a01\n\u00a0", "x = 1\n \n", id="no-break spaces"),
        pytest.param("x = 'a\u00a0b'", "x = 'a\u00a0b'\n", id="which stay in strings"),
        pytest.param("%run\nx = 1", "pass\nx = 1\n", id="run without a target"),
        pytest.param("", "\n", id="empty cell"),
        pytest.param("# only a comment", "# only a comment\n", id="comment"),
    ],
)
def test_a_cell_becomes_python(source: str, text: str) -> None:
    result = one(source)
    assert result.text == text
    assert result.faults == ()


@pytest.mark.parametrize(
    ("source", "marker", "line", "column"),
    [
        ("%time m.fit(MARK)", "MARK", 1, 13),
        ("if x:\n  %time m.fit(MARK)", "MARK", 2, 15),
        ("h = %timeit -n 10 f(MARK)", "MARK", 1, 21),
        ("h = %time f(1)\nMARK", "MARK", 2, 1),
        ("    x = 1\n    MARK", "MARK", 2, 5),
        ("    if x:\n        %time MARK", "MARK", 2, 15),
        (">>> f(1,\n...   MARK)", "MARK", 2, 7),
        ("In [12]: %time MARK", "MARK", 1, 16),
        ("  In [12]:   MARK", "MARK", 1, 14),
        ("%%time\n  >>> MARK", "MARK", 2, 7),
        ("s = 'é\u00a0' + MARK\n%pwd", "MARK", 1, 12),
        ("!ls \\\n  x\nMARK", "MARK", 3, 1),
        ("MARK = !ls", "MARK", 1, 1),
    ],
)
def test_places_lead_back_to_the_cell(source: str, marker: str, line: int, column: int) -> None:
    result = notebook({"cell_type": "markdown", "source": "# t"}, code("a = 1\nb = 2"), code(source))
    row, start = find(result.text, marker)
    place = result.locate(row, start, row, start + len(marker))
    assert (place.path, place.cell, place.line, place.column) == ("n.ipynb", 3, line, column)
    assert (place.end_line, place.end_column) == (line, column + len(marker))
    assert result.line_at(place)[column - 1 : place.end_column - 1] == marker


def find(text: str, marker: str) -> tuple[int, int]:
    row, line = next((i, line) for i, line in enumerate(text.split("\n"), start=1) if marker in line)
    return row, line.index(marker) + 1


def test_the_end_of_a_span_stays_with_its_last_character() -> None:
    result = one("if x:\n  %time y")
    whole = result.locate(1, 1, 2, 3)
    assert (whole.end_line, whole.end_column) == (2, 3), "up to the indentation, not past the magic"
    assert result.lines_at(result.locate(1, 1, 2, 4)) == ["if x:", "  %time y"]


def test_places_past_a_cell_are_kept_inside_it() -> None:
    result = notebook(code("a"), code("x = !ls"), code("c"))
    across = result.locate(1, 1, 3, 2)
    assert (across.cell, across.line, across.end_line, across.end_column) == (1, 1, 1, 2)
    replaced = result.locate(2, 5, 2, 5 + len("__ipython_value__"))
    assert (replaced.cell, replaced.column, replaced.end_column) == (2, 5, 8)
    assert result.locate(99, 1, 99, 1).cell == 3
    assert notebook().locate(1, 1, 1, 1).line == 1


_LINES = st.sampled_from(
    [
        "{m} = 1",
        "f({m})",
        "%time {m}",
        "%time y = g({m})",
        "y = %time g({m})",
        "%timeit -n 3 {m}",
        "s = 'é\u00a0' + {m}",
        "if {m}:\n    %time {m}\n    !ls \\\n      x\n    {m}",
        "x = ({m}\n  % {m})",
        "t = '''\n%pwd {m}\n'''",
        "{m} = !ls",
        "%matplotlib inline",
        "!pip install (",
        "name?",
        "# why? {m}",
        "",
    ]
)
_FRAMES = st.sampled_from(["{}", "%%time\n{}", "%%custom a b\n{}", "\n\n{}\n", "# c\n%%capture\n%%time\n{}"])
_EDGES = st.sampled_from(["", "    ", "\t", ">>> ", "In [3]: "])


@st.composite
def cells(draw: st.DrawFn) -> list[tuple[str, list[str]]]:
    """Cells and the markers in each; every marker occurs once in the notebook."""
    result: list[tuple[str, list[str]]] = []
    count = 0
    for _ in range(draw(st.integers(1, 4))):
        lines = []
        for template in draw(st.lists(_LINES, min_size=1, max_size=5)):
            while "{m}" in template:
                template = template.replace("{m}", f"marker_{count:03}", 1)
                count += 1
            lines += template.split("\n")
        edge = draw(_EDGES)
        body = "\n".join(edge + line if line or edge.strip() else line for line in lines)
        source = draw(_FRAMES).format(body)
        result.append((source, [word for word in (f"marker_{i:03}" for i in range(count)) if word in source]))
    return result


@settings(max_examples=300, deadline=None)
@given(cells())
def test_any_marker_is_found_where_it_stands_in_its_cell(drawn: list[tuple[str, list[str]]]) -> None:
    result = notebook(*(code(source.splitlines(keepends=True)) for source, _ in drawn))
    assert result.faults == ()
    ast.parse(result.text)
    for number, (source, markers) in enumerate(drawn, start=1):
        for marker in markers:
            row, column = find(result.text, marker)
            place = result.locate(row, column, row, column + len(marker))
            assert (place.cell, (place.line, place.column)) == (number, find(source, marker))
            assert result.line_at(place)[place.column - 1 : place.end_column - 1] == marker


@given(
    st.text(st.sampled_from("abcdefgh"), min_size=8, max_size=30),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=5),
)
def test_cuts_add_up(text: str, cuts: list[tuple[int, int]]) -> None:
    tagged = [(character, index) for index, character in enumerate(text)]
    line = Line(text)
    for start, length in cuts:
        if start + length <= len(line.text):
            line = line.cut(start, length)
            del tagged[start : start + length]
    for column, (character, original) in enumerate(tagged):
        shift = next((amount for start, amount in reversed(line.cuts) if start <= column), 0)
        assert (line.text[column], column + shift) == (character, original)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("%run setup.py", "from setup import *"),
        ("%run -i ../common/setup", "from common.setup import *"),
        ("%run ./setup.py  ", "from setup import *"),
        ("%run setup.py --epochs 3", "pass"),  # its options may change what it does
        ("%run other.ipynb", "pass"),
        ("%run 'my setup.py'", "pass"),
        ("%run -m pkg.setup", "pass"),
        ("if x:\n    %run setup.py", "if x:\n    pass"),
    ],
)
def test_the_names_of_a_script_that_is_run_are_the_notebook_s(source: str, text: str) -> None:
    assert notebook(code(source)).text == text + "\n"


def test_a_cell_that_cannot_be_parsed_costs_that_cell() -> None:
    result = notebook(code("x = 1"), code("y = 2\n  %time z = (\nw"), code("    print 'a'"), code("v = 3"))
    assert result.text == f"x = 1\ny = {UNREAD_CELL}\n\n\n\nv = 3\n"
    assert [(f.cell, f.line) for f in result.faults] == [(2, 2), (3, 1)]
    assert result.faults[1].reason == "Python 2 syntax: print statement"
    assert result.faults[1].column == 5
    assert result.line_at(result.locate(6, 1, 6, 2)) == "v = 3"


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("model = keras.Sequential([", "model"),
        ("a, b = f(", "a b"),
        ("    model = f(", "model"),
        ("    units=3,", ""),
        ("model == (", ""),
        ("print = (", "print"),
        ("class = (", ""),
        ("def build(units:", "build"),
        ("async def build(", "build"),
        ("class Net(keras.Model) :(", "Net"),
        ("model.layers[-1].activation = ", "model"),
        ("options['loss'] = ", "options"),
        ("    model.add(  # TODO", "model"),
        ("losses.append(", "losses"),
        ("model.fit(x=x, y=", ""),
        ("model.address(", ""),
        ("from keras import (", ""),
        ("# model = 1", ""),
    ],
)
def test_what_an_unreadable_cell_sets_is_not_known(line: str, names: str) -> None:
    text = notebook(code(f"# unfinished (\nx(\n{line}")).text.split("\n")[2]
    assert text == " = ".join([*names.split(), UNREAD_CELL] if names else [])


@pytest.mark.parametrize(
    ("source", "runs"),
    [
        ("%run ../common/build.ipynb\nx = 1", [(3, "../common/build.ipynb")]),
        ("x = 1\n%run -i 'a b.py' --epochs 3  # c", [(4, "a b.py")]),
        ("%run common", [(3, "common.py")]),
        ("%run -m pkg.train", []),
        ("%run", []),
        ("s = '''\n%run a.py\n'''", []),
        ("x = (\n%run a.py", []),
    ],
)
def test_run_targets_are_noted(source: str, runs: list[tuple[int, str]]) -> None:
    assert notebook(code("a\nb"), code(source)).runs == tuple(runs)


def test_written_cells_are_modules_of_their_own() -> None:
    result = notebook(
        code("import model"),
        code("# c\n%%writefile -a other.txt\nhello"),
        code("%%writefile model.py\nimport keras\nm = f(MARK)\n"),
        code("%%file pkg/train.py\nimport model"),
        code("%%writefile -a model.py\nSECOND = 2"),
        code("%%writefile model.py\nx = ("),
        code("%%writefile ../../up.py\ny = 1"),
    )
    assert result.text == "import model\n" + "\n" * (result.text.count("\n") - 1)
    assert [w.name for w in result.written][:2] == ["other.txt", "model.py"]
    assert result.written[0].first_line == 3
    modules = {module.path.as_posix(): module for module in written_sources(result)}
    assert list(modules) == [
        "/r/n.ipynb/cell-3/model.py",
        "/r/n.ipynb/pkg/train.py",
        "/r/n.ipynb/model.py",
        "/r/n.ipynb/up.py",
    ]
    first = modules["/r/n.ipynb/cell-3/model.py"]
    for marker, cell, line, column in (("MARK", 3, 3, 7), ("SECOND", 5, 2, 1)):
        row, start = find(first.text, marker)
        place = first.locate(row, start, row, start + len(marker))
        assert (place.path, place.cell, place.line, place.column) == ("n.ipynb", cell, line, column)
        assert marker in first.line_at(place)
    fault = modules["/r/n.ipynb/model.py"].faults[0]
    assert (fault.cell, fault.line) == (6, 2)
    assert modules["/r/n.ipynb/model.py"].text == ""


@pytest.mark.parametrize(
    ("name", "text", "path"),
    [
        ("{MODULE}", "import keras\n", "trainer.py"),
        ("$MODULE", "import keras\n", "trainer.py"),
        ("{FOLDER}/task.py", "x = 1\n", "pkg/task.py"),
        ("{unknown}", "from keras import layers\n", "{unknown}.py"),
        ("{unknown}", "key: value\n", None),
    ],
)
def test_written_files_may_be_named_by_a_variable(name: str, text: str, path: str | None) -> None:
    names = code("FOLDER = 'other'\nMODULE = 'trainer.py'  # ours\nFOLDER = \"pkg\"")
    modules = written_sources(notebook(names, code(f"%%writefile {name}\n{text}")))
    assert [m.path.as_posix() for m in modules] == ([f"/r/n.ipynb/{path}"] if path else [])


def test_nbformat_3_has_worksheets_and_input() -> None:
    sheets = [
        {
            "cells": [
                {"cell_type": "heading", "source": "t"},
                {"cell_type": "code", "input": ["a = 1\n", "b"]},
            ]
        },
        {"cells": [{"cell_type": "code", "input": "c", "language": "python"}]},
        {"cells": [{"cell_type": "code", "input": "d", "language": "R"}]},
    ]
    data = json.dumps({"nbformat": 3, "metadata": {}, "worksheets": sheets}).encode()
    result = notebook_source(data, Path("n.ipynb"), "n.ipynb")
    assert result.text == "a = 1\nb\nc\n"
    assert result.locate(3, 1, 3, 2).cell == 3


@pytest.mark.parametrize(
    "source",
    ["a = 1\nb = 2", ["a = 1\n", "b = 2"], "a = 1\r\nb = 2", ["a", " = 1\n", "b = 2"]],
)
def test_source_may_be_text_or_a_list(source: str | list[str]) -> None:
    assert notebook(code(source)).text == "a = 1\nb = 2\n"


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({}, "x = 1\n"),
        ({"kernelspec": {"language": "python", "name": "python3"}}, "x = 1\n"),
        ({"kernelspec": {"name": "conda-env-tf-py"}}, "x = 1\n"),
        ({"language_info": {"name": "ipython"}}, "x = 1\n"),
        ({"kernelspec": {"language": "R"}}, ""),
        ({"language_info": {"name": "julia"}}, ""),
        ({"kernelspec": {"name": "javascript"}}, ""),
        ({"kernelspec": {"name": "swift"}}, ""),
        ({"kernelspec": None, "language_info": 3}, "x = 1\n"),
    ],
)
def test_other_languages_have_no_code_and_no_fault(metadata: dict[str, Any], text: str) -> None:
    result = notebook(code("x = 1"), **metadata)
    assert (result.text, result.faults) == (text, ())


@pytest.mark.parametrize(
    ("data", "reason", "line", "column"),
    [
        pytest.param(b"", "the file is empty", 1, 1, id="empty"),
        pytest.param(b"import keras\n", "invalid JSON", 1, 1, id="Python"),
        pytest.param(b'{\n "cells": [,\n', "invalid JSON", 2, 12, id="broken JSON"),
        pytest.param(b'{\n "a": "\xff"}', "no UTF-8", 2, 1, id="bytes"),
        pytest.param(b"[" * 200_000, "nested too deeply", 1, 1, id="nested JSON"),
        pytest.param(b'{"cells": ' + b"9" * 10_000 + b"}", "not a notebook", 1, 1, id="a huge number"),
        pytest.param(b"[]", "the JSON is a list, not an object", 1, 1, id="list"),
        pytest.param(b"3", "the JSON is a number", 1, 1, id="number"),
        pytest.param(b"{}", "neither 'cells' nor 'worksheets'", 1, 1, id="no cells"),
        pytest.param(b'{"cells": {}}', "'cells' is an object, not a list", 1, 1, id="cells of another type"),
        pytest.param(b'{"worksheets": [1]}', "worksheet 1 has no list of cells", 1, 1, id="worksheets"),
    ],
)
def test_what_is_no_notebook_has_a_reason_and_a_place(
    data: bytes, reason: str, line: int, column: int
) -> None:
    with pytest.raises(UnreadableFile, match=reason) as caught:
        notebook_source(data, Path("n.ipynb"), "n.ipynb")
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize("cell", [3, None, code({"a": 1}), code([1]), code(None)])
def test_a_cell_of_the_wrong_shape_costs_that_cell(cell: Any) -> None:
    result = notebook(code("a"), cell, code("b"))
    assert result.text == "a\nb\n"
    assert [fault.cell for fault in result.faults] == [2]


def test_half_a_surrogate_pair_can_be_printed() -> None:
    result = notebook(code("s = '\ud800' + x"), code("y"))
    assert result.faults == ()
    result.text.encode("utf-8")
    assert result.text == "s = '\ufffd' + x\ny\n"


def test_deeply_nested_cells_cost_only_themselves() -> None:
    result = notebook(code("(" * 10_000 + ")" * 10_000), code("-" * 100_000 + "1"), code("x"))
    assert [fault.cell for fault in result.faults] == [1, 2]
    assert result.text.endswith("x\n")


@pytest.mark.parametrize("name", ["n.ipynb", "N.IPYNB"])
def test_the_ending_tells_a_notebook(tmp_path: Path, name: str) -> None:
    document = {"nbformat": 4, "cells": [code("%pwd")]}
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + json.dumps(document).encode())
    assert read_source(tmp_path / name, name).text == "pass\n"
    (tmp_path / "m.py").write_text("%pwd\n")
    assert read_source(tmp_path / "m.py", "m.py").text == "%pwd\n"
