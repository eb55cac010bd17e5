"""Bad input costs one FLA001 with its reason, two seconds at most and 200 MB, and nothing else."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import hostile
import pytest

from fromlogits_audit.saved import apart

if importlib.util.find_spec("h5py") is not None:
    hostile.add_hdf5()

SECONDS, MEGABYTES = 2.0, 200
"""CPU seconds. The worst file takes half of one on a machine that does nothing else, and twice that where all
cores are busy."""

# One child audits everything, so that its peak of memory is that of the worst file. What time a
# start takes is measured elsewhere.
_CHILD = '''
import json, os, resource, sys, time
sys.modules["tensorflow"] = None
from pathlib import Path
from fromlogits_audit.model_pipeline import audit_models
def peak():
    """In megabytes. ru_maxrss remembers the process that this one was forked from."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
found = {}
for path in map(Path, sys.argv[1:]):
    start, before = time.process_time(), sum(os.times()[2:4])
    report = audit_models([path], cwd=path.parent)
    took, after = time.process_time() - start, sum(os.times()[2:4])
    found[path.name] = {
        "seconds": took,
        "elsewhere": after - before,
        "findings": [[f.code, f.message] for f in report.findings],
        "scales": [o.output.scale.value for m in report.models for o in m.outputs],
        "megabytes": peak(),
    }
print(json.dumps(found))
'''


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    list(hostile.make_all(folder, {**hostile.MAKERS, **hostile.UNDECIDED}))
    return folder


@pytest.fixture(scope="module")
def results(made: Path) -> dict[str, Any]:
    before = sorted(made.rglob("*"))
    paths = [str(made / name) for name in (*hostile.MAKERS, *hostile.UNDECIDED)]
    # Compiled once before, so that the first file is not charged with it.
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *paths], capture_output=True, text=True, check=False, cwd=made
    )
    assert done.returncode == 0, done.stderr
    assert sorted(made.rglob("*")) == before, "something was written"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", list(hostile.MAKERS))
def test_a_bad_model_is_one_unreadable_with_its_reason(name: str, results: dict[str, Any]) -> None:
    ((code, message),) = results[name]["findings"]
    assert code == "FLA001"
    reason = message.removeprefix("This model was not analysed: ")
    assert reason != message
    assert "bug" not in reason
    assert len(reason) > 10


@pytest.mark.parametrize("name", list(hostile.UNDECIDED))
def test_a_model_that_leads_nowhere_has_unknown_outputs(name: str, results: dict[str, Any]) -> None:
    assert results[name]["findings"] == []
    assert set(results[name]["scales"]) == {"unknown"}


@pytest.mark.parametrize("name", [*hostile.MAKERS, *hostile.UNDECIDED])
def test_a_bad_model_takes_no_time_and_no_memory(name: str, results: dict[str, Any]) -> None:
    assert results[name]["seconds"] < SECONDS
    assert results[name]["elsewhere"] < apart.SECONDS + 1
    assert results[name]["megabytes"] < MEGABYTES


def test_a_folder_of_bad_models_still_shows_the_good_one(made: Path, tmp_path: Path) -> None:
    from fromlogits_audit.model_pipeline import audit_models

    hostile.archive(tmp_path / "good.keras", hostile.good())
    (tmp_path / "bad.keras").write_bytes(b"no archive")
    report = audit_models([tmp_path], cwd=tmp_path)
    assert [(f.code, f.location.path) for f in report.findings] == [("FLA001", "bad.keras")]
    assert [(m.path, m.outputs[0].output.activation) for m in report.models] == [("good.keras", "softmax")]


def test_an_empty_folder_is_one_unreadable(tmp_path: Path) -> None:
    from fromlogits_audit.model_pipeline import audit_models

    (finding,) = audit_models([tmp_path], cwd=tmp_path.parent).findings
    assert finding.code == "FLA001"
    assert "holds no saved model" in finding.message


@pytest.mark.skipif(sys.platform == "win32", reason="file names are text there")
def test_a_name_that_is_no_text_is_audited_and_shown_escaped(tmp_path: Path) -> None:
    from fromlogits_audit.model_pipeline import audit_models
    from fromlogits_audit.reporters import json as as_json
    from fromlogits_audit.reporters import text
    from fromlogits_audit.reporters.interface import Style

    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.keras"))
    hostile.archive(path, hostile.good())
    report = audit_models([path], cwd=tmp_path)
    assert [model.path for model in report.models] == ["caf\\xe9.keras"]
    text.render(report, Style()).encode("utf-8")
    as_json.render(report, Style()).encode("ascii")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_one_unreadable(tmp_path: Path) -> None:
    from fromlogits_audit.model_pipeline import audit_models

    hostile.archive(tmp_path / "m.keras", hostile.good())
    (tmp_path / "m.keras").chmod(0)
    (finding,) = audit_models([tmp_path]).findings
    assert "Permission denied" in finding.message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_and_a_dangling_link_are_not_waited_for(tmp_path: Path) -> None:
    from fromlogits_audit.model_pipeline import audit_models

    os.mkfifo(tmp_path / "pipe.keras")
    (tmp_path / "link.h5").symlink_to(tmp_path / "nowhere.h5")
    (tmp_path / "loop.keras").symlink_to(tmp_path / "loop.keras")
    report = audit_models([tmp_path], cwd=tmp_path)
    assert [finding.code for finding in report.findings] == ["FLA001"] * 3


def test_bytes_changed_anywhere_in_a_graph_never_raise_anything_else(tmp_path: Path) -> None:
    import random

    from fromlogits_audit.errors import InputError
    from fromlogits_audit.saved.read import read_model

    original = hostile._SOFTMAX + hostile.saved_model(hostile._CALL, hostile._doubling(3))
    chance = random.Random(7)
    outcomes = set()
    (tmp_path / "m").mkdir()
    for _ in range(300):
        raw = bytearray(original)
        for _ in range(chance.randint(1, 6)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        (tmp_path / "m" / "saved_model.pb").write_bytes(raw)
        try:
            read_model(tmp_path / "m", "m")
            outcomes.add("read")
        except InputError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
