// Passages with what matters in them marked: evidence, what was cited, what compression left.

// Positions count characters as Python does; where a text has characters beyond the first plane, JavaScript
// counts two for each of them.
function slicer(text) {
  if (!/[\ud800-\udfff]/.test(text)) return { length: text.length, slice: (a, b) => text.slice(a, b) };
  const characters = Array.from(text);
  return { length: characters.length, slice: (a, b) => characters.slice(a, b).join("") };
}

const passageOf = (dataset, number) => {
  const [document, start, length, text] = dataset.passages[number];
  return { document: dataset.documents[document], start, length, text, end: start + length };
};

// Spans of evidence in a document; where none is known, those of the accepted answers in a relevant one.
function goldSpans(question, passage) {
  const evidence = (question.evidence || []).filter(([, document]) => document === passage.document);
  if ((question.evidence || []).length) return evidence.map(([, , start, end]) => [start, end]);
  if (!isRelevant(question, passage.document) || !passage.text) return [];
  const text = passage.text.toLowerCase();
  const spans = [];
  for (const answer of question.answers || []) {
    const wanted = answer.toLowerCase();
    if (wanted.length < 2) continue;
    for (let at = text.indexOf(wanted); at >= 0 && spans.length < 50; at = text.indexOf(wanted, at + wanted.length)) {
      const start = passage.start + Array.from(text.slice(0, at)).length;
      spans.push([start, start + Array.from(wanted).length]);
    }
  }
  return spans;
}

const isRelevant = (question, document) => (question.judged || []).some(([id, grade]) => id === document && grade >= 1);

// Whether a hit has evidence in what is kept of it, half of it at least or a part, or comes from a document that has.
function goldness(question, passage, kept) {
  const parts = kept || [passage.start, passage.end];
  let most = 0;
  for (const [, document, start, end] of question.evidence || []) {
    if (document !== passage.document) continue;
    let n = 0;
    for (let i = 0; i < parts.length; i += 2) n += Math.max(0, Math.min(parts[i + 1], end) - Math.max(parts[i], start));
    if (n > 0) most = Math.max(most, n / (end - start));
  }
  if (most > 0) return most >= 0.5 ? "evidence" : "part";
  const documents = (question.evidence || []).map(([, document]) => document);
  return documents.includes(passage.document) || isRelevant(question, passage.document) ? "document" : null;
}

const covers = (spans, at) => spans.some(([start, end]) => start <= at && at < end);

// Where the next word begins, if one does soon: half a word reads badly.
function wordAfter(text, at) {
  const blank = /^\s|\s/.exec(text.slice(at - 1, at + 24));
  return blank ? at + blank.index : at;
}

// The text of a passage; gold, cited and kept are spans in the document.
function marked(passage, { gold = [], cited = [], kept = null, within = null }) {
  if (passage.text === null) return h("p", { class: "text missing" }, "The text of this document is not at hand.");
  const text = slicer(passage.text);
  const end = passage.start + text.length;
  const first = Math.min(Infinity, ...[...gold, ...cited].map(([start]) => start).filter((start) => within && start >= within[0]));
  const from = within && within[0] > passage.start ? Math.min(first, wordAfter(text, within[0] - passage.start) + passage.start) : passage.start;
  const to = within && within[1] < end ? within[1] : end;
  const edges = new Set([from, to]);
  for (const [start, end] of [...gold, ...cited, ...(kept || [])])
    for (const edge of [start, end]) if (from < edge && edge < to) edges.add(edge);
  const order = [...edges].sort((a, b) => a - b);
  const parts = order.slice(0, -1).map((start, i) => {
    const words = text.slice(start - passage.start, order[i + 1] - passage.start);
    const styles = [covers(cited, start) && "cited", kept && !covers(kept, start) && "left-out"].filter(Boolean);
    if (covers(gold, start)) return h("mark", { class: styles.join(" ") || null }, words);
    return styles.length ? h("span", { class: styles.join(" ") }, words) : words;
  });
  const isCut = passage.text !== "" && end < passage.end && to === end;
  return h("p", { class: "text", dir: "auto" },
    from > passage.start && h("span", { class: "note" }, "… "), parts,
    isCut && h("span", { class: "note" }, ` … (${counted(passage.length - text.length, "character")} not on this page)`),
    to < end && h("span", { class: "note" }, " …"));
}
