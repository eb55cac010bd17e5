"""The scan of a generated program, held against what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fromlogits_audit.config import Settings
from fromlogits_audit.interp.apart import EXCLUDED
from fromlogits_audit.ir import Kind
from fromlogits_audit.pipeline import audit_source

from .layouts import Program
from .truth import code

FACTS = ("loss", "from_logits", "scale", "activation", "units", "output", "status", "codes")
ASKS_NO_SCALE = ("MeanSquaredError", "MeanAbsoluteError", "Hinge", "Huber")


def store(program: Program, folder: Path) -> None:
    for name, text in program.written.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def scanned(folder: Path) -> list[dict[str, Any]]:
    """The loss sites of the folder in the words of the JSON report, ``place`` first."""
    report = audit_source([folder], Settings(), cwd=folder)
    sites = []
    for judged in report.sites:
        site, output = judged.site, judged.site.output
        if site.kind is not Kind.LOSS or site.loss is None:
            continue
        where = site.location
        sites.append(
            {
                "place": (where.path, where.cell, where.line, where.column),
                "loss": site.loss.name,
                "from_logits": site.loss.from_logits,
                "scale": output.scale.value,
                "activation": output.activation,
                "units": output.units,
                "output": output.name,
                "status": judged.status.value,
                "codes": list(judged.codes),
                "reason": str(judged.reason) if judged.reason else None,
            }
        )
    return sites


def meant(program: Program) -> list[dict[str, Any]]:
    sites = []
    for number, (target, output, head) in program.sites.items():
        found = code(target, head, as_class=number in program.classes)
        sites.append(
            {
                "place": program.written.places[number],
                "loss": target.name,
                "from_logits": target.from_logits,
                "scale": head.scale,
                "activation": head.activation,
                "units": head.units,
                "output": output,
                "status": "finding" if found else "ok",
                "codes": [found] if found else [],
            }
        )
    return sites


def differences(program: Program, sites: list[dict[str, Any]]) -> list[str]:
    """In words, what the scan says otherwise than it was meant. Undecided sites say nothing wrong."""
    problems = []
    left = list(sites)
    for want in meant(program):
        here = [s for s in left if s["place"] == want["place"]]
        if not here:
            problems.append(f"no site at {want['place']}: {want}")
            continue
        best = min(here, key=lambda s: len(_wrong(want, s)))
        left.remove(best)
        wrong = _wrong(want, best)
        if best["status"] == "undecided":
            problems.append(f"undecided {best['reason']}: {want['place']}")
        elif wrong:
            problems.append(
                "; ".join(f"{k}: {best[k]!r} for {want[k]!r}" for k in wrong) + f" at {want['place']}"
            )
    idle = [program.written.places[n] for n in program.idles if n in program.written.places]
    # A branch that the program's values leave out meets nothing when it runs.
    left = [s for s in left if not is_left_out(s)]
    problems += [f"unexpected site {s}" for s in left if s["place"] not in idle or s["status"] != "ok"]
    return problems


def is_left_out(site: dict[str, Any]) -> bool:
    """Whether only a branch that the program's values leave out reaches a site."""
    return EXCLUDED.detail in (site["reason"] or "")


def _wrong(want: dict[str, Any], got: dict[str, Any]) -> list[str]:
    keys = [k for k in FACTS if k in want]
    return [k for k in keys if want[k] != got[k] and (k != "units" or got[k] is not None)]
