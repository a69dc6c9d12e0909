/**
 * The pages are served as one tree, which on disk is one directory for each app: what names the tablet's modules finds them.
 */
import { register } from "node:module";

register(
  `data:text/javascript,${encodeURIComponent(`
    export async function resolve(name, context, next) {
      const at = name.match(/^(?:\\.\\.\\/)+tablets\\/(.*)$/);
      if (!at || !/\\/(dispatch|followups|dashboard)\\/static\\//.test(context.parentURL ?? "")) return next(name, context);
      return next(new URL("tablets/static/tablets/" + at[1], "${new URL("../../", import.meta.url)}").href, context);
    }
  `)}`,
);

// Screens draw icons from the page's sprite.
globalThis.document ??= { querySelector: () => null };
// A tap is felt where the device can; Node 20 is none.
globalThis.navigator ??= {};

/** What a screen says, in reading order. */
export const textOf = (node) => (Array.isArray(node) ? node.map(textOf).join(" ") : !node ? "" : typeof node === "object" ? node.text || node.children.map(textOf).join(" ") : String(node));

/** All elements of a screen. */
export const elements = (node) => (Array.isArray(node) ? node.flatMap(elements) : node && typeof node === "object" ? [node, ...node.children.flatMap(elements)] : []);

/** Tap the button that says exactly this. */
export function tap(screen, words) {
  const found = elements(screen).filter(({ tag, children }) => tag === "button" && textOf(children).trim() === words);
  if (found.length !== 1) throw new Error(`${found.length} buttons say "${words}"`);
  found[0].props.onclick();
}

/** Write into the field of this label. */
export function write(screen, label, value) {
  const all = elements(screen);
  const id = all.find(({ tag, children }) => tag === "label" && textOf(children).trim() === label)?.props.for;
  const field = all.find(({ props }) => id && props.id === id);
  if (!field) throw new Error(`no field "${label}"`);
  (field.props.oninput ?? field.props.onchange)({ target: { value } });
}
