/** Values of a result, which are what JSON has. */

/** What a cell says; null for NULL. */
export function cellText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** ClickHouse may give 64-bit numbers and decimals as texts. */
export function numberOf(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value !== "string" || !/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value)) return null;
  return Number(value);
}

/** Seconds since 1970 of a Date or DateTime as ClickHouse writes it (UTC). */
export function timeOf(value: unknown): number | null {
  if (typeof value !== "string") return null;
  const match = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d(?:\.\d{1,3})?)\d*Z?)?$/.exec(value);
  if (!match) return null;
  const millis = Date.parse(`${match[1]}T${match[2] ?? "00:00:00"}Z`);
  return Number.isNaN(millis) ? null : millis / 1000;
}
