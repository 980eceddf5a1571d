import assert from "node:assert/strict";
import { test } from "node:test";
import type { Counts, Overview } from "../src/contract";
import { judge } from "../src/verdict";

function counts(change: Partial<Counts> = {}): Counts {
  return { total: 5, ok: 5, failing: 0, quarantine: 0, paused: 0, counted_at_millis: 0, ...change };
}

function overview(change: Partial<Overview> = {}): Overview {
  return {
    at_millis: 0,
    scope: "installation",
    tenancies: { total: 5, counted_at_millis: 0 },
    destinations: { postgres: counts(), clickhouse: counts() },
    backlog: [],
    standstill_ms: null,
    behind: [],
    processes: { sequencer: 1, sync: 1 },
    queue: { pending: 0, in_flight: 0, stale: 0, oldest_ms: null, parked: 0, quarantined: 0, mending: 0 },
    fusebox: { sequencer_enabled: true, poller_enabled: true },
    sequencer: null,
    throughput: null,
    lag: null,
    worst: [],
    ...change,
  };
}

test("All is well only where every destination is", () => {
  assert.deepEqual([judge(overview()).level, judge(overview()).title], ["ok", "Every customer is up to date"]);
  const one = judge(overview({ destinations: { postgres: counts({ ok: 4, failing: 1 }), clickhouse: counts() } }));
  assert.deepEqual([one.level, one.title], ["bad", "1 of 10 destinations is not up to date"]);
  const paused = judge(overview({ destinations: { postgres: counts({ ok: 3, paused: 2 }), clickhouse: counts() } }));
  assert.deepEqual([paused.level, paused.title], ["warn", "2 of 10 destinations are not up to date"]);
});

test("A switch that is off, and a queue that nobody takes from, concern everybody", () => {
  const off = judge(overview({ fusebox: { sequencer_enabled: false, poller_enabled: true } }));
  assert.equal(off.level, "bad");
  assert.match(off.title, /sequencer is switched off/);
  const queue = { pending: 7, in_flight: 0, stale: 0, oldest_ms: 90_000, parked: 0, quarantined: 0, mending: 0 };
  const old = judge(overview({ queue }));
  assert.equal(old.level, "warn");
  assert.match(old.title, /7 requests in the queue, the oldest for 1 min 30 s/);
});

const waiting = { mapping: "users", table: "ProjectUser", flagged: 7, is_capped: false };

test("Rows that nobody numbers are not on their way", () => {
  const backlog = [waiting, { ...waiting, mapping: "people" }];
  assert.equal(judge(overview({ backlog, standstill_ms: 900 })).level, "ok");
  const dead = judge(overview({ backlog, processes: { sequencer: 0, sync: 1 } }));
  assert.deepEqual([dead.level, dead.title], ["bad", "7 changed rows wait for sequence ids and no process with the role sequencer runs"]);
  const stuck = judge(overview({ backlog: [{ ...waiting, flagged: 1 }], standstill_ms: 40_000 }));
  assert.deepEqual([stuck.level, stuck.title], ["bad", "1 changed row waits for sequence ids and none was given for 40 s"]);
  assert.equal(judge(overview({ scope: "project", fusebox: null, processes: null, backlog, standstill_ms: 40_000 })).level, "bad");
});

test("A queue that nobody takes from, and what is taken up and not through, are told", () => {
  const queue = { pending: 2, in_flight: 0, stale: 0, oldest_ms: 10, parked: 0, quarantined: 0, mending: 0 };
  assert.equal(judge(overview({ queue })).level, "ok");
  const dead = judge(overview({ queue, processes: { sequencer: 1, sync: 0 } }));
  assert.deepEqual([dead.level, dead.title], ["bad", "2 requests in the queue and no process with the role sync runs"]);
  const one = { tenancy_id: "t", project_id: "acme", branch_id: "main", kind: "postgres", destination_id: null, state: "in_flight", for_ms: 5_000 } as const;
  assert.equal(judge(overview({ behind: [one] })).level, "ok");
  const late = judge(overview({ behind: [{ ...one, for_ms: 90_000 }] }));
  assert.deepEqual([late.level, late.title], ["warn", "acme's databases are not up to date for 1 min 30 s"]);
  const slow = judge(overview({ behind: [{ ...one, for_ms: 90_000, state: "slow", destination_id: "lake" }] }));
  assert.match(slow.title, /acme \/ lake is not up to date/);
});

test("A project's administrator sees no switch", () => {
  assert.equal(judge(overview({ scope: "project", fusebox: null, processes: null })).level, "ok");
});
