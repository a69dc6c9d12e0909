/**
 * What an officer is asked, one question a screen, and what goes to the server of it. No page, no network, no clock.
 */

/** @typedef {{id: string, body: Record<string, any>}} Type */
/** @typedef {Record<string, any>} Said */

/** The order of the screens; some are left out by `steps`. */
export const KINDS = [
  ["CALL", "A call I am on", "CARE takes it over from you. It keeps its number."],
  ["ON_VIEW", "Somebody I came upon", "There is no call yet. One is made."],
  ["PERSON", "A person, for later", "No unit is sent. CARE calls or visits another day."],
];

/** @type {[string, string, string][]} the required ones first */
export const ANSWERS = [
  ["searched", "Has the person been searched?", ""],
  ["weapons", "Are there weapons?", "Seen, said, or known to be near."],
  ["threats", "Is anybody threatening violence?", ""],
  ["medical", "Does anybody need an ambulance now?", ""],
];

/**
 * The screens of what is being said.
 * @param {Said} said
 * @returns {string[]}
 */
export function steps(said) {
  const later = said["kind"] === "PERSON";
  return ["kind", ...(said["kind"] === "CALL" ? ["number"] : []), "what", "where", "safe", ...(later ? ["contact"] : ["staying"]), "check"];
}

/**
 * Whether a screen is answered.
 * @param {string} step
 * @param {Said} said
 */
export function answered(step, said) {
  switch (step) {
    case "kind":
      return Boolean(said["kind"]);
    case "number":
      return text(said["number"]) !== "";
    case "what":
      return Boolean(said["what"]);
    case "where":
      return said["kind"] !== "ON_VIEW" || text(said["address"]) !== "" || Boolean(said["point"]);
    case "safe":
      return ANSWERS.every(([name]) => ["YES", "NO", "UNKNOWN"].includes(said[name]));
    case "contact":
      return text(said["contact"]) !== "" || text(said["address"]) !== "";
    case "staying":
      return typeof said["staying"] === "boolean";
    default:
      return true;
  }
}

/**
 * The first screen that still wants an answer, or "check".
 * @param {Said} said
 */
export function nextOpen(said) {
  return steps(said).find((step) => !answered(step, said)) ?? "check";
}

/**
 * What is sent: what was answered and belongs to the kind, and nothing else.
 * @param {Said} said
 * @returns {Record<string, any>}
 */
export function args(said) {
  const later = said["kind"] === "PERSON";
  /** @type {Record<string, any>} */
  const all = {
    kind: said["kind"],
    number: said["kind"] === "CALL" ? text(said["number"]) : "",
    what: said["what"],
    text: text(said["text"]),
    address: text(said["address"]),
    point: said["point"] ? { lon: said["point"].lon, lat: said["point"].lat } : null,
    place_kind: said["place_kind"] ?? "UNKNOWN",
    searched: said["searched"],
    weapons: said["weapons"],
    threats: said["threats"],
    medical: said["medical"],
    contact: later ? text(said["contact"]) : "",
    staying: later ? false : said["staying"] === true,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== "" && value !== null && value !== undefined));
}

/**
 * The types that fit what is typed, those that CARE takes first.
 * @param {Type[]} types
 * @param {string} typed
 * @param {number} most
 */
export function fitting(types, typed, most) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const order = ["GREEN", "YELLOW", "RED"];
  return types
    .filter((type) => words.every((word) => String(type.body["label"]).toLowerCase().includes(word)))
    .sort((a, b) => order.indexOf(a.body["color"]) - order.indexOf(b.body["color"]) || String(a.body["label"]).localeCompare(String(b.body["label"]), "en"))
    .slice(0, most);
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value.trim() : "";
}
