// The browser of completions: which task, design, seed, evaluation and prompt, in which order.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const by = (id) => document.getElementById(id);
  const [task, design, seed, look, prompt, order] =
    ["c-task", "c-design", "c-seed", "c-look", "c-prompt", "c-sort"].map(by);
  const PAGE = 8;
  const ALL = "all";
  let shown = PAGE;

  const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const fill = (select, options) => {
    const before = select.value;
    select.replaceChildren(...options.map(([value, text]) => new Option(cut(text, 60), value)));
    if (options.some(([value]) => String(value) === before)) select.value = before;
  };
  const node = (name, kind, ...inside) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    made.append(...inside);
    return made;
  };
  const fixed = (v) => (v === null ? "–" : v.toFixed(2).replace(/^-(0\.00)$/, "$1").replace("-", "−"));
  const raw = (v) => (v === null ? "–" : String(Number(v.toPrecision(3))).replace("-", "−"));
  const signed = (v) => (v !== null && Number(v.toFixed(2)) > 0 ? `+${fixed(v)}` : fixed(v));

  const designs = () => data.tasks[task.value].designs;
  const chosen = () => (design.value === ALL ? designs() : [designs()[design.value]]);
  const lookOf = (run) => (look.value === "first" ? run.looks[0] : run.looks[run.looks.length - 1]);
  const everyRun = () => chosen().flatMap((d) => d.runs
    .filter((run) => (seed.value === ALL || String(run.seed) === seed.value) && run.looks.length)
    .map((run) => ({ d, run, look: lookOf(run) })));
  const everyRow = () => everyRun().flatMap(({ d, run, look: own }) => own.rows.map(
    ([p, x, gold, reward, gap, kind, parts], place) => ({ d, run, own, place, p, x, gold, reward, gap, kind, parts })));

  // Equals by their place in their own run, so that many equal ones of one run do not hide the others'.
  const ordered = (rows) => {
    const up = order.value.endsWith("-");
    const key = order.value.replace("-", "");
    const last = (v) => (v === null ? 1 : 0);
    return rows.map((row, n) => ({ row, n })).sort((a, b) => last(a.row[key]) - last(b.row[key])
      || (up ? 1 : -1) * ((a.row[key] ?? 0) - (b.row[key] ?? 0)) 
      || a.row.place - b.row.place || a.n - b.n).map((one) => one.row);
  };

  const words = (text) => {
    if (typeof text === "string") return node("blockquote", "said", text || "(nothing)");
    return node("blockquote", "said", ...(text.length ? text.map(
      ([role, said]) => node("span", "turn", node("b", "", role), " ", said)) : ["(nothing)"]));
  };
  const score = (name, value, kind) => node("div", kind, node("dt", "", cut(name, 24)), node("dd", "", value));
  const card = (row) => {
    const where = [`step ${row.own.step}`];
    if (seed.value === ALL) where.unshift(`seed ${row.run.seed}`);
    if (design.value === ALL) where.unshift(cut(row.d.name, 40));
    const scores = node("dl", "scores", score("reward", raw(row.reward), "main"), score("gold", fixed(row.gold), "main"),
      score("gap", signed(row.gap), row.gap > 0.5 ? "main hot" : "main"),
      ...row.parts.map((v, n) => score(row.run.parts[n] ?? "part", raw(v), "part")), score("kind", row.kind, "kindof"));
    return node("li", "", node("p", "why", where.join(", ")), node("p", "prompt", data.texts[row.p]),
      words(data.texts[row.x]), scores);
  };

  const show = () => {
    const runs = everyRun();
    const rows = ordered(everyRow().filter((row) => prompt.value === ALL || String(row.p) === prompt.value));
    const total = runs.reduce((sum, one) => sum + one.look.total, 0);
    by("c-list").replaceChildren(...rows.slice(0, shown).map(card));
    by("c-said").textContent = rows.length
      ? `${Math.min(shown, rows.length)} of the ${rows.length} completions kept here; ${total} were evaluated.`
      : "No completion was recorded for this choice.";
    by("c-more").hidden = rows.length <= shown;
  };
  const refill = () => {
    fill(design, [[ALL, "all designs"], ...designs().map((d, n) => [n, d.name])]);
    const seeds = [...new Set(chosen().flatMap((d) => d.runs.map((run) => run.seed)))];
    fill(seed, [[ALL, "all seeds"], ...seeds.map((s) => [s, String(s)])]);
    const prompts = [...new Set(everyRow().map((row) => row.p))];
    fill(prompt, [[ALL, "all prompts"], ...prompts.map((p) => [p, data.texts[p]])]);
    shown = PAGE;
    show();
  };
  const open = (choice) => {
    task.value = choice.t;
    refill();
    design.value = choice.d;
    seed.value = ALL;
    prompt.value = ALL;
    look.value = "last";
    order.value = choice.order;
    refill();
  };

  fill(task, data.tasks.map((t, n) => [n, t.name]));
  for (const select of [task, design, seed, look, prompt]) select.addEventListener("change", refill);
  order.addEventListener("change", show);
  by("c-worst").addEventListener("click", () => open({ t: task.value, d: ALL, order: "gap" }));
  by("c-more").addEventListener("click", () => {
    const next = shown;
    shown += PAGE;
    show();
    const first = by("c-list").children[next];
    if (first) { first.tabIndex = -1; first.focus({ preventScroll: true }); }
  });
  for (const link of document.querySelectorAll("a[data-d]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      open({ t: link.dataset.t, d: link.dataset.d, order: "flag" in link.dataset ? "gap" : "gold-" });
      by("samples").scrollIntoView();
      design.focus({ preventScroll: true });
    });
  }
  by("browser").hidden = false;
  by("still").hidden = true;
  refill();
})();
