import assert from "node:assert/strict";
import { test } from "node:test";
import { absolute, bytes, clock, compact, count, counted, duration, relative, seconds } from "../src/format";

test("A duration has two units at most", () => {
  const cases: [number, string][] = [
    [0, "0 ms"], [12.4, "12 ms"], [999.4, "999 ms"], [1000, "1 s"], [4210, "4.2 s"], [9951, "10 s"], [59_400, "59 s"], [60_000, "1 min"],
    [200_000, "3 min 20 s"], [12 * 60_000 + 5000, "12 min"], [7_500_000, "2 h 5 min"], [26 * 3_600_000, "1 d 2 h"], [12 * 86_400_000, "12 d"],
    [-5, "0 ms"], [Number.NaN, "–"],
  ];
  for (const [millis, text] of cases) assert.equal(duration(millis), text);
});

test("A moment is told from now, and in full", () => {
  const now = Date.UTC(2026, 10, 26, 17, 4, 5, 123);
  assert.equal(seconds(4300), "4 s");
  assert.equal(seconds(-1), "0 s");
  assert.equal(relative(now - 500, now), "now");
  assert.equal(relative(now - 4300, now), "4 s ago");
  assert.equal(relative(now + 20_000, now), "in 20 s");
  assert.equal(absolute(now), "2026-11-26 17:04:05.123 UTC");
  assert.equal(clock(now), "17:04:05 UTC");
  assert.equal(absolute(Number.NaN), "–");
});

test("Numbers are grouped, and shortened where there is no room", () => {
  assert.equal(count(1_234_567), "1,234,567");
  assert.equal(counted(1, "row"), "1 row");
  assert.equal(counted(2000, "row"), "2,000 rows");
  assert.equal(compact(950.52), "950.5");
  assert.equal(compact(1_234_567), "1.2M");
  assert.equal(bytes(512), "512 B");
  assert.equal(bytes(120_000), "117.2 KiB");
});
