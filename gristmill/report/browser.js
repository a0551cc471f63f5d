"use strict";
// The browser of rows and rejects. What a model wrote is only ever set as text, never as markup.
{
  const STEP = 20;
  const found = JSON.parse(document.getElementById("rows").textContent);
  const place = (id) => document.getElementById(id);
  const [search, kind, group, count, list, more] = ["search", "kind", "group", "found", "list", "more"].map(place);
  const groupOf = {
    rows: (row) => `${row.recipe}, ${row.split}`,
    rejects: (row) => `${row.stage}: ${row.reason}`,
  };
  const texts = {};
  for (const [name, rows] of Object.entries(found)) {
    texts[name] = rows.map((row) => Object.values(row).map((value) => (value && value.before !== undefined
      ? value.before + value.evidence + value.after : value)).join("\n").toLowerCase());
  }
  let shown = STEP;

  const element = (tag, className, ...content) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...content);
    return made;
  };
  const focusable = (made) => { made.tabIndex = 0; return made; };
  const part = (title, text) => (text ? [element("h3", "", title), focusable(element("pre", "", text))] : []);

  const passage = ({ before, evidence, after }) => {
    if (!before && !evidence && !after) return [];
    return [focusable(element("div", "context", before, ...(evidence ? [element("mark", "", evidence)] : []), after))];
  };

  const drawn = {
    rows: (row) => [
      element("summary", "", element("span", "q", row.prompt)),
      element("p", "", row.response),
      ...part("The worse answer", row.rejected),
      ...part("Conversation", row.conversation),
      ...passage(row.context),
      element("p", "quiet small", [row.split, `judge: ${row.judged}`, row.faults, row.recipe, row.model,
        `${row.source} (${row.licence})`].filter(Boolean).join(" · "), " · ", element("code", "", row.id)),
    ],
    rejects: (row) => [
      element("summary", "", element("b", "", `${row.stage}: ${row.reason}`),
        (row.value ? ` · measured ${row.value}` : "") + (row.threshold ? ` · required ${row.threshold}` : "")),
      focusable(element("pre", "", row.text)),
      element("p", "quiet small", row.where ? `${row.where} · ` : "", element("code", "", row.id)),
    ],
  };

  const show = () => {
    const [rows, words] = [found[kind.value], search.value.toLowerCase().split(/\s+/).filter(Boolean)];
    const fits = (row, number) => (!group.value || groupOf[kind.value](row) === group.value)
      && words.every((word) => texts[kind.value][number].includes(word));
    const kept = rows.filter(fits);
    list.replaceChildren(...kept.slice(0, shown).map((row, number) => {
      const made = element("details", "row", ...drawn[kind.value](row));
      made.open = kind.value === "rows" && number < 3;
      return made;
    }));
    count.textContent = `${kept.length} of ${rows.length} match, ${Math.min(shown, kept.length)} listed`;
    more.hidden = kept.length <= shown;
  };

  const regroup = () => {
    const counts = new Map();
    for (const row of found[kind.value]) counts.set(groupOf[kind.value](row), (counts.get(groupOf[kind.value](row)) ?? 0) + 1);
    const options = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, rows]) => new Option(`${name} (${rows})`, name));
    group.replaceChildren(new Option("all", ""), ...options);
  };

  const afresh = () => { shown = STEP; show(); };
  search.addEventListener("input", afresh);
  group.addEventListener("change", afresh);
  kind.addEventListener("change", () => { regroup(); afresh(); });
  more.addEventListener("click", () => {
    const next = shown;
    shown += STEP;
    show();
    list.children[next].querySelector("summary").focus();
  });
  regroup();
  show();
}
