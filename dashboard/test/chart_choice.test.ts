import assert from "node:assert/strict";
import { test } from "node:test";
import { cellText, numberOf, timeOf } from "../src/cells";
import { choose, mostBars } from "../src/chart_choice";

test("Times are an axis, 64-bit numbers that come as texts are numbers", () => {
  const rows = [["2026-01-05", "12"], ["2026-01-12", null], ["2026-01-19", "99999999999"]];
  assert.deepEqual(choose(["week", "n"], rows), { kind: "time", x: 0, series: [1] });
});

test("Names make bars, numbers a line", () => {
  assert.deepEqual(choose(["n", "country"], [[1, "AT"], [2, "DE"]]), { kind: "bars", x: 1, series: [0] });
  assert.deepEqual(choose(["x", "y"], [[1, 2], [2, 4]]), { kind: "line", x: 0, series: [1] });
});

test("What cannot be drawn says why", () => {
  const why = (columns: string[], rows: unknown[][]) => {
    const choice = choose(columns, rows);
    return choice.kind === "none" ? choice.why : choice.kind;
  };
  assert.match(why(["n"], [[1]]), /two rows/);
  assert.match(why(["n"], [[1], [2]]), /another one of numbers/);
  assert.match(why(["a", "b"], [["x", "y"], ["z", "u"]]), /another one of numbers/);
  assert.match(why(["a", "n"], Array.from({ length: mostBars + 1 }, (_, index) => [`name ${index}`, index])), /GROUP BY/);
});

test("Cells are what JSON has", () => {
  assert.equal(cellText(null), null);
  assert.equal(cellText(["a", 1]), '["a",1]');
  assert.equal(cellText(false), "false");
  assert.equal(numberOf("-1.5e3"), -1500);
  assert.equal(numberOf("2026-01-01"), null);
  assert.equal(timeOf("2026-01-01 00:00:01.500000"), Date.UTC(2026, 0, 1, 0, 0, 1, 500) / 1000);
  assert.equal(timeOf("2026-13-45"), null);
});
