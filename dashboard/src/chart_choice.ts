import { numberOf, timeOf } from "./cells";

/** How a result is drawn, or why it is not. */
export type Choice =
  | { kind: "time" | "line" | "bars"; x: number; series: number[] }  // columns' numbers
  | { kind: "none"; why: string };

export const mostSeries = 6;
export const mostBars = 60;
export const mostPoints = 5000;

/**
 * The first column that can be an axis against all numeric ones: over time where it holds times, as bars where it holds names,
 * as a line where it holds numbers.
 */
export function choose(columns: readonly string[], rows: readonly (readonly unknown[])[]): Choice {
  if (rows.length < 2) return { kind: "none", why: "A chart needs two rows at least." };
  const numeric = columns.flatMap((_, column) => (every(rows, column, (value) => numberOf(value) !== null) ? [column] : []));
  const time = columns.findIndex((_, column) => !numeric.includes(column) && every(rows, column, (value) => timeOf(value) !== null));
  if (time >= 0 && numeric.length > 0) return drawn(time, "time", numeric, rows.length);
  const names = columns.findIndex((_, column) => !numeric.includes(column) && every(rows, column, (value) => typeof value === "string"));
  if (names >= 0 && numeric.length > 0) return drawn(names, "bars", numeric, rows.length);
  const [x, ...rest] = numeric;
  if (x !== undefined && rest.length > 0) return drawn(x, "line", rest, rows.length);
  return { kind: "none", why: "A chart needs a column of times, names or numbers, and another one of numbers." };
}

function drawn(x: number, kind: "time" | "line" | "bars", series: number[], rows: number): Choice {
  const most = kind === "bars" ? mostBars : mostPoints;
  if (rows > most) return { kind: "none", why: `That is ${rows} rows; a chart of this kind shows ${most} at most. GROUP BY or LIMIT helps.` };
  return { kind, x, series: series.slice(0, mostSeries) };
}

function every(rows: readonly (readonly unknown[])[], column: number, holds: (value: unknown) => boolean): boolean {
  let any = false;
  for (const row of rows) {
    const value = row[column];
    if (value === null || value === undefined) continue;
    if (!holds(value)) return false;
    any = true;
  }
  return any;
}
