/**
 * Two sync engines that others wrote, RxDB and WatermelonDB, on two tablets of one unit: what they hold of the unit's own
 * calls and notes, and the notes that they write, go through their own replication code. Only what turns its words into
 * ours is here. Everything random comes from one seed.
 *
 * Reads `{origin, seed, notes, tablets: {rxdb: {token, actor}, watermelon: {…}}, call, unit}` from stdin, says "written" on
 * a line when everything was written down, goes on until stdin ends, and then writes what both hold.
 */
import "fake-indexeddb/auto";

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { createRxDatabase } from "rxdb/plugins/core";
import { replicateRxCollection } from "rxdb/plugins/replication";
import { getRxStorageMemory } from "rxdb/plugins/storage-memory";

import { Network, generator } from "./network.mjs";

// It ships CommonJS only.
const require = createRequire(import.meta.url);
const { Database, Model, appSchema, tableSchema } = require("@nozbe/watermelondb");
const LokiJSAdapter = require("@nozbe/watermelondb/adapters/lokijs").default;
const { setGenerator } = require("@nozbe/watermelondb/utils/common/randomId");
const { synchronize } = require("@nozbe/watermelondb/sync");

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { origin, seed, notes, tablets, call, unit } = JSON.parse((await lines.next()).value);
const STREAM = `unit.${unit}`;

/** What both adapters need of the protocol: one stream down, notes up, each with a place in the tablet's lane. */
class Wire {
  installation = randomUUID();
  #network;
  #actor;
  #epoch = null;

  constructor({ token, actor }, random) {
    this.#network = new Network({ origin, token }, random);
    this.#actor = actor;
  }

  get faults() {
    return this.#network.faults;
  }
  heal() {
    this.#network.healed = true;
  }

  async #exchange(more) {
    const answer = await this.#network.fetchJson("/api/sync", { protocol: 1, schema: 1, installation: this.installation, epoch: this.#epoch, first_seq: 1, ...more });
    this.#epoch = answer.epoch;
    return answer;
  }

  /** Return what has changed in the unit's stream since then: calls and notes. */
  async down(since) {
    const answer = await this.#exchange({ streams: since ? { [STREAM]: since } : {} });
    const { number, floor, reset, more, documents } = answer.streams[STREAM];
    const wanted = documents.filter(({ c }) => c === "call" || c === "note");
    return { mark: { number, floor }, reset: reset || !since, more, documents: wanted };
  }

  /** Send notes in the order of their places. */
  async up(drafts) {
    const actions = [...drafts]
      .sort((a, b) => a.seq - b.seq)
      .map(({ id, seq, text, at }) => ({ seq, id, kind: "call.note", v: 1, args: { call, text }, after: [], actor: this.#actor, happened_at: at }));
    const { answers } = await this.#exchange({ streams: {}, actions });
    const done = new Set(answers.filter(({ status }) => status === "applied").map(({ seq }) => seq));
    if (actions.some(({ seq }) => !done.has(seq))) throw new Error(`not applied: ${JSON.stringify(answers)}`);
  }
}

const schemaOf = (properties) => ({ version: 0, primaryKey: "id", type: "object", properties: { id: { type: "string", maxLength: 60 }, ...properties }, required: ["id"] });

/** RxDB: one collection that is pulled, one that is pushed. */
class WithRxDB {
  static async open(tablet, random) {
    const self = new WithRxDB();
    self.wire = new Wire(tablet, random);
    self.database = await createRxDatabase({ name: `unit${unit}`, storage: getRxStorageMemory(), multiInstance: false });
    await self.database.addCollections({
      held: { schema: schemaOf({ c: { type: "string" }, n: { type: "number" }, body: { type: "object" } }) },
      drafts: { schema: schemaOf({ seq: { type: "number" }, text: { type: "string" }, at: { type: "string" } }) },
    });
    const common = { live: true, retryTime: 20, autoStart: true, waitForLeadership: false };
    self.replications = [
      replicateRxCollection({ ...common, collection: self.database.held, replicationIdentifier: "held", pull: { batchSize: 100, handler: (since) => self.#pull(since) } }),
      replicateRxCollection({ ...common, collection: self.database.drafts, replicationIdentifier: "drafts", push: { batchSize: 3, handler: (rows) => self.#push(rows) } }),
    ];
    return self;
  }

  async #pull(since) {
    const { mark, reset, documents } = await this.wire.down(since);
    const came = documents.map(({ c, id, n, b, gone }) => ({ id: `${c}.${id}`, c, n, body: b ?? {}, _deleted: gone !== undefined }));
    if (reset) {
      const there = new Set(came.map(({ id }) => id));
      for (const document of await this.database.held.find().exec()) if (!there.has(document.id)) came.push({ ...document.toJSON(), _deleted: true });
    }
    return { documents: came, checkpoint: mark };
  }
  async #push(rows) {
    await this.wire.up(rows.map(({ newDocumentState }) => newDocumentState));
    return [];
  }

  write(draft) {
    return this.database.drafts.insert(draft);
  }
  async sync() {
    for (const replication of this.replications) replication.reSync();
    await sleep(30);
  }
  async finish() {
    this.wire.heal();
    for (const replication of this.replications) {
      replication.reSync();
      await replication.awaitInSync();
    }
    // One pull that begins when everything is said.
    this.replications[0].reSync();
    await sleep(100);
    await this.replications[0].awaitInSync();
    const found = await this.database.held.find().exec();
    return found.map((document) => document.toJSON()).map(({ id, n, body }) => [id, n, body]);
  }
}

class Held extends Model {
  static table = "held";
}
class Draft extends Model {
  static table = "drafts";
}

/** WatermelonDB: pull and push are one synchronize(), which is done again when it fails. */
class WithWatermelon {
  #mark = null;

  static async open(tablet, random) {
    const self = new WithWatermelon();
    self.wire = new Wire(tablet, random);
    const adapter = new LokiJSAdapter({
      dbName: `unit${unit}`,
      schema: appSchema({
        version: 1,
        tables: [
          tableSchema({ name: "held", columns: [{ name: "n", type: "number" }, { name: "body", type: "string" }] }),
          tableSchema({ name: "drafts", columns: [{ name: "seq", type: "number" }, { name: "text", type: "string" }, { name: "at", type: "string" }] }),
        ],
      }),
      useWebWorker: false,
      useIncrementalIndexedDB: true,
    });
    self.database = new Database({ adapter, modelClasses: [Held, Draft] });
    return self;
  }

  write({ id, seq, text, at }) {
    return this.database.write(() =>
      this.database.get("drafts").create((draft) => {
        draft._raw.id = id;
        Object.assign(draft._raw, { seq, text, at });
      }),
    );
  }

  async sync() {
    await synchronize({
      database: this.database,
      sendCreatedAsUpdated: true,
      // Its checkpoint is one number. Which tombstones cannot concern us goes with it, for as long as this runs.
      pullChanges: async ({ lastPulledAt }) => {
        const since = lastPulledAt && this.#mark?.number === lastPulledAt ? this.#mark : null;
        const { mark, reset, documents } = await this.wire.down(since);
        const updated = documents.filter(({ gone }) => gone === undefined).map(({ c, id, n, b }) => ({ id: `${c}.${id}`, n, body: JSON.stringify(b) }));
        const deleted = documents.filter(({ gone }) => gone !== undefined).map(({ c, id }) => `${c}.${id}`);
        if (reset) {
          const there = new Set(updated.map(({ id }) => id));
          for (const held of await this.database.get("held").query().fetch()) if (!there.has(held.id)) deleted.push(held.id);
        }
        this.#mark = mark;
        return { changes: { held: { created: [], updated, deleted }, drafts: { created: [], updated: [], deleted: [] } }, timestamp: mark.number };
      },
      pushChanges: ({ changes }) => this.wire.up(changes.drafts.created),
    });
  }
  async finish() {
    this.wire.heal();
    await this.sync();
    const found = await this.database.get("held").query().fetch();
    return found.map(({ _raw: { id, n, body } }) => [id, n, JSON.parse(body)]);
  }
}

const random = generator(seed);
setGenerator(randomUUID);
const clients = { rxdb: await WithRxDB.open(tablets.rxdb, generator(seed + 1)), watermelon: await WithWatermelon.open(tablets.watermelon, generator(seed + 2)) };
const written = { rxdb: [], watermelon: [] };

for (let seq = 1; seq <= notes; seq++) {
  for (const [name, client] of Object.entries(clients)) {
    const draft = { id: randomUUID(), seq, text: `${name} ${randomUUID()}`, at: new Date().toISOString() };
    await client.write(draft);
    written[name].push(draft.text);
    // What fails is tried again, now or with what comes next.
    if (random() < 0.6) await client.sync().catch(() => {});
  }
  await sleep(random() * 30);
}
process.stdout.write("written\n");
await lines.next();

// What one sends last, the other has yet to hear.
for (const client of Object.values(clients)) await client.finish();
const result = {};
for (const [name, client] of Object.entries(clients)) result[name] = { held: await client.finish(), written: written[name], faults: client.wire.faults };
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
