"""The folder walk: which files, in which order, and what is passed over."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fromlogits_audit.errors import UsageError
from fromlogits_audit.source.discover import discover


def grow(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def found(root: Path, *paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    result = discover([Path(p) for p in paths or (".",)], exclude=exclude, cwd=root)
    assert result.problems == []
    return [path.relative_to(root).as_posix() for path in result.files]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {"b.py": "", "a.ipynb": "", "c.pyi": "", "d.txt": "", "e.pyc": "", "p/x.py": ""},
            ["a.ipynb", "b.py", "p/x.py"],
            id="suffixes, sorted",
        ),
        pytest.param(
            {
                f"{folder}/x.py": ""
                for folder in (
                    *(".git", ".hg", "node_modules", "__pycache__", ".tox", ".nox", ".venv", "venv", "build"),
                    *(
                        "dist",
                        ".eggs",
                        "a.egg-info",
                        "lib/site-packages",
                        ".ipynb_checkpoints",
                        ".mypy_cache",
                    ),
                )
            },
            [],
            id="folders that hold no code of the project",
        ),
        pytest.param(
            {"myenv/pyvenv.cfg": "", "myenv/lib/x.py": "", "a.py": ""}, ["a.py"], id="virtual environment"
        ),
        pytest.param({"x.py/inner.py": ""}, ["x.py/inner.py"], id="a folder called x.py"),
        pytest.param({".gitignore": "gen_*.py\n", "gen_a.py": "", "p/gen_b.py": "", "c.py": ""}, ["c.py"]),
        pytest.param({".gitignore": "/a.py\n", "a.py": "", "p/a.py": ""}, ["p/a.py"], id="anchored"),
        pytest.param({".gitignore": "out/\n", "out/a.py": "", "p/out/a.py": "", "out.py": ""}, ["out.py"]),
        pytest.param(
            {".gitignore": "*.py\n!keep.py\n", "a.py": "", "p/keep.py": ""}, ["p/keep.py"], id="negation"
        ),
        pytest.param(
            {".gitignore": "out/\n!out/keep.py\n", "out/keep.py": ""},
            [],
            id="no way back into an ignored folder",
        ),
        pytest.param(
            {".gitignore": "*.py\n", "p/.gitignore": "!*.py\nb.py\n", "a.py": "", "p/a.py": "", "p/b.py": ""},
            ["p/a.py"],
            id="the innermost .gitignore decides",
        ),
        pytest.param(
            {"p/.gitignore": "/a.py\n", "a.py": "", "p/a.py": "", "p/q/a.py": ""}, ["a.py", "p/q/a.py"]
        ),
        pytest.param(
            {".gitignore": "/*\n!/src/\n", "a.py": "", "src/b.py": ""}, ["src/b.py"], id="all but one folder"
        ),
        pytest.param(
            {".gitignore": "**/gen/**/*.py\n", "p/gen/q/a.py": "", "gen.py": ""}, ["gen.py"], id="**"
        ),
        pytest.param(
            {".gitignore": "# c\n\n\\#a.py\n!\n", "#a.py": "", "b.py": ""},
            ["b.py"],
            id="comments, no pattern",
        ),
        pytest.param({".gitignore": "[z-a]\na.py\n", "a.py": "", "b.py": ""}, ["b.py"], id="no range"),
        *(
            pytest.param(
                {".gitignore": text, "lib/t.py": "", "a/b/d.py": "", "top.py": ""}, kept, id=repr(text)
            )
            for text, kept in [  # what `git ls-files -o --exclude-standard` says
                ("*\n!*/\n!*.py\n", ["a/b/d.py", "lib/t.py", "top.py"]),
                ("**\n!**/\n!*.py\n", ["a/b/d.py", "lib/t.py", "top.py"]),
                ("*\n!lib/\n!lib/*.py\n", ["lib/t.py"]),
                ("*\n!lib/**\n", []),
                ("*/\n!a/\n", ["top.py"]),
                ("/a/*\n!/a/b/\n", ["a/b/d.py", "lib/t.py", "top.py"]),
                ("*\n!a\n!top.py\n", ["top.py"]),
            ]
        ),
        pytest.param({".git/info/exclude": "a.py\n", "a.py": "", "b.py": ""}, ["b.py"], id="info/exclude"),
    ],
)
def test_what_a_walk_finds(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    grow(tmp_path, files)
    assert found(tmp_path) == expected


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        pytest.param(("sub",), ["sub/b.py"], id="parents up to the repository count"),
        pytest.param(("ignored",), ["ignored/c.py"], id="a folder given by name is walked though ignored"),
        pytest.param(("ignored/deep",), [], id="empty"),
        pytest.param(("sub/gen.py",), ["sub/gen.py"], id="a file given by name counts though ignored"),
        pytest.param(("build",), ["build/d.py"], id="a skipped folder given by name"),
        pytest.param((".", "sub", "sub/b.py", "sub/../sub"), ["sub/b.py"], id="each file once"),
        pytest.param(("sub", "build"), ["build/d.py", "sub/b.py"], id="sorted over all paths"),
        pytest.param(("notes.txt",), ["notes.txt"], id="any file given by name"),
        pytest.param(("stub.pyi",), [], id=".pyi never"),
    ],
)
def test_what_given_paths_mean(tmp_path: Path, paths: tuple[str, ...], expected: list[str]) -> None:
    files = ["sub/b.py", "sub/gen.py", "ignored/c.py", "build/d.py", "notes.txt", "stub.pyi"]
    grow(tmp_path, {".git/HEAD": "", ".gitignore": "gen.py\nignored/\n", **dict.fromkeys(files, "")})
    (tmp_path / "ignored" / "deep").mkdir()
    assert found(tmp_path, *paths) == expected


def test_parents_count_up_to_the_current_folder_without_a_repository(tmp_path: Path) -> None:
    grow(tmp_path, {".gitignore": "gen.py\n", "sub/gen.py": "", "sub/a.py": ""})
    assert found(tmp_path, "sub") == ["sub/a.py"]


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        (("tests/",), ["a.py", "p/b.py"]),
        (("*.py", "!a.py"), ["a.py"]),
        (("/p",), ["a.py", "p2/tests/c.py"]),
        (("p*/**",), ["a.py"]),
        (("./p", "./a.py"), ["p2/tests/c.py"]),
        (("{root}/p2",), ["a.py", "p/b.py"]),
        (("*.py", "!./a.py"), ["a.py"]),
    ],
)
def test_exclude_patterns(tmp_path: Path, exclude: tuple[str, ...], expected: list[str]) -> None:
    grow(tmp_path, {"a.py": "", "p/b.py": "", "p2/tests/c.py": ""})
    patterns = tuple(pattern.format(root=tmp_path) for pattern in exclude)
    assert found(tmp_path, exclude=patterns) == expected


def test_a_missing_path_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such file or folder: none\.py"):
        discover([Path("none.py")], cwd=tmp_path)


def test_links_are_safe_and_each_file_comes_once(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    root = tmp_path / "root"
    grow(tmp_path, {"outside/o.py": "", "outside/p.py": "", "root/a/a.py": ""})
    (root / "a" / "loop").symlink_to(root, target_is_directory=True)
    (root / "out").symlink_to(outside, target_is_directory=True)
    (root / "self.py").symlink_to(root / "self.py")
    (root / "broken.py").symlink_to(root / "nothing.py")
    (root / "again.py").symlink_to(root / "a" / "a.py")
    (root / "shared.py").symlink_to(outside / "o.py")
    assert found(root) == ["a/a.py", "shared.py"]


def test_pipes_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.py")
    assert found(tmp_path) == []


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems refuse such names")
def test_names_that_are_no_utf8_do_not_crash(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"caf\xe9*\n")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.py")).touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/th\xe9.py")).touch()
    assert [os.fsencode(p.name) for p in discover([tmp_path], cwd=tmp_path).files] == [b"th\xe9.py"]


def test_an_unreadable_folder_is_a_problem_and_the_walk_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(tmp_path, {"a/x.py": "", "b/y.py": "", "z.py": ""})
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("a"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = discover([tmp_path], cwd=tmp_path)
    assert [p.name for p in result.files] == ["y.py", "z.py"]
    assert result.problems == [(tmp_path / "a", "cannot be listed: Permission denied")]


def test_a_very_deep_tree_is_walked(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 400)
    deep.mkdir(parents=True)
    (deep / "x.py").touch()
    assert len(discover([tmp_path], cwd=tmp_path).files) == 1
