/**
 * A screen as a function of what is known: `h()` describes, `render()` changes what differs.
 *
 * Elements stay where they are as long as their tag and key do, so that a finger on a button, the focus and a scrolled list
 * survive every change. Handlers are properties and styles go through the CSSOM: the page's CSP allows nothing inline.
 */

/**
 * @typedef {object} VNode
 * @property {string} tag empty for a text
 * @property {Record<string, any>} props
 * @property {VNode[]} children
 * @property {string} text
 * @property {Node|null} dom
 * @property {unknown[]|null} deps
 */

/** @typedef {VNode|string|number|null|undefined|false|Child[]} Child */

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "use", "path", "circle"]);

/**
 * Describe an element. `on…` are handlers, `key` tells siblings apart, `mounted(element)` runs once when it is there,
 * `opaque` leaves what is inside to whoever was told by `mounted`.
 * @param {string} tag
 * @param {Record<string, any>|null} [props]
 * @param {...Child} children
 * @returns {VNode}
 */
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: flat(children), text: "", dom: null, deps: null };
}

/**
 * Describe an element that stays as it is while `deps` are the same: rows of long lists.
 * @param {unknown[]} deps
 * @param {() => VNode} describe
 * @param {VNode|undefined} last what this returned the last time
 */
export function memo(deps, describe, last) {
  if (last?.deps && deps.length === last.deps.length && deps.every((dep, i) => dep === last.deps?.[i])) return last;
  const node = describe();
  node.deps = deps;
  return node;
}

/**
 * Make an element show these children.
 * @param {Element} container
 * @param {...Child} children
 */
export function render(container, ...children) {
  const root = /** @type {Element & {held?: VNode[]}} */ (container);
  const next = flat(children);
  if (!root.held) container.replaceChildren();
  patchChildren(container, root.held ?? [], next);
  root.held = next;
}

/**
 * An icon of USWDS's one set.
 * @param {string} name
 */
export function icon(name) {
  return h("svg", { class: "icon", "aria-hidden": "true" }, h("use", { href: `${sprite()}#${name}` }));
}

/** @type {string|null} */
let spriteUrl = null;
function sprite() {
  spriteUrl ??= document.querySelector('meta[name="sprite"]')?.getAttribute("content") ?? "";
  return spriteUrl;
}

/**
 * Take all icons into the page, so that one that is first needed without signal is there.
 */
export async function loadIcons() {
  try {
    const text = await (await fetch(sprite())).text();
    const all = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    if (all.nodeName !== "svg") return;
    all.setAttribute("hidden", "");
    document.body.append(document.importNode(all, true));
    spriteUrl = "";
  } catch {
    // They come one by one from the file, then.
  }
}

/**
 * @param {Child[]} children
 * @param {VNode[]} [into]
 * @returns {VNode[]}
 */
function flat(children, into = []) {
  for (const child of children) {
    if (Array.isArray(child)) flat(child, into);
    else if (child === null || child === undefined || child === false) continue;
    else if (typeof child === "object") into.push(child);
    else into.push({ tag: "", props: {}, children: [], text: String(child), dom: null, deps: null });
  }
  return into;
}

/**
 * @param {VNode} vnode
 * @returns {Node}
 */
function create(vnode) {
  if (!vnode.tag) return (vnode.dom = document.createTextNode(vnode.text));
  const element = SVG_TAGS.has(vnode.tag) ? document.createElementNS(SVG, vnode.tag) : document.createElement(vnode.tag);
  vnode.dom = element;
  patchProps(element, {}, vnode.props);
  if (!vnode.props.opaque) patchChildren(element, [], vnode.children);
  if (vnode.props.mounted) queueMicrotask(() => vnode.props.mounted(element));
  return element;
}

/**
 * @param {VNode} old
 * @param {VNode} next
 * @returns {Node}
 */
function update(old, next) {
  if (old === next) return /** @type {Node} */ (old.dom);
  next.dom = old.dom;
  if (!next.tag) {
    if (old.text !== next.text) /** @type {Text} */ (next.dom).data = next.text;
    return /** @type {Node} */ (next.dom);
  }
  const element = /** @type {Element} */ (next.dom);
  patchProps(element, old.props, next.props);
  if (!next.props.opaque) patchChildren(element, old.children, next.children);
  return element;
}

/**
 * @param {Element} parent
 * @param {VNode[]} old
 * @param {VNode[]} next
 */
function patchChildren(parent, old, next) {
  /** @type {Map<string, VNode>} */
  const keyed = new Map();
  /** @type {VNode[]} */
  const loose = [];
  for (const child of old) {
    if (child.props.key === undefined) loose.push(child);
    else keyed.set(`${child.tag}|${child.props.key}`, child);
  }
  const kept = new Set();
  const nodes = next.map((child) => {
    let match;
    if (child.props.key !== undefined) {
      match = keyed.get(`${child.tag}|${child.props.key}`);
      if (match) keyed.delete(`${child.tag}|${child.props.key}`);
    } else {
      const at = loose.findIndex((other) => other.tag === child.tag && (other.props.class ?? "") === (child.props.class ?? ""));
      const any = at >= 0 ? at : loose.findIndex((other) => other.tag === child.tag);
      match = any >= 0 ? loose.splice(any, 1)[0] : undefined;
    }
    const node = match ? update(match, child) : create(child);
    kept.add(node);
    return node;
  });
  for (const child of old) if (child.dom && !kept.has(child.dom) && child.dom.parentNode === parent) parent.removeChild(child.dom);
  let place = parent.firstChild;
  for (const node of nodes) {
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
}

/**
 * @param {Element} element
 * @param {Record<string, any>} old
 * @param {Record<string, any>} next
 */
function patchProps(element, old, next) {
  for (const name of Object.keys(old)) if (!(name in next)) setProp(element, name, undefined);
  for (const [name, value] of Object.entries(next)) if (old[name] !== value) setProp(element, name, value);
}

/**
 * @param {any} element
 * @param {string} name
 * @param {any} value
 */
function setProp(element, name, value) {
  if (name === "key" || name === "mounted" || name === "opaque") return;
  if (name.startsWith("on")) element[name.toLowerCase()] = value ?? null;
  else if (name === "value" || name === "checked") element[name] = value ?? "";
  else if (value === undefined || value === null || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}
