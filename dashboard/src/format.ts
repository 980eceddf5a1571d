/** Numbers and times as people read them. All are pure; whoever wants "now" hands it in (milliseconds since 1970). */

const grouped = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** 1234567 -> "1,234,567" */
export function count(value: number): string {
  return grouped.format(value);
}

/** 1234567 -> "1.2M": axes and tiles, where the exact one is in the title. */
export function compact(value: number): string {
  return Math.abs(value) < 10_000 ? grouped.format(Math.round(value * 10) / 10) : short.format(value);
}

/** "1 row", "2,000 rows" */
export function counted(value: number, noun: string, plural = noun + "s"): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** "acme", or "acme, branch dev" */
export function tenancyName({ project_id, branch_id }: { project_id: string; branch_id: string }): string {
  return branch_id === "main" ? project_id : `${project_id}, branch ${branch_id}`;
}

const units: readonly [name: string, millis: number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];

/** Two units at most: "320 ms", "4.2 s", "3 min 20 s", "2 h 5 min", "12 d". */
export function duration(millis: number): string {
  if (!Number.isFinite(millis)) return "–";
  const value = Math.max(0, millis);
  if (value < 1000) return `${Math.round(value)} ms`;
  if (value < 9950 && value % 1000 !== 0) return `${(value / 1000).toFixed(1)} s`;
  const rounded = Math.round(value / 1000) * 1000;
  const at = units.findIndex(([, size]) => rounded >= size);
  const [name, size] = units[at] ?? ["s", 1000];
  const whole = Math.floor(rounded / size);
  const next = units[at + 1];
  const rest = next ? Math.floor((rounded % size) / next[1]) : 0;
  return next && rest > 0 && whole < 10 ? `${whole} ${name} ${rest} ${next[0]}` : `${whole} ${name}`;
}

/** For what is counted by the second: never "4.2 s". */
export function seconds(millis: number): string {
  return millis < 1000 ? "0 s" : duration(Math.floor(millis / 1000) * 1000);
}

/** "3 min ago", "now", "in 20 s" */
export function relative(at: number, now: number): string {
  const age = Math.trunc((now - at) / 1000) * 1000;
  if (age === 0) return "now";
  return age > 0 ? `${duration(age)} ago` : `in ${duration(-age)}`;
}

/** "2026-11-26 17:04:05.123 UTC": as the logs have it. */
export function absolute(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "–" : date.toISOString().replace("T", " ").replace("Z", " UTC");
}

/** The time of day, "17:04:05 UTC". */
export function clock(at: number): string {
  return `${absolute(at).slice(11, 19)} UTC`;
}

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value: number): string {
  let unit = 0;
  let size = value;
  for (; size >= 1024 && unit < byteUnits.length - 1; ++unit) size /= 1024;
  return `${unit === 0 ? size : size.toFixed(1)} ${byteUnits[unit]}`;
}
