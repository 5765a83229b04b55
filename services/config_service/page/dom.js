// Elements, made without a line of markup: what the API says can never become any.

const SVG = "http://www.w3.org/2000/svg";
const AWAY_MS = 100;

export const byId = (id) => document.getElementById(id);

/** An element. `given`: attributes; `on` holds listeners; null and false leave an attribute out. */
export const h = (tag, given = {}, ...children) => fill(document.createElement(tag), given, children);

/** An element of a drawing. */
export const svg = (tag, given = {}, ...children) => fill(document.createElementNS(SVG, tag), given, children);

/** Put `children`, without the nulls, in place of what an element holds. */
export const replace = (element, ...children) => element.replaceChildren(...children.filter((child) => child !== null));

/** The same, for what is refreshed: nothing is touched where it looks the same already, so `children` have no listeners. */
export function show(element, ...children) {
  const fresh = document.createElement("div");
  replace(fresh, ...children);
  if (element.childNodes.length === fresh.childNodes.length && looksTheSame(element, fresh)) return;
  element.replaceChildren(...fresh.childNodes);
}

/** Make `children` what an element holds. Those that are there already are not even moved, and so keep focus and selection. */
export function arrange(element, children) {
  for (const gone of [...element.children].filter((child) => !children.includes(child))) gone.remove();
  for (const [index, child] of children.entries()) if (element.children[index] !== child) element.insertBefore(child, element.children[index] ?? null);
}

/** Change an element's text, where it is another one: screen readers speak every change of a live region. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Put a complaint, or none, where complaints are spoken. The same words are spoken again once they were away for a moment. */
export function complain(element, sentence) {
  if (element.textContent !== sentence) {
    element.textContent = sentence;
    return;
  }
  element.textContent = "";
  setTimeout(() => {
    if (element.textContent === "") element.textContent = sentence;
  }, AWAY_MS);
}

function fill(element, given, children) {
  const { on = {}, ...attributes } = given;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function looksTheSame(one, other) {
  return [...one.childNodes].every((node, index) => node.isEqualNode(other.childNodes[index]));
}
