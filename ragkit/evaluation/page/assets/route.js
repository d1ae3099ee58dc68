// The address after # says what is shown, so that every view can be linked to and gone back to.

const VIEWS = ["summary", "questions", "versus"];
let state = {};

function readHash() {
  const [first, ...rest] = location.hash.slice(1).split("&");
  const pairs = (first.includes("=") ? [first, ...rest] : rest).map((pair) => {
    const at = pair.indexOf("=");
    try {
      return [pair.slice(0, at), decodeURIComponent(pair.slice(at + 1))];
    } catch {
      return [pair.slice(0, at), ""];
    }
  });
  const found = Object.fromEntries(pairs.filter(([name]) => /^[a-z]{1,2}$/.test(name)));
  const named = VIEWS.includes(first) ? first : null;
  return { ...found, view: named || (found.q !== undefined ? "questions" : "summary"), anchor: named ? null : first };
}

function hashOf(wanted) {
  const pairs = Object.entries(wanted)
    .filter(([name, value]) => name !== "view" && name !== "anchor" && value !== undefined && value !== null && value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `#${[wanted.view, ...pairs].join("&")}`;
}

const linkTo = (changes) => hashOf({ ...state, ...changes });

// Something else is chosen: no new entry of the history, for typing in a search field would make dozens.
function choose(changes) {
  history.replaceState(null, "", linkTo(changes));
  render();
}

function chosen() {
  const has = ({ questions }) => state.q !== undefined && questions.some(({ id }) => id === state.q);
  const dataset = report.datasets.find(({ name }) => name === state.d) || report.datasets.find(has) || report.datasets[0];
  const pairs = report.pairs[dataset.name] || [];
  const names = dataset.results.map(({ name }) => name);
  const usual = pairs.length ? pairs[0][1] : names[0];
  const result = dataset.results.find(({ name }) => name === (names.includes(state.p) ? state.p : usual));
  const measure = Math.max(0, dataset.measures.indexOf(state.m));
  return { dataset, result, measure };
}
