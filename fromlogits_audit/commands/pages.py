"""``fromlogits-audit rules`` and ``explain``: what the rules are."""

from __future__ import annotations

import click

from fromlogits_audit import cli
from fromlogits_audit.errors import UsageError


@click.command()
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
def rules(output_format: str) -> cli.ExitCode:
    """List the rules: code, severity, name, what each finds."""
    from fromlogits_audit.reporters.rules import as_json, as_text
    from fromlogits_audit.rules import RULES

    cli.write(as_json(RULES) if output_format == "json" else as_text(RULES), None)
    return cli.ExitCode.OK


@click.command()
@click.argument("code")
def explain(code: str) -> cli.ExitCode:
    """Show one rule's page: what, why, bad, good, how to fix. CODE may be its name."""
    from fromlogits_audit.config import nearest
    from fromlogits_audit.reporters.rules import page
    from fromlogits_audit.rules import RULES

    wanted = code.strip().lower()
    for rule in RULES:
        if wanted in (rule.code.lower(), rule.name):
            cli.write(page(rule), None)
            return cli.ExitCode.OK
    known = [word for rule in RULES for word in (rule.code, rule.name)]
    raise UsageError(f"there is no rule {code!r}.{nearest(code, known)}")
