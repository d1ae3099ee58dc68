// The report as it was embedded, with what the views ask of it.

const embedded = (id) => {
  const element = byId(id);
  return element ? JSON.parse(element.textContent) : null;
};
const report = embedded("report-data");
const timings = embedded("report-timings") || [];

const timingOf = (dataset, result, question) => {
  const found = timings.find((one) => one.dataset === dataset.name && one.pipeline === result.name);
  const row = found && Object.hasOwn(found.questions, question.id) ? found.questions[question.id] : null;
  return row && { seconds: row[0], nodes: row[1], kinds: found.kinds };
};

const valueOf = (outcome, measure) => {
  const value = outcome && outcome.values ? outcome.values[measure] : null;
  return value === undefined ? null : value;
};

// How much better an outcome is than another, whichever direction is better; null where it cannot be said.
function gain(dataset, measure, before, after) {
  const a = valueOf(before, measure);
  const b = valueOf(after, measure);
  if (a === null || b === null) return null;
  const change = dataset.lower[measure] ? a - b : b - a;
  return Math.abs(change) <= 1e-9 ? 0 : change;
}

const baseOf = (dataset, name) => {
  const pair = (report.pairs[dataset.name] || []).find(([, system]) => system === name);
  return dataset.results.find((result) => result.name === (pair ? pair[0] : dataset.baseline)) || null;
};

// Everything about a question in one lower-case text, made when it is first searched.
function searchable(dataset, place) {
  const question = dataset.questions[place];
  question.search ??= [question.id, question.text, ...(question.answers || []),
    ...dataset.results.map(({ outcomes }) => {
      const outcome = outcomes[place];
      return outcome ? `${outcome.reply ? outcome.reply.text : ""} ${outcome.error || ""}` : "";
    })].join("\n").toLowerCase();
  return question.search;
}

const FILTERS = {
  all: ["All", () => true],
  failed: ["Failed", ({ outcome }) => Boolean(outcome && outcome.error)],
  lost: ["Lost", ({ outcome }) => Boolean(outcome && outcome.blame)],
  wins: ["Wins", ({ change }) => change > 0],
  losses: ["Losses", ({ change }) => change < 0],
  abstained: ["Abstained", ({ outcome }) => Boolean(outcome && outcome.reply && outcome.reply.abstained)],
};

const last = (value) => (value === null || value === undefined ? Infinity : value);
const SORTS = {
  order: ["as in the data", (row) => row.place],
  worst: ["worst first", (row) => last(row.good)],
  best: ["best first", (row) => last(row.good === null ? null : -row.good)],
  losses: ["largest loss first", (row) => last(row.change)],
  wins: ["largest win first", (row) => last(row.change === null ? null : -row.change)],
  slowest: ["slowest first", (row) => last(row.seconds === null ? null : -row.seconds)],
};

// The rows of the list: every question with how the chosen pipeline did.
function rowsOf(dataset, result, measure) {
  const base = baseOf(dataset, result.name);
  return dataset.questions.map((question, place) => {
    const outcome = result.outcomes[place];
    const value = valueOf(outcome, measure);
    const timing = timingOf(dataset, result, question);
    return {
      place, question, outcome,
      good: value === null ? null : dataset.lower[measure] ? -value : value,
      change: base && base !== result ? gain(dataset, measure, base.outcomes[place], outcome) : null,
      seconds: timing ? timing.seconds : null,
    };
  });
}
