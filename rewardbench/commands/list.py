"""What there is: tasks, designs, parts, algorithms, policies, metrics, boards."""

from __future__ import annotations

import click

KINDS = ("tasks", "designs", "parts", "algorithms", "policies", "metrics", "boards")


@click.command()
@click.argument("kind", required=False, type=click.Choice(KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(kind: str | None, as_json: bool) -> int:
    """List names with a line on each; nothing is imported to list it.

    \b
    Example:
      rbench list parts
    """
    from rewardbench import find
    from rewardbench.cli import print_json

    if as_json:
        chosen = kind or "tasks"
        items = [{"name": n, "summary": s} for n, s in find.listing(chosen).items()]
        print_json({"schema_version": 1, "kind": chosen, "items": items})
        return 0
    for one in [kind] if kind else KINDS:
        found = find.listing(one)
        click.echo(f"{one} ({len(found)})" if not kind else "", nl=not kind)
        width = max((len(n) for n in found), default=0)
        for name, text in found.items():
            click.echo(f"  {name:<{width}}  {text}")
    return 0
