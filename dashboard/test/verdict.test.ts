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

test("A project's administrator sees no switch", () => {
  assert.equal(judge(overview({ scope: "project", fusebox: null })).level, "ok");
});
