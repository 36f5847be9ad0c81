// A board: which table, in which order, by whose weights, which rows; two of them side by side; all of it to take along.
(() => {
  "use strict";
  const by = (id) => document.getElementById(id);
  const root = document.documentElement;
  const main = by("main");
  const AXES = ["quality", "stability", "efficiency", "diversity"];
  const RANKED = [...AXES, "overall"];
  const own = main.dataset.weights.split(",").map(Number);
  const sliders = [...document.querySelectorAll("#weights input")];
  const views = [...document.querySelectorAll("section.view")];
  const facets = [...document.querySelectorAll("select.facet")];
  const MOST = 50;
  const MIX = "your mix";
  let view = views.find((v) => v.id === "t0") ?? views[0];
  let whole = false;
  let picked = [];
  if (!view) return;
  root.classList.add("js");

  const section = (row) => by(row.querySelector("th a").hash.slice(1));
  const table = () => view.querySelector("table.board");
  const rows = (kind = "contest", of = view) => [...of.querySelectorAll(`tbody.${kind} tr[data-n]`)];
  const make = (name, kind, ...inside) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    made.append(...inside);
    return made;
  };
  const fixed = (v, places = 2) => v.toFixed(places).replace(/^-(0\.0*)$/, "$1").replace("-", "−");
  const signed = (v, places = 2) => (Number(v.toFixed(places)) > 0 ? `+${fixed(v, places)}` : fixed(v, places));
  const say = (text) => { by("said").textContent = text; };

  // --- order ----------------------------------------------------------------------------------------

  // A number that is shown whole is not written twice.
  const numberOf = (cell) => {
    const text = cell.firstChild?.textContent ?? "";
    const worst = /^(−?[\d.]+) to /.exec(text);
    return cell.dataset.v ?? (worst ? worst[1].replace("−", "-") : /^[\d\s]+$/.test(text) ? text.replace(/\s/g, "") : "");
  };
  const nameOf = (row, cell) => (cell.tagName === "TH" ? row.dataset.n : cell.firstChild?.textContent.trim() ?? "");
  const keyOf = (row, head) => {
    const cell = row.cells[head.cellIndex];
    const number = head.dataset.sort === "number";
    const flags = head.classList.contains("fl");
    const text = flags ? String(cell.children.length) : number ? numberOf(cell) : nameOf(row, cell);
    const known = text !== "" && !(number && Number.isNaN(Number(text)));
    return { place: known ? (cell.classList.contains("u") ? 1 : 0) : 2, value: number ? Number(text) : text };
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  // Equals stand in the order that the page was written in.
  const place = new Map([...document.querySelectorAll("tr[data-n]")].map((row, n) => [row, n]));
  const ordered = (list, head, up) => list.map((row) => ({ row, n: place.get(row), key: keyOf(row, head) })).sort((a, b) =>
    a.key.place - b.key.place || (a.key.place < 2 ? (up ? 1 : -1) * compare(a.key.value, b.key.value) : 0) || a.n - b.n)
    .map((one) => one.row);

  const setRank = (row, best, worst) => {
    const cell = row.querySelector(".rank");
    cell.replaceChildren(...(best ? [make("b", "", best)] : row.classList.contains("arm") ? [] : ["–"]),
      ...(best && worst && worst !== best ? [make("i", "", `${best}–${worst}`)] : []));
  };
  const ranksOn = (of, axis) => {
    for (const row of rows("contest", of)) {
      const [best, worst] = (row.dataset.r.split(",")[RANKED.indexOf(axis)] || "").split("-");
      setRank(row, best, worst);
    }
    of.querySelector("th.rank small").textContent = `on ${axis === "overall" ? "overall" : axis[0].toUpperCase()}`;
  };
  const sort = (of, head, up) => {
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    if (head.dataset.axis) ranksOn(of, head.dataset.axis);
    if (head.classList.contains("mix")) placesOf(of);
    for (const kind of ["contest", "arms"]) {
      of.querySelector(`tbody.${kind}`).append(...ordered(rows(kind, of), head, up));
    }
    show();
  };
  const pressed = (of, head) => {
    const was = head.getAttribute("aria-sort");
    const rank = head.classList.contains("rank");
    sort(of, head, was ? was === "descending" : rank || head.dataset.sort !== "number");
    say(`Sorted by ${head.textContent.trim().replace(/\s+/g, " ")}, ${head.getAttribute("aria-sort")}.`);
  };
  for (const of of views) {
    of.querySelector("table.board thead tr").prepend(make("td", "pick"));
    for (const wide of of.querySelectorAll("tbody [colspan]")) wide.colSpan += 1;
    for (const row of of.querySelectorAll("table.board tbody tr[data-n]")) {
      const box = make("input", "");
      box.type = "checkbox";
      box.setAttribute("aria-label", `Compare ${row.dataset.n}`);
      row.prepend(make("td", "pick", box));
    }
    for (const head of of.querySelectorAll("table.board thead th")) {
      const button = make("button", "", ...head.childNodes);
      button.type = "button";
      button.addEventListener("click", () => pressed(of, head));
      head.append(button);
    }
  }

  // --- weights --------------------------------------------------------------------------------------

  const weights = () => sliders.map((s) => Number(s.value));
  const shares = () => { const w = weights(); const sum = w.reduce((a, b) => a + b, 0); return w.map((v) => (sum ? v / sum : 0)); };
  const ownWeights = () => own.map((w) => Math.round(100 * w));
  const changed = () => weights().some((w, n) => w !== ownWeights()[n]);
  const tasks = new Map();
  for (const row of document.querySelectorAll("tr[data-u]")) tasks.set(row.dataset.n, [...(tasks.get(row.dataset.n) ?? []), row.dataset.u]);
  const unitsOf = (row) => ("u" in row.dataset ? [row.dataset.u] : tasks.get(row.dataset.n) ?? []);
  const mixOf = (row) => {
    const units = unitsOf(row);
    if (!units.every(Boolean) || !units.length) return null;
    const w = shares();
    const each = units.map((task) => {
      let sum = 0;
      let of = 0;
      task.split(" ").forEach((u, n) => { if (u !== "-") { sum += w[n] * Number(u); of += w[n]; } });
      return of ? sum / of : null;
    });
    return each.includes(null) ? null : each.reduce((a, b) => a + b, 0) / each.length;
  };
  const placesOf = (of) => {
    const known = rows("contest", of).map((row) => ({ row, mix: mixOf(row) }));
    for (const { row, mix } of known) {
      setRank(row, mix === null ? "" : String(1 + known.filter((k) => k.mix !== null && k.mix > mix + 1e-9).length), "");
    }
    of.querySelector("th.rank small").textContent = `in ${MIX}`;
  };
  const mixColumn = (of) => {
    const found = of.querySelector("th.mix");
    if (found) return found;
    const after = of.querySelector("thead th[data-axis=overall]");
    const place = after.cellIndex;
    const head = make("th", "mix", make("button", "", MIX));
    head.scope = "col";
    head.dataset.sort = "number";
    head.firstChild.type = "button";
    head.firstChild.addEventListener("click", () => pressed(of, head));
    after.after(head);
    for (const row of of.querySelectorAll("tbody tr[data-n]")) row.cells[place].after(make("td", "mix"));
    for (const wide of of.querySelectorAll("tbody [colspan]")) wide.colSpan += 1;
    return head;
  };
  const unmix = (of) => {
    if (!of.querySelector("th.mix")) return;
    for (const cell of of.querySelectorAll(".mix")) cell.remove();
    for (const wide of of.querySelectorAll("tbody [colspan]")) wide.colSpan -= 1;
    sort(of, of.querySelector("th[data-axis=quality]"), false);
  };
  const reweigh = () => {
    sliders.forEach((s, n) => { s.nextElementSibling.textContent = `${Math.round(100 * shares()[n])}%`; });
    by("w-said").textContent = changed() ? `in use: ${AXES.map((a, n) => `${a[0].toUpperCase()} ${Math.round(100 * shares()[n])}%`).join(", ")}` : "";
    for (const of of views) {
      if (!changed() || !weights().some(Boolean)) { unmix(of); continue; }
      const head = mixColumn(of);
      for (const row of [...rows("contest", of), ...rows("arms", of)]) {
        const mix = mixOf(row);
        const cell = row.querySelector("td.mix");
        cell.textContent = mix === null ? "–" : fixed(mix);
        if (mix === null) delete cell.dataset.v; else cell.dataset.v = mix.toFixed(6);
      }
      sort(of, head, false);
    }
    keep();
  };
  const setWeights = (values) => { sliders.forEach((s, n) => { s.value = values[n]; }); reweigh(); };
  for (const slider of sliders) slider.addEventListener("input", reweigh);
  by("w-reset").addEventListener("click", () => setWeights(ownWeights()));

  // --- which rows -----------------------------------------------------------------------------------

  const evidence = (row, n) => row.querySelector(".ev").childNodes[n].textContent.trim();
  const kinds = (row) => row.querySelector("th i").textContent.split(", ");
  const flagsOf = (row) => [...row.querySelectorAll(".flag")].map((f) => f.textContent.replace(/ \d+\/\d+$/, ""));
  const words = (row) => row.dataset.hay ??= [row.dataset.n, ...kinds(row), evidence(row, 0), evidence(row, 1), ...flagsOf(row),
    section(row).querySelector("p")?.textContent ?? ""].join(" ").toLowerCase();
  const FACETS = {
    kind: kinds, division: (row) => [evidence(row, 1)], evidence: (row) => [evidence(row, 0)], flag: flagsOf,
  };
  const fits = (row) => facets.every((f) => !f.value || FACETS[f.dataset.facet](row).includes(f.value)) && by("q").value.toLowerCase().split(/\s+/).every((w) => words(row).includes(w));
  const show = () => {
    const all = rows();
    const there = all.filter(fits);
    const few = new Set(whole ? there : there.slice(0, MOST));
    for (const row of all) row.hidden = !few.has(row);
    const more = view.querySelector(".more");
    more.hidden = few.size === there.length;
    more.firstElementChild.textContent = `Show all ${there.length}`;
    hint();
    return [there.length, all.length];
  };
  const hint = () => {
    const box = table().parentNode;
    view.querySelector(".sideways").hidden = box.scrollWidth <= box.clientWidth + 1;
  };
  addEventListener("resize", hint);
  const filtered = () => {
    whole = false;
    const [shown, all] = show();
    say(shown === all ? "" : `${shown} of ${all} entries fit.`);
    keep();
  };
  by("q").addEventListener("input", filtered);
  for (const f of facets) f.addEventListener("change", filtered);
  for (const button of document.querySelectorAll(".more button")) {
    button.addEventListener("click", () => {
      const next = rows().findIndex((row) => row.hidden && fits(row));
      whole = true;
      show();
      rows()[next]?.querySelector("th a").focus({ preventScroll: true });
    });
  }

  // --- which table, and the address -----------------------------------------------------------------

  const choose = (id) => {
    view = views.find((v) => v.id === id) ?? view;
    for (const v of views) v.hidden = v !== view;
    for (const b of by("chooser").children) b.setAttribute("aria-pressed", String(b.dataset.v === view.id));
    picked = [];
    for (const box of document.querySelectorAll(".pick input:checked")) { box.checked = false; box.closest("tr").classList.remove("on"); }
    by("compare").hidden = true;
    show();
  };
  for (const v of views) {
    const button = make("button", "", v.querySelector("h2").textContent);
    button.type = "button";
    button.dataset.v = v.id;
    button.addEventListener("click", () => { choose(v.id); keep(); });
    by("chooser").append(button);
  }
  const START = by("tables").dataset.first;
  let ready = false;
  const keep = () => {
    if (!ready) return;
    const said = new URLSearchParams();
    if (view.id !== START) said.set("v", view.id);
    if (changed()) said.set("w", weights().join("-"));
    if (by("q").value) said.set("q", by("q").value);
    for (const f of facets) if (f.value) said.set(f.dataset.facet, f.value);
    history.replaceState(null, "", `#${said}`);
  };
  const read = () => {
    const hash = location.hash.slice(1);
    if (hash && !hash.includes("=")) { open(hash); if (ready) return; }
    const said = new URLSearchParams(hash.includes("=") ? hash : "");
    by("q").value = said.get("q") ?? "";
    for (const f of facets) f.value = [...f.options].some((o) => o.value === said.get(f.dataset.facet)) ? said.get(f.dataset.facet) : "";
    choose(views.some((v) => v.id === said.get("v")) ? said.get("v") : START);
    const w = (said.get("w") ?? "").split("-").map(Number);
    const fine = w.length === sliders.length && w.every((v) => Number.isFinite(v) && v >= 0 && v <= 100) && w.some(Boolean);
    setWeights(fine ? w : ownWeights());
    if (fine && changed()) by("weights").open = true;
  };
  const open = (id) => {
    const target = by(id);
    const fold = target?.closest("details.entry");
    if (fold) { fold.open = true; target.scrollIntoView(); target.focus({ preventScroll: true }); }
    if (target?.matches("section.view")) choose(id);
  };
  for (const link of document.querySelectorAll("table.board th a")) {
    link.addEventListener("click", (event) => { event.preventDefault(); open(link.hash.slice(1)); });
  }
  addEventListener("hashchange", read);

  // --- two side by side -----------------------------------------------------------------------------

  const taskOf = (list) => list.previousElementSibling.firstChild.textContent.trim();
  const parts = (row) => {
    const lists = [...section(row).querySelectorAll("ul.parts")];
    const mine = view.id === "all" ? lists : lists.filter((l) => taskOf(l) === view.querySelector("h2").textContent);
    return mine.flatMap((l) => [...l.children].map((li) => (lists.length > 1 && mine.length > 1 ? `${taskOf(l)}: ` : "") + li.firstChild.textContent.trim()));
  };
  const between = (cell) => cell.querySelector("i")?.textContent ?? "";
  const valueOf = (cell) => ("v" in cell.dataset ? Number(cell.dataset.v) : null);
  const axisRow = (head, a, b) => {
    const [x, y] = [a, b].map((row) => row.cells[head.cellIndex]);
    const [v, w] = [valueOf(x), valueOf(y)];
    const name = head.querySelector("button").firstChild.textContent;
    return make("tr", "", make("th", "", name), ...[x, y].map((c) => make("td", "n", c.firstChild.textContent === "–" || !("v" in c.dataset) ? "–" : fixed(Number(c.dataset.v)), " ", make("i", "", between(c)))),
      make("td", "n", v === null || w === null ? "–" : signed(v - w, 3)));
  };
  const judged = (a, b) => {
    const base = main.dataset.baseline;
    const [one, turned] = b.dataset.n === base ? [a, false] : a.dataset.n === base ? [b, true] : [null, false];
    const head = [...table().tHead.rows[0].cells].find((h) => h.textContent.startsWith("verdict"));
    if (!one || !head) return null;
    const cell = one.cells[head.cellIndex];
    const word = cell.querySelector("b")?.textContent;
    return word ? `Paired by seed and adjusted, ${one.dataset.n} is ${word} on Q against the baseline${turned ? ` ${base}` : ""}: ${between(cell)}.` : null;
  };
  const rankText = (row) => row.dataset.r.split(",").map((r, n) => (r ? `${RANKED[n]} ${r.replace("-", "–")}` : "")).filter(Boolean).join(", ") || "never ranked";
  const sideBySide = () => {
    const [a, b] = picked;
    const heads = [...table().tHead.rows[0].cells].filter((h) => h.dataset.axis || /^(pass@k|D)/.test(h.textContent));
    const grid = make("table", "", make("thead", "", make("tr", "", make("th", "", "axis"), make("th", "n", a.dataset.n), make("th", "n", b.dataset.n), make("th", "n", "difference"))),
      make("tbody", "", ...heads.map((h) => axisRow(h, a, b))));
    const [mine, theirs] = [a, b].map(parts);
    const list = (name, items) => (items.length ? [make("h3", "", name), make("ul", "parts", ...items.map((p) => make("li", "", p)))] : []);
    const scroll = make("div", "scroll", grid);
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", "Two entries");
    const told = judged(a, b) ?? "No verdict is given between these two: each is judged against the baseline. A difference of means has no interval here; overlapping intervals do not make two entries equal.";
    by("compare").lastElementChild.replaceChildren(scroll, make("p", "note", told),
      make("p", "note", `Ranks. ${a.dataset.n}: ${rankText(a)}. ${b.dataset.n}: ${rankText(b)}.`),
      ...list(`Only in ${a.dataset.n}`, mine.filter((p) => !theirs.includes(p))), ...list(`Only in ${b.dataset.n}`, theirs.filter((p) => !mine.includes(p))),
      ...list("In both", mine.filter((p) => theirs.includes(p))));
  };
  document.addEventListener("change", (event) => {
    const box = event.target;
    if (!box.matches?.(".pick input")) return;
    const row = box.closest("tr");
    picked = picked.filter((r) => r !== row);
    if (box.checked) picked.push(row);
    while (picked.length > 2) { const gone = picked.shift(); gone.querySelector("input").checked = false; gone.classList.remove("on"); }
    for (const r of [...rows(), ...rows("arms")]) r.classList.toggle("on", picked.includes(r));
    by("compare").hidden = picked.length < 2;
    if (picked.length === 2) { sideBySide(); say(`${picked[0].dataset.n} beside ${picked[1].dataset.n}.`); }
    else say(picked.length ? `${picked[0].dataset.n} ticked; tick another to compare.` : "");
  });

  // --- to take along --------------------------------------------------------------------------------

  const SPACE = /\s+/g;
  const shown = () => [...rows().filter(fits), ...rows("arms")];
  const heads = () => [...table().tHead.rows[0].cells].filter((h) => h.tagName === "TH" && !h.classList.contains("ev"));
  const marks = (row) => [...row.querySelectorAll("th .flag")].map((f) => f.textContent).join(", ");
  const ABOUT = { marks, kind: (row) => kinds(row)[0], division: (row) => evidence(row, 1), evidence: (row) => evidence(row, 0) };
  const headText = (h) => (h.classList.contains("rank") ? "rank" : h.querySelector("button").firstChild.textContent.trim());
  const cellText = (row, head) => {
    const cell = row.cells[head.cellIndex].cloneNode(true);
    for (const tip of cell.querySelectorAll(".tip")) tip.remove();
    if (cell.tagName === "TH") return row.dataset.n;
    return [...cell.childNodes].map((n) => n.textContent).join(" ").replace(SPACE, " ").trim();
  };
  const WORDS = /^(verdict|seeds)/;
  const csvCell = (text) => {
    const safe = /^\s*[=+\-@|%]/.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const asCsv = () => {
    const value = (row, h) => {
      const cell = row.cells[h.cellIndex];
      if (h.dataset.sort === "number" && !WORDS.test(headText(h)) && !cell.classList.contains("fl")) return numberOf(cell);
      return csvCell(cellText(row, h));
    };
    return [[...heads().map(headText), ...Object.keys(ABOUT)].map(csvCell), ...shown().map((row) => [...heads().map((h) => value(row, h)), ...Object.values(ABOUT).map((of) => csvCell(of(row)))])]
      .map((line) => line.join(",")).join("\n");
  };
  const mdCell = (text) => text.replace(/[\\|`*_<>[\]]/g, "\\$&");
  const asMarkdown = () => {
    const head = [...heads().map(headText), ...Object.keys(ABOUT)];
    const lines = shown().map((row) => [...heads().map((h) => cellText(row, h)), ...Object.values(ABOUT).map((of) => of(row))].map(mdCell));
    return [head, head.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n");
  };
  const asBib = () => [...new Set((picked.length ? picked : [null]).map((row) => (row && section(row).querySelector(".bib") ? section(row).querySelector(".bib") : by("board-bib")).textContent))].join("\n\n");
  const asCommand = () => (picked.length ? picked.map((row) => section(row).querySelector("pre").textContent).join("\n") : by("rebuild").textContent);
  const copy = (what, text) => {
    const area = by("copy-text");
    area.value = text;
    by("copied").hidden = false;
    area.focus({ preventScroll: true });
    area.select();
    let done = false;
    try { done = document.execCommand("copy"); } catch { done = false; }
    say(done ? `${what} copied.` : `${what} is selected below: copy it from there.`);
  };
  by("copy-csv").addEventListener("click", () => copy(`${shown().length} rows as CSV`, asCsv()));
  by("copy-md").addEventListener("click", () => copy(`${shown().length} rows as Markdown`, asMarkdown()));
  by("copy-bib").addEventListener("click", () => copy(picked.length ? "BibTeX of the ticked entries" : "BibTeX of the board", asBib()));
  by("copy-cmd").addEventListener("click", () => copy(picked.length ? "Commands of the ticked entries" : "The board's command", asCommand()));

  by("chooser").hidden = views.length < 2;
  by("controls").hidden = false;
  by("weights").hidden = false;
  for (const line of document.querySelectorAll(".hint")) line.hidden = false;
  by("key").open = innerWidth > 640;
  const means = new Map([...document.querySelectorAll("#read .words > div")].map((d) => [d.firstChild.textContent.trim(), d.lastChild.textContent.trim()]));
  for (const flag of document.querySelectorAll(".board .flag")) flag.title = means.get(flag.textContent.replace(/ \d+\/\d+$/, "")) ?? "";
  read();
  ready = true;
})();
