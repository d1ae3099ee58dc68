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
  if (view === "questions") renderQuestions();
  else if (view === "versus") byId("view-versus").replaceChildren(...present(versusView()));
  if (shownView !== null && shownView !== view) scrollTo(0, 0);
  shownView = view;
  document.body.classList.toggle("is-open", view === "questions" && state.q !== undefined);
}

// What comes of a condition that does not hold is nothing.
const present = (children) => children.flat().filter(Boolean);

let panes = null;
let openQuestion = null;

function renderQuestions() {
  if (!panes) {
    panes = [h("div", { class: "list" }), h("div", { class: "detail" })];
    byId("view-questions").replaceChildren(...panes);
  }
  const [list, detail] = panes;
  const focus = document.activeElement && document.activeElement.id === "search"
    ? [byId("search").selectionStart, byId("search").selectionEnd] : null;
  const scrolled = list.scrollTop;
  list.replaceChildren(...present(listView()));
  list.scrollTop = scrolled;
  if (focus) {
    byId("search").focus({ preventScroll: true });
    byId("search").setSelectionRange(...focus);
  }
  const key = [state.d, state.q, state.p, state.m, state.c].join("\n");
  if (key !== openQuestion || !detail.childElementCount) {
    detail.replaceChildren(...present(state.q === undefined
      ? [h("p", { class: "empty" }, "Choose a question. Keys: ", h("kbd", null, "j"), " next, ", h("kbd", null, "k"), " previous, ",
        h("kbd", null, "/"), " search, ", h("kbd", null, "Esc"), " back.")] : questionView()));
    detail.scrollTop = 0;
    if (openQuestion !== null && state.q !== undefined && matchMedia("(max-width: 60rem)").matches) scrollTo(0, 0);
  }
  openQuestion = key;
  const current = list.querySelector("[aria-current]");
  if (current && list.scrollHeight > list.clientHeight) {
    const [a, b] = [current.getBoundingClientRect(), list.getBoundingClientRect()];
    if (a.top < b.top || a.bottom > b.bottom) list.scrollTop += a.top - b.top - b.height / 3;
  }
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
