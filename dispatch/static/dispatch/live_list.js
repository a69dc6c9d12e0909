// A list that the server draws and this page keeps up to date without moving anything under somebody's hands.

/**
 * Rows are elements with `data-key`, in the order in which the server wants them. A row that changed is drawn anew where it
 * stands. New rows and another order wait behind the button `#fresh`, unless nobody is at the list. What is not a row and
 * changes (counts, say) has `data-live` and an id; what changes outside of the list comes in it, hidden, with `data-elsewhere`: the
 * id of where it stands.
 */
export class LiveList {
  /** @type {HTMLElement} */
  #root;
  /** @type {() => string} */
  #address;
  /** @type {() => void} */
  #drawn;
  /** @type {Map<string, string>} what the server last sent of each row: a row is redrawn only when that differs */
  #sent = new Map();
  /** @type {string | null} the list as the server wants it, while it waits behind the button */
  #waiting = null;
  #asked = 0;
  #timer = 0;

  /**
   * @param {{root: HTMLElement, address: () => string, everyMs: number, drawn: () => void}} options `address` is where the
   *   list is asked for; `drawn` is called after rows were drawn
   */
  constructor({ root, address, everyMs, drawn }) {
    this.#root = root;
    this.#address = address;
    this.#drawn = drawn;
    this.#remember(root);
    this.#timer = window.setInterval(() => {
      if (!document.hidden) void this.look();
    }, everyMs);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.look();
    });
    root.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest("#fresh")) this.show();
    });
  }

  /** Stop asking. */
  stop() {
    window.clearInterval(this.#timer);
  }

  /** @returns {HTMLElement[]} */
  get rows() {
    return [...this.#root.querySelectorAll(/** @type {"div"} */ ("[data-key]"))];
  }

  /**
   * Ask for the list, and take in what can be taken in without moving anything.
   * @param {{whole?: boolean}} [how] `whole`: show it as it comes, because somebody asked for another list
   * @returns {Promise<boolean>} whether an answer came
   */
  async look({ whole = false } = {}) {
    const asked = ++this.#asked;
    const answer = await fetch(this.#address(), {
      headers: whole ? {} : { "X-Background": "1" },
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
    }).catch(() => null);
    if (!answer?.ok) {
      this.#root.classList.toggle("stale", true);
      return false;
    }
    const text = await answer.text();
    // An earlier question that is answered late says what was so before.
    if (asked !== this.#asked) return true;
    this.#root.classList.toggle("stale", false);
    this.#take(text, whole || this.#isLeftAlone());
    return true;
  }

  /** Show the list as the server last sent it; the row that has the focus keeps it. */
  show() {
    if (this.#waiting === null) return;
    const active = document.activeElement;
    const key = active instanceof HTMLElement ? active.closest("[data-key]")?.getAttribute("data-key") : null;
    const field = active instanceof HTMLElement && this.#root.contains(active) ? active.id : "";
    this.#root.innerHTML = this.#waiting;
    this.#waiting = null;
    this.#remember(this.#root);
    this.#drawn();
    const again = field ? document.getElementById(field) : this.rows.find((row) => row.dataset["key"] === key);
    again?.focus({ preventScroll: true });
  }

  /**
   * @param {string} text
   * @param {boolean} whole
   */
  #take(text, whole) {
    const incoming = document.createElement("template");
    incoming.innerHTML = text;
    for (const part of incoming.content.querySelectorAll(/** @type {"b"} */ ("[data-elsewhere]"))) {
      const there = document.getElementById(part.dataset["elsewhere"] ?? "");
      if (there && there.textContent !== part.textContent) there.textContent = part.textContent;
      if (there) there.hidden = !part.textContent;
    }
    if (whole) {
      this.#waiting = text;
      this.show();
      return;
    }
    for (const part of incoming.content.querySelectorAll("[data-live]")) {
      const old = document.getElementById(part.id);
      if (old && old.innerHTML !== part.innerHTML) old.innerHTML = part.innerHTML;
    }
    const fresh = [...incoming.content.querySelectorAll(/** @type {"div"} */ ("[data-key]"))];
    const keys = fresh.map((row) => row.dataset["key"] ?? "");
    const before = this.rows.map((row) => row.dataset["key"] ?? "");
    const known = new Set(before);
    for (const row of fresh) this.#redraw(row);
    const added = keys.filter((key) => !known.has(key)).length;
    const moved = keys.join(" ") !== before.join(" ");
    this.#waiting = moved ? text : null;
    const button = document.getElementById("fresh");
    if (!button) return;
    button.hidden = !moved;
    if (moved) button.textContent = added ? `${added} new: show` : "The order has changed: show";
  }

  /** @param {HTMLElement} row */
  #redraw(row) {
    const key = row.dataset["key"] ?? "";
    const old = this.rows.find((one) => one.dataset["key"] === key);
    const html = row.outerHTML;
    if (!old || this.#sent.get(key) === html) return;
    // What somebody reads or answers in it is not taken away.
    if (old.dataset["busy"] !== undefined || (old !== document.activeElement && old.contains(document.activeElement))) return;
    this.#sent.set(key, html);
    const focused = old === document.activeElement;
    const open = old.querySelector("details[open]") !== null;
    // What it said of an action stays beside what came of it.
    const said = old.querySelector(".row-outcome:not([hidden])");
    if (said) row.querySelector(".row-outcome")?.replaceWith(said);
    old.replaceWith(row);
    if (open) row.querySelector("details")?.setAttribute("open", "");
    if (focused) row.focus({ preventScroll: true });
    this.#drawn();
  }

  /** Tell whether nobody is at the list: not with the pointer, not with the keyboard, not scrolled into it, not asked about it. */
  #isLeftAlone() {
    return !document.querySelector("dialog[open]") && !this.#root.matches(":hover") && !this.#root.contains(document.activeElement) && window.scrollY < 40;
  }

  /** @param {ParentNode} holder */
  #remember(holder) {
    this.#sent = new Map();
    for (const row of holder.querySelectorAll(/** @type {"div"} */ ("[data-key]"))) this.#sent.set(row.dataset["key"] ?? "", row.outerHTML);
  }
}

/**
 * Move the focus among rows: "j" and "k".
 * @param {HTMLElement[]} rows
 * @param {1 | -1} by
 */
export function step(rows, by) {
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/**
 * The row that has the focus, or that holds what has it.
 * @param {HTMLElement[]} rows
 * @returns {HTMLElement | null}
 */
export function here(rows) {
  return rows.find((row) => row === document.activeElement || row.contains(document.activeElement)) ?? null;
}
