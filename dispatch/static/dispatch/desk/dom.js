// Small helpers for the page's elements. Text is always set as text, never as markup.

const SPRITE = "/static/uswds/img/sprite.svg";

/**
 * Make an element. `attrs` are attributes; a function is a listener, `class` is the class, `null` and `false` are left out.
 *
 * @param {string} tag
 * @param {Record<string, any>} [attrs]
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function el(tag, attrs = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map(asNode));
  return node;
}

/**
 * @param {any} child
 * @returns {Node | string}
 */
function asNode(child) {
  return child instanceof Node ? child : String(child);
}

/**
 * One of USWDS's icons; hidden from readers, because a word always stands beside it.
 *
 * @param {string} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${SPRITE}#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Find an element that the template promises.
 *
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const node = document.getElementById(id);
  if (node === null) throw new Error(`the page has no #${id}`);
  return node;
}

/**
 * Set the text of an element when it differs, so that a tick of the clock leaves selections and readers alone.
 *
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Make the children of `parent` those of `items`, in their order, keeping elements (and focus) of keys that stay.
 *
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} make
 * @param {(node: HTMLElement, item: T) => void} update
 */
export function keyed(parent, items, keyOf, make, update) {
  /** @type {Map<string, HTMLElement>} */
  const old = new Map();
  for (const child of /** @type {HTMLElement[]} */ ([...parent.children])) old.set(child.dataset["key"] ?? "", child);
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = old.get(key);
    if (node === undefined) {
      node = make(item);
      node.dataset["key"] = key;
    }
    old.delete(key);
    update(node, item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}

/**
 * Replace the content of an element when what it shows (`key`) has changed, unless somebody is typing or choosing in it.
 *
 * @param {HTMLElement} node
 * @param {string} key
 * @param {() => (Node | string | null | false)[]} content
 */
export function fill(node, key, content) {
  if (node.dataset["shown"] === key) return;
  const active = document.activeElement;
  /** @type {string | undefined} */
  let name;
  if (active instanceof HTMLElement && node.contains(active)) name = active.dataset["focus"];
  node.replaceChildren(...content().filter((child) => child !== null && child !== false).map(asNode));
  node.dataset["shown"] = key;
  if (name) /** @type {HTMLElement | null} */ (node.querySelector(`[data-focus="${CSS.escape(name)}"]`))?.focus();
}

/**
 * The cap of a key, beside what it does.
 *
 * @param {string} text
 * @returns {HTMLElement}
 */
export function key(text) {
  return el("kbd", { "aria-hidden": "true" }, text);
}
