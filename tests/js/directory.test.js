/**
 * The directory on the tablet: what fits, what is open, and nothing that is called open without being so.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import "./tree.js";
import { Browser, Peer } from "./peer.js";

const { fallsOn, find, holidayOn, hoursOf, isAsked, languagesOf, mayAt, moment, nothingAsked, plain } = await import("../../followups/static/followups/tablet/directory_find.js");

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf-8"));
const { zone, vectors } = read("../vectors/open_now.json");
const { days: holidays } = read("../../followups/data/holidays.json");
const at = (iso) => moment(Date.parse(iso), zone, holidays);
const NOON = "2026-11-20T20:00:00Z";

for (const { about, resource, at: now, state, until, next, why } of vectors) {
  test(`hours: ${about}`, () => {
    const found = hoursOf(resource, at(now));

    assert.equal(found.state, state);
    assert.equal(found.why, why);
    if (state === "open") assert.equal(found.until, until);
    if (next) assert.equal(`${found.next.date} ${found.next.time}`, next);
  });
}

test("holidays are those of the law, and the days on which they are kept", () => {
  const on = (date) => holidayOn(date, holidays);

  assert.equal(on("2026-01-19"), "Martin Luther King Jr. Day");
  assert.equal(on("2026-05-25"), "Memorial Day");
  assert.equal(on("2027-05-31"), "Memorial Day");
  assert.equal(on("2026-09-07"), "Labor Day");
  assert.equal(on("2026-11-26"), "Thanksgiving");
  assert.deepEqual([on("2027-06-18"), on("2027-06-19")], ["Juneteenth", "Juneteenth"]);
  assert.deepEqual([on("2028-01-01"), on("2027-12-31")], ["New Year's Day", "New Year's Day"]);
  assert.deepEqual([on("2026-11-25"), on("2026-12-24"), on("2026-05-18")], ["", "", ""]);
});

test("no day of four hundred years has a rule that throws, and a weekly one falls on one day in seven", () => {
  let days = 0;
  for (let ms = Date.UTC(2000, 0, 1); ms < Date.UTC(2400, 0, 1); ms += 86_400_000) {
    if (fallsOn({ byday: "WE", opens_at: "09:00", closes_at: "10:00" }, new Date(ms).toISOString().slice(0, 10))) days += 1;
  }
  assert.equal(days, Math.floor((365 * 400 + 97) / 7));
});

const open = [{ byday: "MO,TU,WE,TH,FR,SA,SU", opens_at: "00:00", closes_at: "00:00" }];
const shut = [{ byday: "SU", opens_at: "09:00", closes_at: "10:00" }];
const resource = (id, more = {}) => ({ id, body: { name: `Place ${id}`, as_of: "2026-11-01", source: "Demo", ...more } });
const ids = (found) => found.map(({ id }) => id);
const ask = (all, question, here = null) => find(all, { ...nothingAsked(), ...question }, { at: at(NOON), here });

test("what is open comes first, then what may be, and of each the nearest", () => {
  const all = [
    resource("shut", { schedules: shut, point: [-122.33, 47.6] }),
    resource("unknown", { point: [-122.33, 47.6] }),
    resource("far", { schedules: open, point: [-122.0, 47.6] }),
    resource("near", { schedules: open, point: [-122.34, 47.6] }),
    resource("nowhere", { schedules: open }),
  ];

  assert.deepEqual(ids(ask(all, {}, [-122.33, 47.6])), ["near", "far", "nowhere", "unknown", "shut"]);
  assert.deepEqual(ids(ask(all, { open: true }, [-122.33, 47.6])), ["near", "far", "nowhere"]);
  assert.deepEqual(ids(ask(all, {})), ["far", "near", "nowhere", "unknown", "shut"]);
  assert.equal(ask(all, {}, [-122.33, 47.6])[1].distance > 20_000, true);
  assert.equal(ask(all, {})[0].distance, null);
});

test("every word that is typed begins a word of the resource, in whatever letters", () => {
  const all = [resource("a", { name: "Café Niño", about: "Hot meals." }), resource("b", { name: "Meals on Wheels" }), resource("c", { name: "Shelter", organization: "Meal Network" })];

  assert.deepEqual(ids(ask(all, { text: "cafe nin" })), ["a"]);
  assert.deepEqual(ids(ask(all, { text: "  MEAL " })), ["b", "c", "a"]);
  assert.deepEqual(ids(ask(all, { text: "eals" })), []);
  assert.equal(plain("St. John's — Ño"), "st john s no");
});

test("a need, a language and an age are asked together", () => {
  const all = [
    resource("youth", { needs: ["SHELTER"], ages: [12, 17], languages: ["es", "vi"] }),
    resource("adult", { needs: ["SHELTER", "FOOD"], ages: [18, null], languages: ["ES-419"] }),
    resource("all", { needs: ["FOOD"], languages: ["Spanish"] }),
  ];

  assert.deepEqual(ids(ask(all, { need: "SHELTER" })), ["adult", "youth"]);
  assert.deepEqual(ids(ask(all, { need: "SHELTER", age: "17" })), ["youth"]);
  assert.deepEqual(ids(ask(all, { age: "40" })), ["adult", "all"]);
  assert.deepEqual(ids(ask(all, { language: "es" })), ["adult", "youth"]);
  assert.deepEqual(languagesOf(all), ["ES-419", "es", "Spanish", "vi"].sort((a, b) => a.localeCompare(b)));
});

test("an age is meant to its end, and where nobody said anybody may ask", () => {
  assert.deepEqual([11, 12, 17, 17.9, 18].map((age) => mayAt({ ages: [12, 17] }, age)), [false, true, true, true, false]);
  assert.equal(mayAt({}, 3), true);
  assert.equal(mayAt({ ages: [null, 24] }, 3), true);
});

test("a question that asks nothing is none", () => {
  assert.equal(isAsked(nothingAsked()), false);
  assert.equal(isAsked({ ...nothingAsked(), text: "  " }), false);
  for (const more of [{ need: "FOOD" }, { text: "x" }, { open: true }, { age: "3" }, { language: "es" }]) assert.equal(isAsked({ ...nothingAsked(), ...more }), true);
});

const { dayWords, hoursWords, languageWords, openings } = await import("../../followups/static/followups/tablet/directory_words.js");
const said = (hours) => hoursWords(hours, "2026-11-20").words;

test("hours are said with what a crew asks next", () => {
  assert.equal(said({ state: "open", until: "17:00" }), "Open until 17:00");
  assert.equal(said({ state: "open", until: "" }), "Open, day and night");
  assert.equal(said({ state: "unknown" }), "Hours not known");
  assert.equal(said({ state: "unknown", why: "holiday" }), "Holiday: hours not known");
  assert.equal(said({ state: "closed", why: "shut" }), "Closed for now");
  assert.equal(said({ state: "closed" }), "Closed");
  assert.equal(said({ state: "closed", next: { date: "2026-11-20", time: "18:00" } }), "Closed, opens 18:00");
  assert.equal(said({ state: "closed", next: { date: "2026-11-21", time: "09:00" } }), "Closed, opens tomorrow 09:00");
  assert.equal(said({ state: "closed", next: { date: "2026-11-23", time: "09:00" } }), "Closed, opens Mon 09:00");
  assert.equal(said({ state: "closed", next: { date: "2026-12-01", time: "09:00" } }), "Closed, opens 1 Dec 2026, 09:00");
});

test("rules are read as people write them on a door", () => {
  const row = (byday, opens_at, closes_at, more = {}) => ({ byday, opens_at, closes_at, ...more });
  const read = (...rows) => openings(rows).map(({ name, times }) => `${name} ${times}`);

  assert.deepEqual(read(row("SA", "09:00", "12:00"), row("MO,TU,WE,TH,FR", "13:00", "17:00"), row("MO,TU,WE,TH,FR", "09:00", "12:00")), ["Mon–Fri 09:00–12:00, 13:00–17:00", "Sat 09:00–12:00"]);
  assert.deepEqual(read(row("MO,TU,WE,TH,FR,SA,SU", "00:00", "00:00")), ["Every day round the clock"]);
  assert.deepEqual(read(row("MO,WE", "19:00", "07:00")), ["Mon, Wed 19:00–07:00"]);
  assert.deepEqual(read(row("2TU,-1FR", "10:00", "15:00", { freq: "MONTHLY" })), ["2nd Tue, last Fri of the month 10:00–15:00"]);
  assert.deepEqual(read(row("MO", "09:00", "12:00", { interval: 2, dtstart: "2026-11-02" })), ["Mon every other week 09:00–12:00"]);
  assert.deepEqual(read(row("", "09:00", "12:00", { freq: "MONTHLY", bymonthday: "1,-1" })), ["day 1, last of the month 09:00–12:00"]);
  assert.deepEqual(read(row("MO", "09:00", "12:00", { valid_from: "2026-12-01", valid_to: "2027-01-31" })), ["Mon from 1 Dec 2026 until 31 Jan 2027 09:00–12:00"]);
});

test("a language is called by its name, whatever a source wrote", () => {
  assert.deepEqual(["es", "zh-Hant", "Urdu", "xx-", "American Sign Language"].map(languageWords), ["Spanish", "Traditional Chinese", "Urdu", "xx-", "American Sign Language"]);
  assert.equal(dayWords("2026-10-01"), "1 Oct 2026");
});

test("two thousand resources fill a tablet in pages, and are there when it is opened again without signal", async (t) => {
  const peer = new Peer();
  peer.page = 300;
  for (let i = 0; i < 2_000; i++) peer.put("directory.1", "resource", i, { name: `Place ${i}`, about: "Groceries for everybody. ".repeat(12), schedules: open, as_of: "2026-11-01", source: "Demo" });
  const browser = new Browser(peer, t);
  const first = await browser.tab();
  const { device } = first;
  await device.unlock(peer.key("7"));

  let pages = 0;
  while (device.replica.all("resource", "directory.").length < 2_000 && pages < 20) {
    await device.exchange();
    pages += 1;
  }

  assert.ok(pages <= 8, "no page is asked for twice");
  browser.kill(first);
  peer.up = false;
  const again = await browser.tab();
  await again.device.unlock(peer.key("7"));
  assert.equal(again.device.replica.all("resource", "directory.").length, 2_000);
});
