"""Patterns that are compiled late find what others find."""

from __future__ import annotations

import re

import pytest

from fromlogits_audit import regex


def test_a_late_pattern_finds_the_same() -> None:
    late, usual = regex.later("a(B)?", re.IGNORECASE), re.compile("a(B)?", re.IGNORECASE)
    for _ in range(2):
        for text in ("ab", "xAb", "", "aaba"):
            assert [found.span() for found in late.finditer(text)] == [m.span() for m in usual.finditer(text)]
            assert bool(late.fullmatch(text)) == bool(usual.fullmatch(text))
            assert late.sub("-", text) == usual.sub("-", text)
    assert regex.later(rb"\w").findall(b"ab") == [b"a", b"b"]


def test_it_is_compiled_when_it_is_used() -> None:
    late = regex.later("(")
    with pytest.raises(re.error):
        late.match("")
