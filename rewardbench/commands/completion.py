"""The script with which a shell completes commands, flags and names."""

from __future__ import annotations

import click

INSTALL = {
    "bash": "rbench completion bash > ~/.rbench-complete.bash && echo '. ~/.rbench-complete.bash' >> ~/.bashrc",
    "zsh": "rbench completion zsh > ~/.rbench-complete.zsh && echo '. ~/.rbench-complete.zsh' >> ~/.zshrc",
    "fish": "rbench completion fish > ~/.config/fish/completions/rbench.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(INSTALL)))
def command(shell: str) -> int:
    """Print the script for SHELL; how to install it stands in its first lines.

    Names of tasks, designs, algorithms, policies and metrics complete as they are on this machine.

    \b
    Example:
      rbench completion bash > ~/.rbench-complete.bash && echo '. ~/.rbench-complete.bash' >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    from rewardbench.cli import main

    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(main, {}, "rbench", "_RBENCH_COMPLETE")
    click.echo(f"# Install it once, then open a new shell:\n#   {INSTALL[shell]}")
    click.echo(made.source_template % made.source_vars())
    return 0
