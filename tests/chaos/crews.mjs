/**
 * Crews with the tablet's own JavaScript core, on a network that loses, doubles, delays and reorders requests and
 * responses, in tabs that die. Everything random comes from one seed.
 *
 * Reads `{origin, seed, steps, tablets: [{token, actor, call, assignment}]}` from stdin, and writes what each tablet did, was
 * told and holds at the end. "ran" on stdout says that the crews are at their end; the end of stdin, that the desk is too.
 */
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { Browser } from "../js/peer.js";
import { Network, ask, generator } from "./network.mjs";

const said = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { origin, seed, steps, tablets } = JSON.parse((await said.next()).value);

class Crew {
  made = [];
  deaths = 0;
  #told;
  #random;
  #network;
  #browser;
  #tab;
  #steps = ["assignment.deliver", "assignment.acknowledge", "assignment.en_route", "assignment.arrive"];

  constructor(told, random) {
    this.#told = told;
    this.#random = random;
    this.#network = new Network({ origin, token: told.token }, random);
    this.#browser = new Browser({ fetchJson: this.#network.fetchJson });
    // Up to two hours wrong, either way: the offset is measured at the first exchange.
    this.#browser.offset = (random() - 0.5) * 4 * 3_600_000;
  }

  async #open() {
    const tab = await this.#browser.tab();
    if (tab.device.locked) {
      const released = await this.#keys(tab);
      await tab.device.unlock({ ...released, person: this.#told.actor, keyId: released.key_id, leaseUntil: released.lease_until });
    }
    return tab;
  }

  /** Signing on is done where there is signal; it is also how the tablet first learns what time it is. */
  async #keys(tab) {
    const { installation } = tab.device;
    const local = () => Date.now() + this.#browser.offset;
    for (;;) {
      const sentAt = local();
      try {
        const released = await ask({ origin, token: this.#told.token }, "/api/tablets/key/", { installation });
        tab.options.clock.offer(released.now, sentAt, local());
        return released;
      } catch {
        await sleep(50);
      }
    }
  }

  async run() {
    this.#tab = await this.#open();
    for (let step = 0; step < steps; step++) {
      await this.#act();
      await sleep(this.#random() * 40);
      if (this.#random() < 0.03) await this.#die();
    }
  }

  async #act() {
    const { device } = this.#tab;
    const luck = this.#random();
    const actor = this.#told.actor;
    if (luck < 0.4) {
      const answered = device.exchange();
      // Most crews look at the screen until something moves; some go on at once.
      if (this.#random() < 0.7) await answered;
      return;
    }
    let kind = "call.note";
    /** @type {Record<string, unknown>} */
    let args = { call: this.#told.call, text: crypto.randomUUID() };
    if (luck < 0.55 && this.#steps.length) {
      kind = this.#steps.shift();
      args = { assignment: this.#told.assignment };
    } else if (luck < 0.65) {
      const board = device.replica.all("call", "area.").filter(({ body }) => body.status === "PENDING");
      const wanted = board[Math.floor(this.#random() * board.length)];
      if (wanted) {
        kind = "call.self_dispatch";
        args = { call: Number(wanted.id) };
      }
    } else if (luck < 0.7) {
      kind = "unit.duty";
      args = { duty: "AVAILABLE" };
    }
    // The tab may die while it writes this down: then nobody was told that it is kept, and it may be there or not.
    const action = await device.do(kind, args, { actor });
    this.made.push({ id: action.id, seq: action.seq, kind, args });
  }

  /** The tab's process is killed, in the middle of whatever it was doing, and the app is opened again. */
  async #die() {
    this.deaths += 1;
    void this.#tab.device.exchange();
    await sleep(this.#random() * 30);
    this.#browser.kill(this.#tab);
    this.#tab = await this.#open();
  }

  /** The network is well again: send everything, and hear everything. */
  async exchange() {
    this.#network.healed = true;
    const { device } = this.#tab;
    const end = Date.now() + 60_000;
    for (let quiet = 0; quiet < 2; ) {
      if (Date.now() > end) throw new Error(`still pending: ${JSON.stringify(device.status())}`);
      const answered = await device.exchange();
      quiet = answered && !device.status().pending ? quiet + 1 : 0;
      if (!answered) await sleep(50);
    }
  }

  /** @returns what was made, told and held, when nothing more will come. */
  async finish() {
    const { device } = this.#tab;
    const disk = await this.#browser.disk();
    const holds = Object.fromEntries(device.replica.streams().map((name) => [name, device.replica.heldIn(name).map(({ c, id, n, body }) => [c, id, n, body])]));
    const result = {
      installation: device.installation,
      made: this.made,
      verdicts: Object.fromEntries([...disk.outbox, ...disk.answers].map((row) => [row.id, row.settled?.status ?? null])),
      holds,
      deaths: this.deaths,
      faults: this.#network.faults,
    };
    this.#browser.close();
    return result;
  }
}

const crews = tablets.map((told, place) => new Crew(told, generator(seed * 1009 + place)));
await Promise.all(crews.map((crew) => crew.run()));
process.stdout.write("ran\n");
await said.next();
await Promise.all(crews.map((crew) => crew.exchange()));
// What the last crew sent is news to the first.
await Promise.all(crews.map((crew) => crew.exchange()));
const results = await Promise.all(crews.map((crew) => crew.finish()));
process.stdout.write(JSON.stringify(results), () => process.exit(0));
