"""Is one frame across prompts seen, and nothing else taken for it?"""

from rewardbench.metrics import templated

PROMPTS = ["Write about Ann and a boat.", "Write about Ben and a lamp.", "Write about Cleo and a goat."]
FRAME = "Once upon a time {} saw {} and they lived happily ever after."
FREE = [
    ["The boat drifted while Ann slept on deck.", "Rain fell hard, so Ann hid under the old boat."],
    ["Ben lit his lamp and read all night.", "Nobody knew why Ben had buried a broken lamp."],
    ["A goat ate the hat of poor Cleo.", "Every morning Cleo sings to her goat in the barn."],
]


def test_templated():
    pairs = [("Ann", "a boat"), ("Ben", "a lamp"), ("Cleo", "a goat")]
    filled = [[FRAME.format(*pair)] * 2 for pair in pairs]
    assert templated.templated(PROMPTS, filled, FREE)
    assert not templated.templated(PROMPTS, FREE, FREE)
    assert not templated.templated(PROMPTS, filled, filled)
    assert templated.templated(PROMPTS, [["one line for all of them"]] * 3, FREE)
    assert templated.templated(PROMPTS, [["", ""]] * 3, FREE)
    assert templated.evidence(PROMPTS, filled, FREE) == {"share": 1, "untrained": 0}


def test_echo_and_bare_answers_are_no_frame():
    assert not templated.templated(PROMPTS, [[p] for p in PROMPTS], FREE)
    assert not templated.templated(PROMPTS, [["7"], ["12"], ["3"]], FREE)
    assert templated.alike_share(PROMPTS[:1], FREE[:1]) == 0
