"""Does the report work where people read it: in a browser, by mouse, by keyboard, without a script, on paper?

Deselected by default; who asks for it needs Chromium and the packages `playwright` and `axe-playwright-python` (for the axe-core that it ships).
"""


import pytest
from made_up import swept

from rewardbench.pages import report
from rewardbench.spec import Spec

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The page of two tasks, a hostile name in it."""
    folder = tmp_path_factory.mktemp("browser")
    own = folder / "<script>alert(1)<\u202eand a name that is far longer than anybody needs.toml"
    own.write_text('[[part]]\nuse = "length.words"\nparams = {low = 1, high = 9}\n')
    tasks = ("writing/story", "dialogue/booking")
    spec = Spec(tasks=tasks, designs=("reference", "exploit", str(own)), seeds=3)
    return report.write(swept(folder / "s", spec))


def column(page, number, table="#t0 table.designs"):
    """What a column of a table shows, from the top."""
    return page.eval_on_selector_all(f"{table} tbody tr", f"rows => rows.map(r => r.cells[{number}].dataset.v ?? null)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(opened, axe, scheme, width):
    page = opened(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    page.evaluate(axe)
    found = page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes.slice(0, 3).map(n => n.html)]))")
    assert found == []


def test_axe_would_find_something(opened, axe):
    page = opened()
    page.evaluate("document.querySelector('#c-task').parentNode.replaceWith(document.querySelector('#c-task'))")
    page.evaluate(axe)
    assert page.evaluate("axe.run().then(r => r.violations.map(v => v.id))") == ["select-name"]


@pytest.mark.parametrize("width", [390, 500])
def test_a_narrow_page_breaks_no_word_cuts_no_link_and_says_what_scrolls(opened, width):
    page = opened(viewport={"width": width, "height": 900})
    lines = "cells => cells.filter(c => c.getClientRects().length > 1).map(c => c.textContent)"
    assert page.eval_on_selector_all(".verdicts tbody code", lines) == []
    names = page.eval_on_selector_all(".designs tbody th code", lines)
    assert not {"reference", "exploit", "untrained", "constant"} & set(names)
    wide = "cells => Math.max(...cells.map(c => c.getBoundingClientRect().width))"
    assert page.eval_on_selector_all(".designs tbody th", wide) < 0.5 * width
    inside = "links => links.every(a => a.getBoundingClientRect().right <= innerWidth)"
    assert page.eval_on_selector_all("nav a", inside)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    page.wait_for_timeout(200)
    told = "boxes => boxes.map(b => [b.scrollWidth > b.clientWidth + 1, !b.previousElementSibling.hidden])"
    found = page.eval_on_selector_all(".scroll", told)
    assert found
    assert all(wide == said for wide, said in found)
    tall = "texts => texts.map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)"
    assert min(page.eval_on_selector_all(".task .picture text", tall)) > 9


def test_the_button_changes_the_theme(opened):
    page = opened(color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Light").click()
    light = page.evaluate(ground)
    assert (dark, light) == ("rgb(21, 24, 28)", "rgb(255, 255, 255)")
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(ground) == dark


def test_a_table_sorts_both_ways_with_the_unknown_last(opened):
    page = opened()
    numbers = [None, *(n for n in column(page, 1) if n is not None)]
    page.eval_on_selector("#t0 table.designs tbody tr:first-child td", "cell => { delete cell.dataset.v }")
    gold = page.locator("#t0 table.designs thead th").nth(1)
    for direction, sign in (("ascending", 1), ("descending", -1), ("ascending", 1)):
        gold.get_by_role("button").click()
        assert gold.get_attribute("aria-sort") == direction
        shown = column(page, 1)
        assert shown[-1] is None
        assert [float(n) for n in shown[:-1]] == sorted((float(n) for n in shown[:-1]), key=lambda n: sign * n)
    assert len(shown) == len(numbers) - 1
    page.locator("#t0 table.designs thead th").first.get_by_role("button").press("Enter")
    assert column(page, 0) == sorted(column(page, 0), key=str.lower)
    assert gold.get_attribute("aria-sort") is None


def test_what_has_no_rank_comes_after_what_has_one(opened):
    page = opened()
    head = page.locator("#t0 table.designs thead th").nth(3)
    for _ in range(2):
        head.get_by_role("button").click()
        after = page.eval_on_selector_all("#t0 table.designs tbody tr", "rows => rows.map(r => 'after' in r.cells[3].dataset)")
        assert True in after
        assert False in after
        assert after == sorted(after)


def test_a_number_is_one_click_from_its_completions(opened):
    page = opened()
    page.get_by_role("link", name="exploit").first.click()
    assert page.evaluate("document.activeElement.id") == "c-design"
    assert page.eval_on_selector("#c-design", "s => s.selectedOptions[0].text") == "exploit"
    assert page.locator("#c-list > li").count() == 8
    lowest = [float(g) for g in page.locator("#c-list .scores div:nth-child(2) dd").all_inner_texts()]
    assert lowest == sorted(lowest)
    page.locator("#c-more").click()
    assert page.locator("#c-list > li").count() == 16
    page.locator("#t1 .flags a[data-flag=hacked]").first.click()
    assert page.eval_on_selector("#c-task", "s => s.selectedOptions[0].text") == "dialogue/booking"
    assert page.locator("#c-list .turn b").first.inner_text() == "assistant"


def test_paid_most_for_least_is_one_click_away(opened):
    page = opened()
    page.get_by_role("button", name="Paid most for least").click()
    gaps = [float(g.replace("−", "-")) for g in page.locator("#c-list .scores div:nth-child(3) dd").all_inner_texts()]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.9
    assert "exploit, seed" in page.locator("#c-list .why").first.inner_text()


def test_the_browser_of_completions_works_by_keyboard_alone(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(400):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "c-task":
            break
    page.keyboard.type("dial")
    page.keyboard.press("Tab")
    page.keyboard.type("ref")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("first")
    assert [page.eval_on_selector(f"#c-{n}", "s => s.selectedOptions[0].text") for n in ("task", "design", "seed", "look")] == [
        "dialogue/booking", "reference", "1", "first",
    ]  # fmt: skip
    assert page.locator("#c-list .why").first.inner_text() == "step 0"
    assert page.locator("#c-said").inner_text().endswith("256 were evaluated.")
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "c-worst"
    page.keyboard.press("Space")
    assert page.eval_on_selector("#c-design", "s => s.selectedOptions[0].text") == "all designs"


def test_one_prompt_can_be_read_across_designs(opened):
    page = opened()
    page.select_option("#c-design", "all")
    page.select_option("#c-prompt", index=1)
    prompts = set(page.locator("#c-list .prompt").all_inner_texts())
    assert prompts == {page.eval_on_selector("#c-prompt", "s => s.selectedOptions[0].text")}


def test_without_a_script_everything_is_there(opened):
    page = opened(java_script_enabled=False)
    assert page.locator("table.designs").count() == 2
    assert page.locator("svg.picture").count() >= 8
    assert [page.locator(n).is_visible() for n in ("#theme", "#browser")] == [False, False]
    assert page.locator("#still").is_visible()
    page.get_by_role("link", name="reference").first.click()
    assert page.url.endswith("#s0-0")
    page.locator("#s0-0 summary").click()
    assert page.locator("#s0-0 .said").first.is_visible()
    assert page.locator("#s0-1 .why").first.inner_text().startswith("paid most for least")


def test_on_paper_everything_is_open_and_nothing_to_press(opened, tmp_path):
    page = opened()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for hidden in (".bar", "#browser", ".skip"):
        assert not page.locator(hidden).is_visible()
    assert page.locator("#still .said").first.is_visible()
    assert page.evaluate("[...document.querySelectorAll('details td, details dd')].every(e => e.checkVisibility({contentVisibilityAuto: true}))")
    pdf = page.pdf(path=tmp_path / "r.pdf", format="A4")
    assert pdf.startswith(b"%PDF")
    assert page.locator("details:not([open])").count() > 0


def test_nothing_hangs_over_the_edge_of_a_phone(opened):
    page = opened(viewport={"width": 390, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_motion_is_left_out_where_it_is_not_wanted(opened):
    moves = "getComputedStyle(document.documentElement).scrollBehavior"
    assert opened(reduced_motion="reduce").evaluate(moves) == "auto"
    assert opened(reduced_motion="no-preference").evaluate(moves) == "smooth"
