// What the address says is put on the page; keys move through the list.

let shownView = null;

function render() {
  state = readHash();
  const isReady = Boolean(report);
  const view = isReady ? state.view : "summary";
  for (const name of VIEWS) {
    const element = byId(`view-${name}`);
    if (element && (isReady || name === "summary")) element.hidden = name !== view;
  }
  for (const link of document.querySelectorAll("body > header nav a")) {
    const isCurrent = link.getAttribute("href") === `#${view}`;
    if (isCurrent) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.classList.toggle("is-open", view === "questions" && state.q !== undefined);
  if (view === "questions") renderQuestions();
  else if (view === "versus") redraw(byId("view-versus"), versusView());
  if (shownView !== null && shownView !== view) scrollTo(0, 0);
  shownView = view;
}

let panes = null;
let openKey = null;
let openQuestion;

function renderQuestions() {
  if (!panes) {
    panes = [h("div", { class: "list" }), h("div", { class: "detail", role: "region", "aria-label": "Question" })];
    byId("view-questions").replaceChildren(...panes);
  }
  const [list, detail] = panes;
  const scrolled = list.scrollTop;
  redraw(list, listView());
  list.scrollTop = scrolled;
  const key = [state.d, state.q, state.p, state.m, state.c].join("\n");
  if (key !== openKey || !detail.childElementCount) {
    redraw(detail, state.q === undefined ? [hint()] : questionView());
    if (state.q !== openQuestion) turnTo(state.q, detail);
  }
  openKey = key;
  openQuestion = state.q;
  const current = list.querySelector("[aria-current]");
  if (current && list.scrollHeight > list.clientHeight) {
    const [a, b] = [current.getBoundingClientRect(), list.getBoundingClientRect()];
    if (a.top < b.top || a.bottom > b.bottom) list.scrollTop += a.top - b.top - b.height / 3;
  }
}

const hint = () => h("p", { class: "empty" }, "Choose a question. Keys: ", h("kbd", null, "j"), " next, ", h("kbd", null, "k"),
  " previous, ", h("kbd", null, "/"), " search, ", h("kbd", null, "Esc"), " back.");

// Another question is read from its top; whoever goes back to the list is where they left it.
function turnTo(question, detail) {
  detail.scrollTop = 0;
  if (document.activeElement && document.activeElement.id === "search") return;
  const isNarrow = matchMedia("(max-width: 60rem)").matches;
  const left = question === undefined && panes[0].querySelector(`[data-key="${CSS.escape(`row ${openQuestion}`)}"]`);
  const target = left || byId("asked");
  if (target) target.focus({ preventScroll: !left });
  if (isNarrow && question !== undefined) scrollTo(0, 0);
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !report) return;
  const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "Escape") {
    if (isTyping) event.target.blur();
    else if (state.view === "questions" && state.q !== undefined) location.hash = linkTo({ q: null });
    return;
  }
  if (isTyping) return;
  if (event.key === "j" || event.key === "k") {
    event.preventDefault();
    step(event.key === "j" ? 1 : -1);
  } else if (event.key === "/") {
    event.preventDefault();
    if (state.view !== "questions") location.replace("#questions");
    render();
    byId("search").focus();
  }
}

document.documentElement.classList.add("js");
addEventListener("hashchange", render);
addEventListener("keydown", pressed);
render();
