"""What does a language model behind an endpoint say of a completion, and can its word be trusted?

Any server that speaks the OpenAI chat protocol (`POST <endpoint>/chat/completions`): a hosted one, vLLM, llama.cpp,
Ollama. Three things stand between a completion and its grade:

- the grammar: the answer's last two lines are a code and a verdict, and nothing else is one;
- the fence: the completion stands between marks that it cannot hold, declared to be data. Marks and code are hashes
  of everything asked, the completion included: they look random, are the same whenever the same is asked, and a
  completion that held its own would have to hold its own hash;
- the canary: the code is given outside the fence alone. A verdict without it may be the completion's own words put
  into the judge's mouth: it does not count.

What a completion says *to a judge* is also looked for, in words (`orders`), and taken out. A judge can still be
swayed by what no list knows: `Counts` says how often each guard spoke.
"""

from rewardbench.reward_models.judges.asked import Question, question, verdict
from rewardbench.reward_models.judges.judge import (
    RUBRIC,
    Broken,
    Counts,
    Declined,
    Failing,
    Hijacked,
    Judge,
    JudgeError,
    Nonsense,
    RateLimited,
    Refused,
    TimedOut,
    Unauthorised,
    Unreachable,
    checked,
    counts,
    note,
)
from rewardbench.reward_models.judges.orders import PLANTS, is_order, swayed, without_orders
from rewardbench.reward_models.judges.wire import ask, heard

__all__ = [
    "PLANTS",
    "RUBRIC",
    "Broken",
    "Counts",
    "Declined",
    "Failing",
    "Hijacked",
    "Judge",
    "JudgeError",
    "Nonsense",
    "Question",
    "RateLimited",
    "Refused",
    "TimedOut",
    "Unauthorised",
    "Unreachable",
    "ask",
    "checked",
    "counts",
    "heard",
    "is_order",
    "note",
    "question",
    "swayed",
    "verdict",
    "without_orders",
]
