"""What can a half-written word become? Names read from folders, for the shell; nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def matching(names: Iterable[str], begun: str, files: bool = False) -> list[CompletionItem]:
    """The names that begin so; what the shell knows of files where none does and one may be meant."""
    found = [CompletionItem(name) for name in names if name.startswith(begun)]
    return found or ([CompletionItem(begun, type="file")] if files else [])


def of(kind: str, files: bool = False) -> Complete:
    """A completion of the names that `rbench list KIND` has."""

    def complete(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
        from rewardbench import find

        return matching(find.listing(kind), begun, files)

    return complete


def designs(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Designs of the tasks named so far (of all tasks where none is), and arms."""
    from rewardbench import find

    chosen = [t for t in ctx.params.get("tasks") or () if t in find.task_folders()] or list(find.task_folders())
    own = [name for task in chosen for name in find.task_designs(task)]
    return matching(dict.fromkeys([*own, *find.arms()]), begun, files=True)


def things(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Whatever `rbench show` takes: a name of any kind, `task/design`, or a folder."""
    from rewardbench import find

    kinds = ("tasks", "designs", "parts", "metrics", "algorithms", "policies", "boards")
    names = [n for kind in kinds for n in find.listing(kind)]
    return matching(dict.fromkeys(names), begun, files=True)
