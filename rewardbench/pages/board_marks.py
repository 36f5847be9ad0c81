"""What do the marks, the verdicts and the evidence of a board's rows mean? For its page, and for whoever asks on the
command line."""

MARKS = {
    "front": "No other that learnt beats it on one axis without being beaten by it on another (means; Q above 0).",
    "harmful": "Significantly below the untrained policy in Q.",
    "broken": "A check of this entry failed; its page says which.",
    "challenged": "Somebody contests it, with evidence: its section says why. It stays ranked until that is answered.",
    "trainer-dependent": "Better than the baseline under one way of training, worse under another.",
    "did not learn": "Its gain in Q is not shown to be above 0, or nothing was trained: its S, E and D have no rank.",
}
VERDICTS = {
    "better": "The adjusted test says that it is better than the baseline.",
    "worse": "The adjusted test says that it is worse than the baseline.",
    "equivalent": "Shown to lie within the margin of the baseline.",
    "unresolved": "Neither a difference nor equivalence is shown; more seeds may tell.",
}
EVIDENCE = {
    "reported": ("somebody sent it", "that it is claimed"),
    "consistent": (
        "files hashed, every number computed again from its rows, seeds, counts and the arm untrained held against the "
        "board",
        "that the entry is whole and agrees with itself",
    ),
    "rescored": (
        "gold, and every registered part that reads words alone, run again on the kept words",
        "that these scores belong to these completions",
    ),
    "regenerated": ("the weights loaded and sampled", "that the policy exists"),
    "reproduced": ("the design trained again", "that the recipe gives these results at this budget"),
}
"""How far a row was checked, each word including those before it -> (what was done, what it proves)."""
