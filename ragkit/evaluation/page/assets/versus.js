// Two pipelines side by side: on which questions one is better than the other, the largest differences first.

const MOST = 200;

function versusView() {
  const { dataset, measure } = chosen();
  const pairs = report.pairs[dataset.name] || [];
  const names = dataset.results.map(({ name }) => name);
  const usual = pairs.find(([, name]) => name === state.p) || pairs[0] || [names[0], names[1] || names[0]];
  const before = names.includes(state.a) ? state.a : usual[0];
  const after = names.includes(state.b) ? state.b : usual[1];
  const [old, fresh] = [before, after].map((name) => dataset.results[names.indexOf(name)]);
  const rows = dataset.questions.map((question, place) => ({
    place, question, a: old.outcomes[place], b: fresh.outcomes[place],
    change: gain(dataset, measure, old.outcomes[place], fresh.outcomes[place]),
  }));
  const losses = rows.filter(({ change }) => change < 0).sort((x, y) => x.change - y.change || x.place - y.place);
  const wins = rows.filter(({ change }) => change > 0).sort((x, y) => y.change - x.change || x.place - y.place);
  const ties = rows.filter(({ change }) => change === 0).length;
  const broken = rows.filter(({ a, b }) => Boolean(a && a.error) !== Boolean(b && b.error));
  const list = (title, style, found) => h("section", { "aria-label": title }, h("h2", null, h("span", { class: style }, title), h("span", { class: "note" }, ` ${found.length}`)),
    found.length ? h("ol", { class: "rows" }, found.slice(0, MOST).map((row) => duel(row, dataset, measure, [old, fresh], style)))
      : h("p", { class: "empty" }, "None."),
    found.length > MOST && h("p", { class: "note" }, `${counted(found.length - MOST, "smaller one")} not listed: see Questions.`));
  const options = names.map((name) => [name, name]);
  return [
    h("div", { class: "toolbar" }, h("div", { class: "choices" },
      report.datasets.length > 1 && choice("Dataset", report.datasets.map(({ name }) => [name, name]), dataset.name,
        (d) => choose({ d, a: null, b: null, p: null, m: null })),
      choice("Baseline", options, before, (a) => choose({ a, b: after })),
      choice("Pipeline", options, after, (b) => choose({ a: before, b })),
      dataset.measures.length > 0 && choice("Measure", dataset.measures.map((name) => [name, name]), dataset.measures[measure], (m) => choose({ m })))),
    h("p", { class: "headline" }, foreign(after), " against ", foreign(before), dataset.measures.length > 0 && [" in ", foreign(dataset.measures[measure])],
      `: ${counted(wins.length, "win")}, ${counted(losses.length, "loss", "losses")}, ${counted(ties, "tie")}`,
      broken.length > 0 && `, ${counted(broken.length, "question")} on which one alone failed`),
    changesPlot([...losses, ...wins.slice().reverse()], rows.length),
    h("div", { class: "sides" }, list("Losses", "bad", losses), list("Wins", "good", wins)),
    broken.length > 0 && list("One alone failed", "warn", broken),
  ];
}

function duel(row, dataset, measure, pair, style) {
  const at = pair.map((result) => dataset.results.indexOf(result));
  const said = (outcome) => (!outcome ? "not asked" : outcome.error ? outcome.error : outcome.reply ? outcome.reply.text : null);
  const side = (outcome, place) => h("span", { class: "side" },
    h("span", { class: "value" }, h("span", { class: `dot s${at[place] % 8}`, "aria-hidden": "true" }), h("span", { class: "sr" }, `${pair[place].name}: `),
      outcome && outcome.error ? "error" : figure(valueOf(outcome, measure)),
      outcome && outcome.blame && h("span", { class: "tag warn" }, `lost at ${outcome.blame}`)),
    said(outcome) && foreign(said(outcome), { class: `said${outcome && outcome.error ? " bad" : ""}` }));
  return h("li", null, h("a", { class: "row", href: linkTo({ view: "questions", q: row.question.id, p: pair[1].name, c: at.join(","), a: null, b: null }) },
    h("span", { class: "ask" }, foreign(row.question.text)),
    h("span", { class: "under" }, foreign(row.question.id, { class: "id" }),
      row.change ? h("span", { class: `tag ${style}` }, figure(dataset.lower[measure] ? -row.change : row.change, true)) : null),
    h("span", { class: "duel" }, side(row.a, 0), side(row.b, 1))));
}

// Every question that differs as a bar, from the largest loss to the largest win.
function changesPlot(rows, n) {
  if (!rows.length) return null;
  const largest = Math.max(...rows.map(({ change }) => Math.abs(change)));
  const width = Math.min(40, 1000 / rows.length);
  return h("figure", { class: "changes" }, svg("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", role: "img",
    "aria-label": `Differences of the ${rows.length} questions that differ, of ${n}` },
  rows.map(({ change }, i) => {
    const height = (Math.abs(change) / largest) * 48;
    return svg("rect", { class: change > 0 ? "s-good" : "s-bad", x: (i * width).toFixed(2), width: Math.max(0.5, width * 0.9).toFixed(2),
      y: (change > 0 ? 50 - height : 50).toFixed(2), height: height.toFixed(2) });
  }), svg("line", { class: "zero", x1: 0, x2: 1000, y1: 50, y2: 50 })),
  h("figcaption", { class: "note" }, `The ${counted(rows.length, "question")} of ${n.toLocaleString("en-US")} that differ, largest loss to largest win; the longest bar is ${figure(largest)}.`));
}
