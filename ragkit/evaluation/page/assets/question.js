// One question: what was wanted, and what each pipeline made of it, stage by stage.

const MOST_RANKS = 4; // more are told in a table of their own

function questionView() {
  const { dataset, measure } = chosen();
  const place = dataset.questions.findIndex(({ id }) => id === state.q);
  if (place < 0) return [h("p", { class: "empty" }, "There is no question ", foreign(state.q || ""), " in this dataset.")];
  const question = dataset.questions[place];
  const only = (state.c || "").split(",").filter(Boolean).map(Number);
  const shown = dataset.results.map((one, at) => ({ result: one, at })).filter(({ at }) => !only.length || only.includes(at));
  return [
    h("div", { class: "bar-top" },
      h("a", { href: linkTo({ q: null }), class: "button back" }, "← List"),
      foreign(question.id, { class: "id" }),
      h("span", { class: "spring" }),
      only.length > 0 && h("a", { href: linkTo({ c: null }), class: "button" }, "All pipelines"),
      h("button", { type: "button", title: "Previous question (k)", "aria-label": "Previous question", onclick: () => step(-1) }, "↑"),
      h("button", { type: "button", title: "Next question (j)", "aria-label": "Next question", onclick: () => step(1) }, "↓")),
    h("h2", { class: "asked", tabindex: "-1", id: "asked" }, foreign(question.text)),
    wantedPart(dataset, question),
    measuresPart(dataset, question, place, shown, measure),
    h("div", { class: "cards" }, shown.map(({ result: one, at }) => card(dataset, question, place, one, at))),
  ];
}

function wantedPart(dataset, question) {
  const parts = [];
  if (question.history) {
    parts.push(["Earlier turns", h("ol", { class: "history" }, question.history.map(([role, text]) =>
      h("li", null, h("b", null, `${role}: `), foreign(text))))]);
  }
  if (question.answerable === false) parts.push(["Right answer", "None: the documents do not say it, and the right thing is to abstain."]);
  if (question.answers) parts.push(["Right answer", h("ul", null, question.answers.map((answer) => h("li", null, foreign(answer))))]);
  if (question.evidence) {
    const hops = new Set(question.evidence.map(([hop]) => hop)).size;
    parts.push(["Evidence", h("ul", { class: "proofs" }, [...question.evidence].sort(([a], [b]) => a - b).map(([hop, document, start, end, number]) => {
      const passage = passageOf(dataset, number);
      return h("li", null, h("details", null,
        h("summary", null, hops > 1 && h("span", { class: "tag" }, `hop ${hop}`), foreign(document, { class: "where" }),
          passage.text !== null && marked(passage, { gold: [[start, end]], within: [start, end] })),
        marked(passage, { gold: [[start, end]] })));
    }))]);
  } else if (question.judged) {
    parts.push(["Relevant", h("ul", { class: "proofs" }, question.judged.filter(([, grade]) => grade >= 1).map(([document, grade, number]) =>
      h("li", null, h("p", { class: "where" }, foreign(document), grade > 1 && h("span", { class: "note" }, ` grade ${grade}`)),
        number !== undefined && marked(passageOf(dataset, number), {}))))]);
  }
  const metadata = Object.entries(question.metadata || {}).filter(([, value]) => value === null || typeof value !== "object" || Object.keys(value).length);
  if (metadata.length) {
    const said = metadata.map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
    const long = said.filter((words) => words.length > 80);
    parts.push(["Also known", [
      h("p", { class: "metadata" }, said.filter((words) => words.length <= 80).map((words) => h("span", { class: "tag" }, foreign(words)))),
      long.length > 0 && h("details", { class: "dropped" }, h("summary", null, `${long.length} more`),
        h("ul", null, long.map((words) => h("li", null, foreign(words))))),
    ]]);
  }
  return h("dl", { class: "wanted" }, parts.map(([term, body]) => [h("dt", null, term), h("dd", null, body)]));
}

function measuresPart(dataset, question, place, shown, chosenMeasure) {
  if (!dataset.measures.length) return null;
  const rows = dataset.measures.map((measure, at) => {
    const cells = shown.map(({ result: one }) => {
      const outcome = one.outcomes[place];
      const base = baseOf(dataset, one.name);
      const change = base && base !== one ? gain(dataset, at, base.outcomes[place], outcome) : null;
      const value = valueOf(outcome, at);
      const why = unscored(one, dataset.measures[at], question.id);
      if (why) return h("td", { class: "num bad" }, "not scored", h("small", { class: "why" }, foreign(why)));
      const raw = change ? (dataset.lower[at] ? -change : change) : 0;
      return h("td", { class: "num" }, figure(value),
        change ? h("small", { class: change > 0 ? "good" : "bad" }, ` ${figure(raw, true)}`) : null);
    });
    return h("tr", { class: at === chosenMeasure ? "chosen" : null }, h("th", { scope: "row" }, foreign(measure)), cells);
  });
  const head = h("tr", null, h("th", { scope: "col" }, "measure"), shown.map(({ result: one, at }) =>
    h("th", { scope: "col", class: "num" }, named(at, one.name))));
  return h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Measures of this question" },
    h("table", { class: "measures" }, h("caption", null, "Measures of this question"), h("thead", null, head), h("tbody", null, rows)));
}

function unscored(result, measure, id) {
  const of = Object.hasOwn(result.unscored, measure) ? result.unscored[measure] : {};
  return Object.hasOwn(of, id) ? of[id] : null;
}

function card(dataset, question, place, result, at) {
  const outcome = result.outcomes[place];
  const title = h("h3", null, named(at, result.name));
  if (!outcome) return h("article", { class: "card" }, title, h("p", { class: "empty" }, "This question was not asked."));
  if (outcome.error) {
    return h("article", { class: "card" }, h("header", null, title, h("span", { class: "tag bad" }, "failed")),
      h("pre", { class: "error" }, outcome.error), timePart(dataset, result, question));
  }
  const base = baseOf(dataset, result.name);
  const { measure } = chosen();
  const change = base && base !== result ? gain(dataset, measure, base.outcomes[place], outcome) : null;
  return h("article", { class: "card" },
    h("header", null, title, tags({ outcome, change })),
    outcome.degraded && h("p", { class: "warn" }, "Done without: ", foreign(outcome.degraded.join(", "))),
    outcome.blame && h("p", { class: "verdict" }, lostWords(result.kinds[outcome.blame], outcome.blame)),
    outcome.reply && replyPart(dataset, question, outcome.reply),
    ranksPart(question, result, outcome),
    (outcome.found || []).map((found) => stagePart(dataset, question, result, outcome, found)),
    usagePart(outcome),
    timePart(dataset, result, question));
}

function lostWords(kind, node) {
  const words = {
    corpus: ["What was needed stands in no passage of the index."],
    retrieval: ["No retriever found what was needed (", foreign(node), ")."],
    fusion: [foreign(node), " had what was needed, and did not hand it on."],
    rerank: [foreign(node), " ranked what was needed too low."],
    compression: [foreign(node), " left out what was needed."],
    generation: ["What was needed was there, and the answer is not right (", foreign(node), ")."],
    verification: [foreign(node), " took away what was right."],
  };
  return words[kind] || ["Lost at ", foreign(node), "."];
}

function ranksPart(question, result, outcome) {
  const found = outcome.found || [];
  if (!question.needs || question.needs.length <= MOST_RANKS || !found.length) return null;
  const counts = new Map();
  const heads = found.map(({ stage, query }) => {
    const n = (counts.get(stage) || 0) + 1;
    counts.set(stage, n);
    return h("th", { scope: "col", class: "num", title: query || null }, foreign(result.stages[stage][0]), n > 1 && ` ${n}`);
  });
  const rows = question.needs.map((label, need) => h("tr", null, h("th", { scope: "row" }, foreign(label)),
    found.map(({ ranks, n }) => {
      const rank = ranks[need];
      return h("td", { class: `num ${rank === null ? "bad" : rank <= 3 ? "good" : ""}`,
        title: rank === null ? `in none of ${counted(n, "passage")}` : `rank ${rank} of ${n}` }, rank === null ? "none" : rank);
    })));
  return h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Rank at each stage" },
    h("table", { class: "ranks" }, h("caption", null, "Rank at each stage"),
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "needed"), heads)), h("tbody", null, rows)));
}

function stagePart(dataset, question, result, outcome, found) {
  const [node, use, kind] = result.stages[found.stage];
  const body = h("ol", { class: "hits" });
  const element = h("details", { class: "stage" }, h("summary", null,
    h("b", null, foreign(node)), " ", h("span", { class: "note use", title: kind === "context" ? "what the generator read" : null }, foreign(use)),
    h("span", { class: "note" }, counted(found.n, "hit")),
    goldTag(question, found.ranks)),
  found.query && h("p", { class: "note" }, "Searched with: ", foreign(found.query)), body);
  const show = () => {
    if (!element.open || body.childElementCount) return;
    body.append(...found.passages.map((number, at) => hit(dataset, question, outcome, found, number, at)));
    if (!found.passages.length) body.replaceWith(h("p", { class: "empty" }, "Nothing was found."));
    else if (found.n > found.passages.length) {
      element.append(h("p", { class: "note" }, `${counted(found.n - found.passages.length, "passage")} further down not on this page.`));
    }
  };
  element.addEventListener("toggle", show);
  if (outcome.blame === node) { element.open = true; show(); }
  return element;
}

function goldTag({ needs }, ranks) {
  if (!ranks || !ranks.length) return null;
  const found = ranks.filter((rank) => rank !== null);
  const style = found.length === ranks.length ? "good" : found.length ? "warn" : "bad";
  const title = ranks.map((rank, at) => `${needs[at]}: ${rank === null ? "not found" : `rank ${rank}`}`).join("; ");
  const words = ranks.length > MOST_RANKS ? `${found.length} of ${ranks.length} gold`
    : found.length ? `gold at ${ranks.map((rank) => (rank === null ? "–" : rank)).join(", ")}` : "no gold";
  return h("span", { class: `tag ${style}`, title }, words);
}

function hit(dataset, question, outcome, found, number, at) {
  const passage = passageOf(dataset, number);
  const flat = found.kept ? found.kept[at] : null;
  const kept = flat && Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
  const gold = goldness(question, passage, flat);
  const citations = outcome.reply ? (outcome.reply.sentences || []).flatMap(([, cited]) => cited) : [];
  const cited = citations.filter(({ document }) => document === passage.document).map(({ start, end }) => [start, end]);
  const score = found.scores[at];
  return h("li", null, h("details", { class: gold ? `hit ${gold}` : "hit", open: gold === "evidence" || gold === "part" }, h("summary", null,
    h("span", { class: "rank" }, String(at + 1)), foreign(passage.document, { class: "where" }),
    gold && h("span", { class: "tag good" }, { evidence: "evidence", part: "part of it", document: "relevant" }[gold]),
    h("span", { class: "score" }, score === null ? "" : figure(score)),
    passage.text && foreign(passage.text.slice(0, 160), { class: "glimpse", "aria-hidden": "true" })),
  marked(passage, { gold: goldSpans(question, passage), cited, kept })));
}

function usagePart(outcome) {
  if (!outcome.usage) return null;
  const [input, output, usd] = outcome.usage;
  const words = [input !== null && `${counted(input, "token")} in`, output !== null && `${counted(output, "token")} out`, usd !== null && `$${figure(usd)}`];
  return h("p", { class: "note" }, words.filter(Boolean).join(", "));
}

function timePart(dataset, result, question) {
  const timing = timingOf(dataset, result, question);
  if (!timing) return null;
  const nodes = Object.entries(timing.nodes);
  const longest = Math.max(1e-9, ...nodes.map(([, seconds]) => seconds));
  return h("details", { class: "stage" }, h("summary", null, h("b", null, "Time"), h("span", { class: "spring" }), milliseconds(timing.seconds)),
    h("table", { class: "times" }, h("caption", { class: "sr" }, "Time of each node"), h("tbody", null, nodes.map(([node, seconds]) => h("tr", null,
      h("th", { scope: "row" }, foreign(node)),
      h("td", { class: "wide" }, svg("svg", { class: "bar", viewBox: "0 0 1000 16", preserveAspectRatio: "none", "aria-hidden": "true" },
        svg("rect", { class: `k-${timing.kinds[node] || "other"}`, x: 0, y: 0, width: ((seconds / longest) * 1000).toFixed(1), height: 16 }))),
      h("td", { class: "num" }, milliseconds(seconds)))))));
}
