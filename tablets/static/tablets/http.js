/**
 * One way to ask the server, for the line, the actions and the pages.
 */

/**
 * An answer that is no success. `status` 0: no answer came at all, so whether it was done is not known.
 */
export class NoAnswer extends Error {
  /**
   * @param {number} status
   * @param {import("./wire.js").Problem} problem
   * @param {number} [retryAfter] seconds, where the server said so
   * @param {any} [body] the whole answer, where it was JSON
   */
  constructor(status, problem, retryAfter = 0, body = null) {
    super(problem.message);
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
    this.body = body;
  }
}

/**
 * @callback FetchJson
 * @param {string} path
 * @param {unknown} [body] sent as JSON by POST; without it the path is fetched by GET
 * @param {string} [method] another one
 * @returns {Promise<any>}
 */

/**
 * Return a function that sends JSON and returns JSON, and throws `NoAnswer` for anything else.
 * @param {{headers: Record<string, string>, limitMs?: number}} options `headers` say who asks: a tablet or a page
 * @returns {FetchJson}
 */
export function jsonFetcher({ headers, limitMs = 10_000 }) {
  return async (path, body, method = body === undefined ? "GET" : "POST") => {
    /** @type {Response|undefined} */
    let response;
    let answer;
    try {
      response = await fetch(path, {
        method,
        headers: { Accept: "application/json", "Content-Type": "application/json", ...headers },
        credentials: "same-origin",
        cache: "no-store",
        redirect: "error",
        signal: AbortSignal.timeout(limitMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      answer = response.status === 204 ? {} : await response.json();
    } catch {
      // With a status it is a page that is no JSON: something between us and the application answered for it.
      throw new NoAnswer(response?.status ?? 0, { code: "no_answer", message: "No answer from the server." });
    }
    if (response.ok) return answer;
    const problem = {
      code: String(answer?.code ?? "error"),
      message: String(answer?.message ?? "The server could not do this."),
      facts: answer?.facts ?? {},
    };
    throw new NoAnswer(response.status, problem, Number(response.headers.get("Retry-After")) || 0, answer);
  };
}
