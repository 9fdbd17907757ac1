/** Colours Lua before the editor is there: the same classes as the editor's, from one regular expression. */

const keywords = new Set("and break do else elseif end false for function goto if in local nil not or repeat return then true until while".split(" "));

const token = /(--\[(=*)\[[\s\S]*?(?:\]\2\]|$)|--[^\n]*)|(\[(=*)\[[\s\S]*?(?:\]\4\]|$)|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?)|\b(0x[\da-f]+|\d+(?:\.\d+)?(?:e[-+]?\d+)?)\b|\b([A-Za-z_]\w*)\b/gi;

/** `code` as text and spans. */
export function highlighted(code: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  let from = 0;
  for (const match of code.matchAll(token)) {
    const [text, comment, , string, , number, word] = match;
    const kind = comment !== undefined ? "comment" : string !== undefined ? "string" : number !== undefined ? "number" : word !== undefined && keywords.has(word) ? "keyword" : null;
    if (kind === null) continue;
    fragment.append(code.slice(from, match.index));
    const span = document.createElement("span");
    span.className = `tok-${kind}`;
    span.textContent = text;
    fragment.append(span);
    from = match.index + text.length;
  }
  fragment.append(code.slice(from));
  return fragment;
}
