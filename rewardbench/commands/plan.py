"""What a run would do and cost, without doing it."""

from __future__ import annotations

from typing import Any

import click

from rewardbench.commands._asking import asking, spec_of


@click.command()
@asking
@click.option("--shard", metavar="i/n", help="Plan only this part.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(shard: str | None, as_json: bool, **flags: Any) -> int:
    """Show the runs of a spec, their ids and what they sample; nothing is written.

    \b
    Example:
      rbench plan --task qa/lookup --seeds 5
    """
    from rewardbench import find, sweep
    from rewardbench import plan as plans
    from rewardbench.cli import print_json
    from rewardbench.policies import card

    spec = spec_of(**flags)
    policy = find.policy(spec.policy)
    runs, _ = plans.plan(spec, policy)
    sweep.check_tasks(sweep.firsts(runs))
    sweep.check_words(sweep.firsts(runs), policy)
    sweep.check_columns(runs)
    name = plans.sweep_id(runs)
    runs = runs if shard is None else plans.shard_of(runs, shard)
    packs = sweep.together(runs, policy)
    rows: list[dict[str, Any]] = []
    for run in runs:
        train, evaluated = plans.completions(run)
        rows.append(
            {
                "run": run.id,
                "task": run.task,
                "design": run.design.name,
                "design_hash": run.design_hash,
                "algorithm": run.algorithm,
                "policy": run.policy,
                "seed": run.seed,
                "steps": run.steps if run.design.trains else 0,
                "training_completions": train,
                "evaluation_completions": evaluated,
                "most_tokens": (train + evaluated) * run.max_tokens,
            }
        )
    total = {k: sum(r[k] for r in rows) for k in ("training_completions", "evaluation_completions", "most_tokens")}
    if as_json:
        print_json({"schema_version": 1, "sweep": name, "packs": len(packs), "runs": rows, "total": total})
        return 0
    for row in rows:
        click.echo(f"{row['run']}  {row['task']}  {row['design']}  seed {row['seed']}  {row['steps']} steps")
    click.echo(
        f"sweep {name}: {len(rows)} run{'s' * (len(rows) != 1)}, "
        f"{total['training_completions']} completions to learn from, "
        f"{total['evaluation_completions']} to evaluate, at most {total['most_tokens']} tokens"
    )
    if (gpu := card.used(policy.settings)) is not None:
        most = max(map(len, packs))
        click.echo(f"on {gpu.name}: {len(packs)} packs of at most {most} runs, reckoned to fit in its free memory")
    return 0
