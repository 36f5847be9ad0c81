"""Can this machine run the benchmark? Versions to paste into a report, and checks with what to do."""

from __future__ import annotations

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(as_json: bool) -> int:
    """Look at Python, torch, the shipped policy, folders and the terminal; no host or user name is printed.

    Code 0 where a sweep can run, 4 where something failed; a warning is none.

    \b
    Example:
      rbench doctor
    """
    click.echo("looking: torch and the shipped policy take some seconds", err=True)
    from dataclasses import asdict

    from rewardbench import doctor
    from rewardbench.cli import print_json

    facts, findings = doctor.facts(), doctor.examine()
    good = doctor.usable(findings)
    if as_json:
        checks = [asdict(f) for f in findings]
        print_json({"schema_version": 1, "usable": good, "facts": facts, "checks": checks})
        return 0 if good else 4
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:<{width}}  {value}")
    click.echo()
    for f in findings:
        click.echo(f"{f.state:<4}  {f.name}: {f.text}" + (f"\n      → {f.fix}" if f.fix else ""))
    click.echo("\nusable" if good else "\nnot usable: mend what failed")
    return 0 if good else 4
