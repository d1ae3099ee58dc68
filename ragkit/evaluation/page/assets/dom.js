// Elements are made from names and texts. No text is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const h = (name, properties, ...children) => fill(document.createElement(name), properties, children);
const svg = (name, properties, ...children) => fill(document.createElementNS(SVG, name), properties, children);

// A text from the data: what it says of the direction of writing ends where it ends.
const foreign = (text, properties) => h("bdi", properties, text);

// The name of a pipeline after the dot in its colour.
const named = (at, name) => h("bdi", null, h("span", { class: `dot s${at % 8}`, "aria-hidden": "true" }), name);

const byId = (id) => document.getElementById(id);

function option(value, words, chosen) {
  return h("option", { value, selected: value === chosen }, words);
}

function choice(label, options, chosen, changed) {
  const select = h("select", { "data-key": `choice ${label}`, onchange: () => changed(select.value) },
    options.map(([value, words]) => option(value, words, chosen)));
  return h("label", { class: "choice" }, h("span", null, label), select);
}

function figure(value, signed) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  let text;
  if (size > 0 && size < 0.001) text = Number(value.toPrecision(2)).toString();
  else if (size < 10) text = value.toFixed(3);
  else if (size < 1000) text = value.toFixed(1);
  else text = Math.round(value).toLocaleString("en-US");
  return (signed && value > 0 ? "+" : "") + text.replace("-", "−");
}

// Draws anew, and puts the focus back to what it was on: whoever uses keys must not start over.
function redraw(container, children) {
  const active = container.contains(document.activeElement) ? document.activeElement : null;
  const key = active && active.dataset.key;
  const selection = active && active.type === "search" ? [active.selectionStart, active.selectionEnd] : null;
  container.replaceChildren(...children.flat().filter(Boolean));
  const again = key && [...container.querySelectorAll("[data-key]")].find((element) => element.dataset.key === key);
  if (!again) return;
  again.focus({ preventScroll: true });
  if (selection) again.setSelectionRange(...selection);
}

const milliseconds = (seconds) => (seconds < 1 ? `${(seconds * 1000).toFixed(1)} ms` : `${seconds.toFixed(2)} s`);
const counted = (n, one, many) => `${n.toLocaleString("en-US")} ${n === 1 ? one : many || `${one}s`}`;
