"""Do the completions that a task rates by hand get the gold, the kind and the verdict that stand beside them?

No task's gold reads its data, so this asks for none: a task on real data is tried where that is absent too.
"""

from decimal import Decimal

import pytest
from asking import examples, prompt_of

from rewardbench import find

NAMES = sorted(find.task_folders())
ROWS = [pytest.param(name, row, id=f"{name}-{row['note']}") for name in NAMES for row in examples(name)]
TEXT_ONLY = {"writing/story"}
"""Tasks of one turn whose gold does not read a completion as messages, as it need not."""


def apart(name):
    """What a gold may differ by from the one that is written: half of the last place that a task's file is written to.

    A file of whole numbers and halves is not rounded: there they are equal.
    """
    places = max(-Decimal(str(row["gold"])).normalize().as_tuple().exponent for row in examples(name))
    return 0.5 * 10**-places + 1e-9 if places > 1 else 0


@pytest.mark.parametrize("name", NAMES)
def test_a_task_has_about_twenty_examples_good_and_bad(name):
    assert len(examples(name)) >= 20
    assert {row["precise"] for row in examples(name)} == {True, False}


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_an_example_gets_the_gold_that_stands_beside_it(name, row):
    gold, prompt, said = find.gold(name), prompt_of(row), row["completion"]
    score = gold.score(prompt, said)
    assert score == pytest.approx(row["gold"], rel=0, abs=apart(name))
    assert gold.kind(prompt, said) == row["kind"]
    assert (score >= gold.bar) == row["precise"]
    if isinstance(said, str) and name not in TEXT_ONLY:
        assert gold.score(prompt, [{"role": "assistant", "content": said}]) == score
