// An answer with its citations; each opens its quote where it stands in the document.

function replyPart(dataset, question, reply) {
  const quote = h("div", { class: "quote", hidden: true, "aria-live": "polite" });
  let open = null;
  const marker = (citation) => {
    const button = h("button", { type: "button", class: `marker${citation.exact === false ? " bad" : ""}`, "aria-expanded": "false",
      title: citation.document, "aria-label": `Citation ${citation.marker}: ${citation.document}`,
      onclick: () => {
        if (open) open.setAttribute("aria-expanded", "false");
        const closes = open === button;
        open = closes ? null : button;
        quote.hidden = closes;
        quote.replaceChildren(...(closes ? [] : quoteParts(dataset, question, citation)).filter(Boolean));
        if (!closes) button.setAttribute("aria-expanded", "true");
      } }, String(citation.marker));
    return button;
  };
  const sentence = ([text, citations]) => [foreign(text), " ", citations.map(marker), " "];
  const said = reply.sentences && !reply.abstained
    ? h("p", { class: "answer", dir: "auto" }, reply.sentences.map(sentence))
    : h("p", { class: "answer", dir: "auto" }, foreign(reply.text || "(an empty answer)"));
  return h("div", { class: "reply" },
    said,
    reply.abstained && h("p", { class: "note" }, `Abstained: ${{ no_evidence: "no evidence", no_documents: "no documents", unsupported: "nothing was supported" }[reply.reason] || "no reason given"}.`),
    quote,
    reply.dropped && h("details", { class: "dropped" }, h("summary", null, `${counted(reply.dropped.length, "sentence")} dropped by verification`),
      h("ul", null, reply.dropped.map((one) => h("li", null, sentence(one))))),
    reply.generator && h("p", { class: "note" }, "Written by ", foreign(reply.generator)));
}

function quoteParts(dataset, question, citation) {
  const { passage: number, start, end } = citation;
  const passage = number === undefined ? null : passageOf(dataset, number);
  const facts = [citation.where, citation.support !== undefined && `support ${figure(citation.support)}`, `characters ${start}–${end}`];
  const isShown = passage && passage.text !== null && end <= passage.start + slicer(passage.text).length;
  return [
    h("p", { class: "where" }, h("b", null, `[${citation.marker}] `), foreign(citation.document), h("span", { class: "note" }, ` ${facts.filter(Boolean).join(", ")}`)),
    citation.exact === false && h("p", { class: "bad" }, "The document does not say this there. Quoted was: ", foreign(citation.quote)),
    isShown ? marked(passage, { cited: [[start, end]], gold: goldSpans(question, passage), within: [start - 400, end + 400] })
      : h("p", { class: "text" }, h("span", { class: "cited" }, foreign(citation.quote))),
  ];
}
