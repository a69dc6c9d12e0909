/**
 * Begin or join a shift at this tablet.
 */

import { openHere } from "./here.js";
import { NoAnswer, jsonFetcher } from "./http.js";

const LOOK_EVERY_MS = 2_000;
const config = JSON.parse(document.getElementById("config")?.textContent ?? "{}");
const fetchJson = jsonFetcher({ headers: { "X-Tablet": "1" } });
const form = /** @type {HTMLFormElement} */ (document.getElementById("sign-on"));
const problem = /** @type {HTMLElement} */ (document.getElementById("problem"));
const second = /** @type {HTMLElement} */ (document.getElementById("second"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
/** @param {string} id */
const field = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id));

/** The next time it is this time of day, as an instant. @param {string} time */
function nextAt(time) {
  const [hour = 0, minute = 0] = time.split(":").map(Number);
  const instant = new Date();
  instant.setHours(hour, minute, 0, 0);
  if (instant.getTime() <= Date.now()) instant.setDate(instant.getDate() + 1);
  return instant.toISOString();
}

async function signOn() {
  problem.textContent = "";
  const missing = ["email", "password"].find((id) => !field(id).value.trim());
  if (missing) {
    problem.textContent = `Type your ${missing === "email" ? "e-mail" : "password"} first.`;
    field(missing).focus();
    return;
  }
  button.disabled = true;
  button.textContent = "Signing on…";
  try {
    await fetchJson("/api/tablets/sign-on/", {
      email: field("email").value.trim(),
      password: field("password").value,
      ...(field("code").value.trim() ? { code: field("code").value.trim() } : {}),
      ...(field("until").value ? { planned_end_at: nextAt(field("until").value) } : {}),
    });
    try {
      sessionStorage.clear();
    } catch {
      // Nothing was kept, then.
    }
    location.replace("/tablet/");
    return;
  } catch (error) {
    const { status, problem: why } = /** @type {NoAnswer} */ (error);
    if (why.code === "tablet_unknown") return location.replace("/tablet/pair/");
    if (why.code.startsWith("second_factor_needed") || (why.code.includes("second_factor") && second.hidden)) {
      second.hidden = false;
      problem.textContent = "Now the code from your authenticator.";
      field("code").focus();
    } else {
      problem.textContent = status === 0 ? "No answer from the server. Check the connection and try again." : why.message;
      field("password").focus();
    }
  }
  button.disabled = false;
  button.textContent = "Sign on";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void signOn();
});

/** What those before have done here and is not sent yet goes on its way, whoever signs on. */
async function sendWhatIsLeft() {
  const left = /** @type {HTMLElement} */ (document.getElementById("left"));
  const device = await openHere({ fetchJson, version: config.version ?? "", onChange: () => {} });
  addEventListener("online", () => device.wake());
  for (;;) {
    const { pending: waiting } = device.status();
    left.textContent = waiting ? `${waiting} ${waiting === 1 ? "thing that was done here is" : "things that were done here are"} not sent yet. It is kept, and sends itself.` : "";
    // It tries by itself; a line that is back is tried at once.
    byPin.hidden = !offline || device.people().length === 0;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

let offline = false;
const byPin = /** @type {HTMLElement} */ (document.getElementById("by-pin"));
void sendWhatIsLeft();

if (config.demo) {
  const door = document.createElement("a");
  door.href = "/";
  door.textContent = "Step in from the first page";
  const why = /** @type {HTMLElement} */ (document.getElementById("why"));
  why.append("The demo's people have no passwords. ", door, " instead.");
}

// Ten hours is a shift; whoever works another changes it.
const end = new Date(Date.now() + 10 * 3_600_000);
field("until").value = `${String(end.getHours()).padStart(2, "0")}:00`;

fetchJson("/api/tablets/me/").then(
  (me) => {
    /** @type {HTMLElement} */ (document.getElementById("tablet-name")).textContent = me.name;
    if (me.person !== null) location.replace("/tablet/");
    else field("email").focus();
  },
  (/** @type {NoAnswer} */ error) => {
    if (error.status === 401) return location.replace("/tablet/pair/");
    offline = true;
    problem.textContent = "No answer from the server. You can sign on with your password when it is back.";
  },
);
