"""Are we as much faster than TRL as we say? Floors of the ratios, by pytest-benchmark; run on an idle machine.

    python -m pytest benchmarks/test_race.py -q --benchmark-json race.json -p no:cacheprovider
"""

import pytest
from race import TASKS, lanes, race, row

STEP, SWEEP = 1.3, 2.3
"""Floors: TRL's cost over ours."""
ROUNDS = 5


@pytest.fixture(scope="module")
def pipes():
    """The contestants' processes, for all tests of the file."""
    with lanes() as running:
        yield running


@pytest.mark.benchmark(group="step")
@pytest.mark.parametrize("task", TASKS)
def test_a_step_costs_less_cpu_than_trls(benchmark, pipes, task):
    """Sampling and learning, CPU seconds."""
    costs = benchmark.pedantic(race, args=(pipes, "step", task, ROUNDS), rounds=1)
    benchmark.extra_info |= (found := row("step", task, costs))
    assert found["ratio"] >= STEP, found


@pytest.mark.benchmark(group="sweep")
def test_a_sweep_of_twelve_runs_takes_less_time_than_trls(benchmark, pipes):
    """Two workers against one run after the other, wall seconds."""
    tasks = "+".join(TASKS)
    costs = benchmark.pedantic(race, args=(pipes, "sweep", tasks, ROUNDS), rounds=1)
    benchmark.extra_info |= (found := row("sweep", tasks, costs))
    assert found["ratio"] >= SWEEP, found
