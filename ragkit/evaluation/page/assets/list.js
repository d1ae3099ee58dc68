// The list of questions: found by words, filtered by what became of them, sorted.

const PAGE = 100;
let pages = 1;
let listed = [];
let listKey = "";

function wantedRows() {
  const { dataset, result, measure } = chosen();
  const all = rowsOf(dataset, result, measure);
  const filter = (Object.hasOwn(FILTERS, state.f) ? FILTERS[state.f] : FILTERS.all)[1];
  const words = (state.t || "").toLowerCase().split(/\s+/).filter(Boolean);
  const rows = all.filter((row) => filter(row)
    && (!state.k || (row.outcome && row.outcome.blame === state.k))
    && words.every((word) => searchable(dataset, row.place).includes(word)));
  const rank = (Object.hasOwn(SORTS, state.s) ? SORTS[state.s] : SORTS.order)[1];
  const ranks = new Map(rows.map((row) => [row, rank(row)]));
  rows.sort((a, b) => (ranks.get(a) === ranks.get(b) ? a.place - b.place : ranks.get(a) - ranks.get(b)));
  return { dataset, result, measure, all, rows };
}

function listView() {
  const { dataset, result, measure, all, rows } = wantedRows();
  listed = rows;
  const key = hashOf({ ...state, q: null });
  if (key !== listKey) pages = 1;
  listKey = key;
  const shown = rows.slice(0, PAGE * pages);
  const more = rows.length - shown.length;
  return [
    toolbar(dataset, result, measure, all),
    h("p", { class: "note", role: "status" }, `${counted(rows.length, "question")}${rows.length === all.length ? "" : ` of ${all.length.toLocaleString("en-US")}`}`),
    rows.length ? h("ol", { class: "rows" }, shown.map((row) => item(row, dataset, measure)))
      : h("p", { class: "empty" }, "No question is like that. ",
        h("a", { href: linkTo({ f: null, k: null, t: null }) }, "Show all")),
    more > 0 && h("button", { type: "button", class: "more", "data-key": "more", onclick: () => { pages += 1; render(); } },
      `Show ${counted(Math.min(more, PAGE), "more question", "more questions")}`),
  ];
}

function toolbar(dataset, result, measure, all) {
  const blamed = [...new Set([state.k, ...all.map((row) => row.outcome && row.outcome.blame)].filter(Boolean))].sort();
  const search = h("input", { type: "search", id: "search", "data-key": "search", value: state.t || "", placeholder: "Search questions and answers ( / )",
    "aria-label": "Search questions and answers", autocomplete: "off", spellcheck: "false",
    oninput: () => choose({ t: search.value, q: null }) });
  const canCompare = all.some((row) => row.change !== null);
  const isTimed = all.some((row) => row.seconds !== null);
  const filters = Object.entries(FILTERS).filter(([name]) => canCompare || (name !== "wins" && name !== "losses"));
  const sorts = Object.entries(SORTS).filter(([name]) => (canCompare || (name !== "wins" && name !== "losses")) && (isTimed || name !== "slowest"));
  return h("div", { class: "toolbar" },
    search,
    h("div", { class: "choices" },
      report.datasets.length > 1 && choice("Dataset", report.datasets.map(({ name }) => [name, name]), dataset.name,
        (d) => choose({ d, p: null, m: null, k: null, q: null, c: null })),
      dataset.results.length > 1 && choice("Pipeline", dataset.results.map(({ name }) => [name, name]), result.name,
        (p) => choose({ p, k: null, c: null })),
      dataset.measures.length > 0 && choice("Measure", dataset.measures.map((name) => [name, name]), dataset.measures[measure],
        (m) => choose({ m })),
      choice("Order", sorts.map(([name, [words]]) => [name, words]), state.s || "order", (s) => choose({ s: s === "order" ? null : s })),
      blamed.length > 0 && choice("Lost at", [["", "anywhere"], ...blamed.map((node) => [node, node])], state.k || "",
        (k) => choose({ k: k || null }))),
    h("div", { class: "chips", role: "group", "aria-label": "Show" }, filters.map(([name, [words, holds]]) => {
      const n = all.filter(holds).length;
      const isOn = (state.f || "all") === name;
      return h("button", { type: "button", class: "chip", "data-key": `chip ${name}`, "aria-pressed": String(isOn), disabled: !n && !isOn,
        onclick: () => choose({ f: name === "all" ? null : name }) }, words, " ", h("b", null, n.toLocaleString("en-US")));
    })));
}

function item(row, dataset, measure) {
  const isOpen = row.question.id === state.q;
  const values = dataset.results.map(({ name, outcomes }, place) => {
    const outcome = outcomes[row.place];
    const words = outcome && outcome.error ? "error" : figure(valueOf(outcome, measure));
    return h("span", { class: `value${outcome && outcome.error ? " bad" : ""}`, title: name },
      h("span", { class: `dot s${place % 8}`, "aria-hidden": "true" }), h("span", { class: "sr" }, `${name}: `), words);
  });
  return h("li", null, h("a", { href: linkTo({ q: row.question.id, view: "questions" }), class: "row", "data-key": `row ${row.question.id}`, "aria-current": isOpen ? "true" : null },
    h("span", { class: "ask" }, foreign(row.question.text)),
    h("span", { class: "under" }, foreign(row.question.id, { class: "id" }), tags(row)),
    dataset.measures.length > 0 && h("span", { class: "values" }, values)));
}

function tags({ outcome, change }) {
  const found = [];
  if (!outcome) found.push(["", "not asked"]);
  else if (outcome.error) found.push(["bad", "failed"]);
  else {
    if (outcome.blame) found.push(["warn", `lost at ${outcome.blame}`]);
    if (outcome.reply && outcome.reply.abstained) found.push(["", "abstained"]);
    if (outcome.degraded) found.push(["warn", "degraded"]);
  }
  if (change > 0) found.push(["good", `win +${figure(change)}`]);
  if (change < 0) found.push(["bad", `loss ${figure(change)}`]);
  return found.map(([style, words]) => h("span", { class: `tag ${style}` }, words));
}

// The question after or before the one that is open, in the order of the list.
function step(by) {
  if (!listed.length) listed = wantedRows().rows;
  const at = listed.findIndex((row) => row.question.id === state.q);
  const next = at < 0 ? (by > 0 ? 0 : listed.length - 1) : at + by;
  if (next < 0 || next >= listed.length) return;
  pages = Math.max(pages, Math.ceil((next + 1) / PAGE));
  location.hash = linkTo({ view: "questions", q: listed[next].question.id });
}
