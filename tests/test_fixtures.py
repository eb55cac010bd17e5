"""Every fixture's findings are exactly the expected ones, and its loss sites have the expected facts."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest

from fromlogits_audit.config import Settings
from fromlogits_audit.ir import Kind
from fromlogits_audit.pipeline import audit_source

FIXTURES = Path(__file__).parent.parent / "fixtures"
FOLDERS = sorted(p.parent for p in FIXTURES.glob("*/expected.json"))
FACTS = ("loss", "metric", "from_logits", "scale", "activation", "units", "output", "status")


def expected(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    return document


def place(location: Any, folder: Path) -> dict[str, Any]:
    """Where a finding or site stands, its path counted from the fixture's folder."""
    path = Path(location.path)
    inside = path.resolve().relative_to(folder.resolve())
    return {"path": inside.as_posix(), "cell": location.cell, "line": location.line}


@functools.cache
def audit(folder: Path) -> Any:
    return audit_source([folder], Settings())


def facts(judged: Any, folder: Path) -> dict[str, Any]:
    """One reported site in the words of ``expected.json``."""
    site, output = judged.site, judged.site.output
    subject = site.loss if site.kind is Kind.LOSS else site.metric
    return {
        **place(site.location, folder),
        site.kind.value: subject.name,
        "from_logits": subject.from_logits,
        "scale": output.scale.value,
        "activation": output.activation,
        "units": output.units,
        "output": output.name,
        "status": judged.status.value,
    }


def reported(folder: Path) -> list[dict[str, Any]]:
    shown = (Kind.LOSS, Kind.METRIC)
    return [facts(j, folder) for j in audit(folder).sites if j.site.kind in shown]


def agrees(want: dict[str, Any], got: dict[str, Any]) -> bool:
    """Every fact that is expected is there; a name that is left open (null) may be any name."""
    open_names = {k for k in ("loss", "metric") if k in want and want[k] is None and k in got}
    return all(got.get(k, "absent") == v for k, v in want.items() if k not in open_names)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_findings_are_exact(folder: Path) -> None:
    got = {(*place(f.location, folder).values(), f.code) for f in audit(folder).findings}
    want = {(f["path"], f["cell"], f["line"], f["code"]) for f in expected(folder)["findings"]}
    assert got == want


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_sites_have_the_expected_facts(folder: Path) -> None:
    sites = reported(folder)
    missing = [w for w in expected(folder)["sites"] if not any(agrees(w, s) for s in sites)]
    assert not missing, f"not among the reported:\n{json.dumps(sites, indent=1)}"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_no_loss_site_stands_elsewhere(folder: Path) -> None:
    wanted = [(s["path"], s["cell"], s["line"]) for s in expected(folder)["sites"] if "loss" in s]
    got = [(s["path"], s["cell"], s["line"]) for s in reported(folder) if "loss" in s]
    assert sorted(set(got)) == sorted(set(wanted))


def test_a_subclass_that_overrides_is_one_site_where_it_is_built() -> None:
    folder = FIXTURES / "800-subclasses-that-override"
    lines = [site["line"] for site in expected(folder)["sites"]]
    assert [site["line"] for site in reported(folder)] == lines


@pytest.mark.parametrize(
    ("start", "found"),
    [
        ("280-package-relative-imports/run.py", {("shop/training/losses.py", "FLA102")}),
        ("252-compile-in-another-module/main.py", {("objectives.py", "FLA101")}),
        ("282-same-module-name/mnist/train.py", set()),
    ],
)
def test_one_file_given_as_path_follows_its_imports(start: str, found: set[tuple[str, str]]) -> None:
    folder = FIXTURES / Path(start).parts[0]
    report = audit_source([FIXTURES / start], Settings())
    assert {(place(f.location, folder)["path"], f.code) for f in report.findings} == found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_expectation_is_well_formed(folder: Path) -> None:
    document = expected(folder)
    assert set(document) == {"title", "findings", "sites", "run"}
    for entry in [*document["findings"], *document["sites"]]:
        assert (folder / entry["path"]).is_file()
        assert ("code" in entry) != ("status" in entry)
    for site in document["sites"]:
        assert set(site) <= {"path", "cell", "line", *FACTS}
        wrong = any(all(f[k] == site[k] for k in ("path", "cell", "line")) for f in document["findings"])
        assert site["status"] in ("ok", "finding", "undecided")
        assert site["status"] == "finding" or not wrong or len(document["sites"]) > 1


def test_there_is_right_and_wrong_code() -> None:
    documents = [expected(f) for f in FOLDERS]
    sites = [s["status"] for d in documents for s in d["sites"]]
    assert len(FOLDERS) >= 75
    assert min(sites.count("ok"), sites.count("finding")) > 0.35 * len(sites)
    assert sites.count("undecided") >= 8
