import assert from "node:assert/strict";
import { test } from "node:test";
import { standing, type Standing } from "../src/changes";
import { Repeat } from "../src/repeat";

const counts = { total: 5, ok: 5, failing: 0, quarantine: 0, paused: 0, counted_at_millis: 0 };
const rest: Standing = {
  tenancies: { total: 5, counted_at_millis: 0 },
  destinations: { postgres: counts, clickhouse: counts },
  backlog: [{ mapping: "teams", table: "Team", flagged: 0, is_capped: false }],
  queue: { pending: 1, in_flight: 0, stale: 0, oldest_ms: 10, parked: 0, quarantined: 0, mending: 0 },
  fusebox: { sequencer_enabled: true, poller_enabled: true },
  sequencer: { last_sequence_id: 7, ids_per_second: 3 },
  worst: [],
};

test("What passes by itself is no change, and everything else is", () => {
  const later = {
    tenancies: { total: 5, counted_at_millis: 1000 },
    destinations: { ...rest.destinations, postgres: { ...counts, counted_at_millis: 1000 } },
    queue: { ...rest.queue, oldest_ms: 1010 },
    sequencer: { last_sequence_id: 7, ids_per_second: 0 },
  };
  assert.equal(standing({ ...rest, ...later }), standing(rest));
  const changes: Partial<Standing>[] = [
    { tenancies: { total: 6, counted_at_millis: 0 } },
    { destinations: { ...rest.destinations, clickhouse: { ...counts, ok: 4, paused: 1 } } },
    { backlog: [{ mapping: "teams", table: "Team", flagged: 1, is_capped: false }] },
    { queue: { ...rest.queue, pending: 2 } },
    { fusebox: { sequencer_enabled: false, poller_enabled: true } },
    { sequencer: { last_sequence_id: 8, ids_per_second: 3 } },
  ];
  for (const change of changes) assert.notEqual(standing({ ...rest, ...change }), standing(rest), JSON.stringify(change));
});

test("However much changes, no question is broken off or asked beside another", () => {
  let asked = 0;
  const repeat = new Repeat(() => new Promise(() => { ++asked; }), 0);
  for (let i = 0; i < 10; ++i) repeat.hurry();
  assert.equal(asked, 1);
  repeat.close();
});
