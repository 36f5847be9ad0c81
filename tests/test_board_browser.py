"""Does a board's page work where people read it: by mouse, by keyboard, without a script, on paper, on a phone?

Deselected by default; who asks for it needs Chromium and the packages `playwright` and `axe-playwright-python` (for the axe-core that it ships).
"""

import csv
import io
from pathlib import Path

import pytest
from made_board import ARMS, board_json

from rewardbench.pages import board

pytestmark = pytest.mark.browser
HOSTILE = "<script>alert(1)</script>\u202e=1"


@pytest.fixture(scope="module")
def told():
    """A board of three tasks, broken and provisional, a hostile name and an unknown number on it."""
    found = board_json(70, names=[HOSTILE])
    found["provisional"] = ["qa/lookup: 3 of 40 drawn designs"]
    found["tasks"][1]["broken"]["quality"]["conditions"][0]["holds"] = False
    row = found["tasks"][0]["rows"][3]
    row["means"]["efficiency"], row["reasons"]["efficiency"] = None, "the run is not done"
    return found


@pytest.fixture(scope="module")
def file(told, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(board.page(told))
    return path


def names(page, view="t0", body="contest"):
    """The names of a view's rows that are shown, from the top."""
    return page.eval_on_selector_all(f"#{view} tbody.{body} tr[data-n]:not([hidden])", "rows => rows.map(r => r.dataset.n)")


def values(page, head, view="t0"):
    """What a column's contestants sort by, from the top; None where it is not known."""
    return page.evaluate(
        """([view, head]) => { const t = document.querySelector(`#${view} table.board`);
        const at = [...t.tHead.rows[0].cells].find(h => h.textContent.startsWith(head)).cellIndex;
        return [...t.querySelectorAll("tbody.contest tr[data-n]")].map(r => [r.cells[at].dataset.v ?? null, r.cells[at].classList.contains("u")]); }""",
        [view, head],
    )


def press(page, head, view="t0"):
    """A click on a column's heading; returns its `aria-sort`."""
    th = page.locator(f"#{view} table.board thead th").filter(has_text=head).first
    th.get_by_role("button").click()
    return th.get_attribute("aria-sort")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_nothing(opened, axe, scheme, width):
    page = opened("#v=t1&w=10-40-30-20", color_scheme=scheme, viewport={"width": width, "height": 900})
    for box in page.locator("#t1 .pick input").all()[:2]:
        box.check()
    page.locator("#copy-csv").click()
    page.evaluate("document.querySelectorAll('details').forEach((d, n) => { if (!d.matches('.entry') || n < 12) d.open = true })")
    page.evaluate(axe)
    found = page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes.slice(0, 3).map(n => n.html)]))")
    assert found == []


def test_a_column_sorts_both_ways_with_the_unknown_last_and_the_unranked_before_it(opened):
    page = opened("#v=t0")
    for direction in ("descending", "ascending", "descending"):
        assert press(page, "efficiency") == direction
        found = values(page, "E")
        known = [float(v) for v, _ in found if v is not None]
        assert len(known) == len(found) - 1
        assert found[-1][0] is None
        places = [2 if v is None else 1 if unranked else 0 for v, unranked in found]
        assert places == sorted(places)
        ranked = [float(v) for v, unranked in found if v is not None and not unranked]
        assert ranked == sorted(ranked, reverse=direction == "descending")
    assert page.locator("#t0 th[aria-sort]").count() == 1
    assert press(page, "entry") == "ascending"
    page.get_by_role("button", name="Show all").click()
    assert names(page) == page.evaluate("n => n.sort((a, b) => a.localeCompare(b, 'en', {numeric: true}))", names(page))


def test_ranks_are_those_of_the_column_sorted_by(opened, told):
    page = opened("#v=t1")
    rows = {r["entry"]: r["ranks"] for r in told["tasks"][1]["rows"] if r["ranks"]}
    for head, axis in (("stability", "stability"), ("weighted", "overall"), ("quality", "quality")):
        press(page, head, "t1")
        shown = dict(page.eval_on_selector_all("#t1 tbody.contest tr[data-n]", "rows => rows.map(r => [r.dataset.n, r.querySelector('.rank').textContent])"))
        for name, ranks in rows.items():
            low, high = ranks[axis] or (None, None)
            wanted = "–" if low is None else f"{low}{low}–{high}" if high > low else str(low)
            assert shown.get(name, shown.get("<script>alert(1)</script>⟨U+202E⟩=1")) == wanted or name == HOSTILE


def test_text_and_facets_leave_arms_alone(opened, told):
    page = opened("#v=t0")
    page.locator("#q").fill("design-01")
    assert sorted(names(page)) == [f"design-01{n}" for n in range(10)]
    assert set(names(page, body="arms")) == set(ARMS)
    assert page.locator("#said").inner_text() == "10 of 70 entries fit."
    page.locator("#q").fill("")
    page.select_option("select[data-facet=division]", "open")
    assert names(page)
    assert all(n.endswith("7") for n in names(page))
    page.select_option("select[data-facet=division]", "")
    page.select_option("select[data-facet=flag]", "hacked")
    assert set(names(page)) == {r["entry"] for r in told["tasks"][0]["rows"] if "hacked" in r["flags"] and r["ranks"]}
    page.reload()
    assert page.eval_on_selector("select[data-facet=flag]", "s => s.value") == "hacked"
    assert len(names(page)) < 70


def test_weights_order_anew_and_the_address_keeps_them(opened, told):
    page = opened("#v=t1")
    page.locator("#weights summary").click()
    before = names(page, "t1")
    for axis, value in (("quality", 0), ("stability", 100), ("efficiency", 0), ("diversity", 0)):
        page.locator(f"#weights input[data-axis={axis}]").fill(str(value))
    reached = {(r["entry"], x["seed"]): min(1.0, max(0.0, x["quality"])) for r in told["tasks"][1]["rows"] for x in r["runs"]}
    mix = {r["entry"]: sum(x["stability"] * reached[r["entry"], x["seed"]] for x in r["runs"]) / len(r["runs"]) for r in told["tasks"][1]["rows"]}
    after = names(page, "t1")
    assert after != before
    known = [round(mix[n], 4) for n in after if n in mix]
    assert known == pytest.approx(sorted(known, reverse=True), abs=2e-4)
    assert "w=0-100-0-0" in page.url
    assert page.locator("#t1 th.rank").inner_text().split()[-1] != "Q"
    page.reload()
    assert names(page, "t1") == after
    assert page.locator("#weights").get_attribute("open") is not None
    page.get_by_role("button", name="The board's weights").click()
    assert names(page, "t1") == before
    assert "w=" not in page.url
    assert page.locator("#t1 th.mix").count() == 0


def test_the_boards_own_weights_make_the_column_overall(opened):
    page = opened("#v=t2&w=80-40-40-40")
    pairs = page.evaluate(
        """() => { const t = document.querySelector("#t2 table.board"); const h = [...t.tHead.rows[0].cells];
        const [a, b] = [h.findIndex(c => c.dataset.axis === "overall"), h.findIndex(c => c.classList.contains("mix"))];
        return [...t.querySelectorAll("tr[data-n]")].map(r => [Number(r.cells[a].dataset.v), Number(r.cells[b].dataset.v)]); }"""
    )
    assert len(pairs) == 70 + len(ARMS)
    for overall, mix in pairs:
        assert mix == pytest.approx(overall, abs=2e-4)


def test_two_ticked_rows_stand_side_by_side(opened, told):
    page = opened("#v=t1")
    rows = {r["entry"]: r for r in told["tasks"][1]["rows"]}
    first, second = [n for n in names(page, "t1") if n in rows and n != "reference"][:2]
    for name in (first, "reference"):
        page.get_by_role("checkbox", name=f"Compare {name}").locator("visible=true").check()
    panel = page.locator("#compare")
    assert panel.is_visible()
    gap = rows[first]["means"]["quality"]["mean"] - rows["reference"]["means"]["quality"]["mean"]
    shown = panel.locator("tbody tr").first.locator("td").last.inner_text()
    assert float(shown.replace("−", "-")) == pytest.approx(gap, abs=2e-3)
    assert f"{first} is {rows[first]['verdicts']['quality']['verdict']} on Q" in panel.inner_text()
    uses = [{p["use"] for p in rows[n]["spec"]["parts"]} for n in (first, "reference")]
    for use in uses[0] - uses[1]:
        assert use in panel.locator(f"h3:has-text('Only in {first}') + ul").inner_text()
    page.get_by_role("checkbox", name=f"Compare {second}").locator("visible=true").check()
    assert page.locator("#t1 .pick input:checked").count() == 2
    assert "No verdict" not in panel.inner_text()
    page.get_by_role("checkbox", name="Compare reference").locator("visible=true").uncheck()
    assert not panel.is_visible()


def test_rows_can_be_taken_along(opened):
    page = opened("#v=t0")
    page.locator("#copy-csv").click()
    header, *rows = csv.reader(io.StringIO(page.input_value("#copy-text")))
    assert header[:5] == ["rank", "entry", "Q", "seeds’ Q", "verdict"]
    assert header[-4:] == ["marks", "kind", "division", "evidence"]
    assert {r[-1] for r in rows} == {"reported"}
    assert {r[-3] for r in rows} == {"arm", "drawn", "hand-made", "submitted"}
    assert len(rows) == 70 + len(ARMS)
    assert {len(r) for r in rows} == {len(header)}
    assert not [c for r in rows for c in r if c.startswith(("=", "+", "@"))]
    page.locator("#copy-md").click()
    lines = page.input_value("#copy-text").splitlines()
    assert len(lines) == 2 + 70 + len(ARMS)
    assert not [line for line in lines if "<script>" in line]
    page.locator("#copy-cmd").click()
    assert page.input_value("#copy-text") == "rbench board build leaderboards/made-up"
    page.get_by_role("checkbox", name="Compare reference").locator("visible=true").check()
    page.locator("#copy-cmd").click()
    assert page.input_value("#copy-text") == "rbench reproduce leaderboards/made-up/reference"
    page.locator("#copy-bib").click()
    assert page.input_value("#copy-text").startswith("@misc{")


def test_an_entry_is_one_click_from_its_section_and_a_link_to_it_opens_it(opened, told):
    page = opened("#v=t0")
    page.locator("#t0").get_by_role("link", name="reference").click()
    key = f"e{[e['entry'] for e in told['entries']].index('reference')}"
    assert page.evaluate("document.activeElement.id") == key
    assert page.locator(f"#{key} .drawn").first.is_visible()
    again = opened(f"#{key}")
    assert again.locator(f"#{key} .drawn").first.is_visible()


def test_it_works_by_keyboard_alone(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("(e => e.id || e.textContent.trim() || e.className)(document.activeElement)"))
        if seen[-1].startswith("Q"):
            break
    assert [n for n in ("All tasks", "qa/lookup", "q", "copy-csv") if n not in seen] == []
    page.keyboard.press("Enter")
    assert page.locator("#all th[aria-sort=ascending]").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"


def test_the_reason_of_a_dash_is_seen_on_focus(opened):
    page = opened("#v=t0")
    page.get_by_role("button", name="Show all").click()
    dash = page.locator("#t0 .no", has_text="the run is not done")
    opacity = "e => getComputedStyle(e.querySelector('.tip')).opacity"
    assert dash.evaluate(opacity) == "0"
    dash.focus()
    assert dash.evaluate(opacity) == "1"


def test_long_tables_are_cut_until_asked_for(opened):
    page = opened("#v=t0")
    assert len(names(page)) == 50
    page.get_by_role("button", name="Show all 70").click()
    assert len(names(page)) == 70
    assert page.evaluate("document.activeElement.tagName") == "A"


def test_without_a_script_everything_is_there(opened):
    page = opened(java_script_enabled=False)
    assert page.locator("section.view:visible").count() == 4
    assert page.locator("#t0 tr[data-n]:visible").count() == 70 + len(ARMS)
    assert [page.locator(n).is_visible() for n in ("#theme", "#chooser", "#controls", "#weights", "#compare")] == [False] * 5
    assert page.get_by_text("PROVISIONAL").is_visible()
    page.locator(".entry summary").first.click()
    assert page.locator(".entry pre").first.is_visible()


def test_on_paper_all_tables_are_there_and_nothing_to_press(opened, tmp_path):
    page = opened("#v=t1")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for hidden in (".bar", "#controls", "#chooser", "#weights", "#t1 .pick"):
        assert not page.locator(hidden).first.is_visible()
    assert page.locator("section.view:visible").count() == 4
    assert page.locator("#t1 tr[data-n]:visible").count() == 70 + len(ARMS)
    assert page.pdf(path=tmp_path / "b.pdf", format="A4").startswith(b"%PDF")


CPU = Path(__file__).parents[1] / "leaderboards" / "cpu" / "index.html"
PAGE_WIDTH = "[document.documentElement.scrollWidth, innerWidth]"


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("shipped", [False, True])
def test_no_table_makes_the_page_scroll_sideways(browser, file, width, shipped):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto((CPU if shipped else file).as_uri())
    for view in page.locator("#chooser button").all():
        view.click()
        there, room = page.evaluate(PAGE_WIDTH)
        assert there <= room
        box = page.locator("section.view:visible > .scroll")
        wide, seen = box.evaluate("b => [b.scrollWidth, b.clientWidth]")
        assert page.locator(".sideways:visible").count() == (wide > seen + 1)
        assert not shipped or width < 1280 or wide <= seen
        if wide > seen:
            reached = box.evaluate("b => { b.scrollLeft = 1e6; return b.scrollLeft + b.clientWidth >= b.scrollWidth - 1 }")
            assert reached
            name = box.locator("tbody tr[data-n] th").first
            assert name.bounding_box()["x"] == pytest.approx(box.bounding_box()["x"], abs=1)
            assert name.bounding_box()["width"] < 0.5 * width
    page.close()


def test_headings_are_buttons_that_say_how_they_sort(opened):
    page = opened("#v=t1")
    heads = page.locator("#t1 table.board thead th")
    assert heads.count() == page.locator("#t1 table.board thead th > button[type=button]").count() > 8
    assert page.locator("#t1 th[aria-sort]").inner_text().split()[0] == "Q"
    page.locator("#t1 th[aria-sort] button").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentNode.getAttribute('aria-sort')") == "descending"
    assert page.locator("#said").inner_text().startswith("Sorted by seeds’ Q")
    found = page.eval_on_selector_all("#t1 tbody.contest tr", "rows => rows.map(r => r.cells[4].textContent)")
    worst = [float(t.split(" to ")[0].replace("−", "-")) for t in found]
    assert worst == sorted(worst, reverse=True)


def test_a_picture_is_told_in_words_and_a_flag_on_its_title(opened):
    page = opened("#v=t1")
    for picture in page.locator("svg.picture").all():
        named = picture.evaluate("s => s.getAttribute('aria-labelledby').split(' ').map(i => document.getElementById(i).textContent)")
        assert "Quality beside what it cost" in named[0]
        assert "front in Q and E: " in named[1]
    for flag in ("hacked", "harmful"):
        assert len(page.locator("#t1 .flag", has_text=flag).first.get_attribute("title")) > 20


def test_the_words_are_open_where_there_is_room(opened):
    assert opened().locator("#key dl").is_visible()
    assert not opened(viewport={"width": 400, "height": 800}).locator("#key dl").is_visible()


def test_nothing_hangs_over_the_edge_of_a_phone(opened):
    page = opened("#w=10-40-30-20", viewport={"width": 400, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == 400


def test_a_spoilt_address_is_no_trouble(opened):
    page = opened("#v=nowhere&w=1-2-x&q=%E0%A4%A&kind=%3Cscript%3E")
    assert page.locator("section.view:visible").count() == 1
    assert page.locator("#weights").get_attribute("open") is None
