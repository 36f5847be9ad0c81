"""Does a shell complete names, at once?"""

import subprocess

import pytest
from sweeping import command, cost, environment, rbench

from rewardbench import find


def completed(words, shell="bash"):
    """The names that a shell is offered for the last of these words."""
    asked = environment(_RBENCH_COMPLETE=f"{shell}_complete", COMP_WORDS=" ".join(["rbench", *words]), COMP_CWORD=str(len(words)))
    done = subprocess.run(command(), env=asked, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_names_of_every_kind():
    assert completed(["ru"]) == ["run"]
    assert completed(["run", "--task", "toy/"]) == ["toy/colours"]
    assert set(completed(["plan", "--algorithm", "r"])) == {n for n in find.files("algorithms") if n.startswith("r")}
    assert completed(["run", "--policy", "tin"]) == ["tiny"]
    assert completed(["compare", "--metric", "st"]) == ["stability"]
    assert set(completed(["run", "--display", "p"])) == {"plain"}
    assert "toy/colours/reference" in completed(["show", "toy/colours/"])
    assert {"cpu", "hacked", "grpo", "tiny"} <= {*completed(["show", "cp"]), *completed(["show", "hack"]), *completed(["show", "g"]), *completed(["show", "ti"])}


def test_designs_are_those_of_the_task_and_the_arms():
    assert completed(["run", "--task", "toy/colours", "--design", "ref"]) == ["reference"]
    of_one = set(completed(["run", "--task", "toy/colours", "--design", "''"]))
    assert {"reference", "untrained", "constant"} <= of_one
    assert "bleu" not in of_one
    assert completed(["run", "--task", "toy/colours", "--design", "untr"]) == ["untrained"]


def test_a_name_that_is_none_of_ours_is_left_to_the_shells_files():
    asked = environment(_RBENCH_COMPLETE="bash_complete", COMP_WORDS="rbench run --design ./mine", COMP_CWORD="3")
    done = subprocess.run(command(), env=asked, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["file,./mine"]


def test_an_answer_costs_little_more_than_what_it_cannot_do_without():
    assert cost(lambda: completed(["run", "--task", "toy/"])) < 2.5


def test_nothing_heavy_is_imported_for_it():
    code = (
        "import sys\nfrom rewardbench.cli import call\n"
        "try:\n    call([])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('torch', 'transformers', 'pandas', 'scipy') if m in sys.modules], file=sys.stderr)"
    )
    asked = environment(_RBENCH_COMPLETE="bash_complete", COMP_WORDS="rbench run --task qa", COMP_CWORD="3")
    done = subprocess.run([*command()[:1], "-c", code], env=asked, capture_output=True, text=True, check=False)
    assert "qa/lookup" in done.stdout
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_says_how_to_install_it_and_asks_this_program(shell):
    said = rbench("completion", shell)
    assert said.code == 0
    assert said.out.startswith("# Install it once")
    assert f"rbench completion {shell} > ~/" in said.out
    assert f"_RBENCH_COMPLETE={shell}_complete" in said.out


def test_the_bash_script_is_bash():
    script = rbench("completion", "bash").out
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_shell_is_refused():
    assert rbench("completion", "tcsh").code == 2
