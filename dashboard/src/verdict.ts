import type { Counts, Destination, Kind, Overview } from "./contract";
import { count, counted, duration } from "./format";

/** How things stand: answers in ten seconds whether every customer is up to date, which is not, why, since when, and what to do. */
export interface Verdict {
  level: Level;
  title: string;
  detail: string;
  /** What concerns everybody; single destinations are in the overview's `worst`. */
  findings: Finding[];
}
export type Level = "ok" | "warn" | "bad";

export interface Finding {
  level: Level;
  what: string;
  action: string;
  href: string;
}

const patience = 30_000;  // ms that a request may wait before somebody should know

export function judge(overview: Overview): Verdict {
  const findings = [...switches(overview), ...queue(overview)];
  const { failing, quarantine, paused, total } = sum(overview.destinations);
  const behind = failing + quarantine + paused;
  const level = failing > 0 || findings.some((finding) => finding.level === "bad") ? "bad" : behind > 0 || findings.length > 0 ? "warn" : "ok";
  return { level, title: title(level, behind, total, findings), detail: detail(overview), findings };
}

function title(level: Level, behind: number, total: number, findings: readonly Finding[]): string {
  if (behind > 0) return `${count(behind)} of ${counted(total, "destination")} ${behind === 1 ? "is" : "are"} not up to date`;
  if (level !== "ok") return findings[0]?.what ?? "Something needs attention";
  return total === 0 ? "There is no destination yet" : "Every customer is up to date";
}

function detail({ destinations, lag }: Overview): string {
  const parts = (["failing", "paused", "quarantine"] as const).flatMap((state) => {
    const number = destinations.postgres[state] + destinations.clickhouse[state];
    return number > 0 ? [`${count(number)} ${stateNames[state]}`] : [];
  });
  parts.push(`${counted(destinations.postgres.ok + destinations.clickhouse.ok, "destination")} ok`);
  if (lag?.p99_ms != null) parts.push(`changes arrive within ${duration(lag.p99_ms)} (99 % of the last minute's)`);
  return parts.join(", ");
}

const stateNames = { ok: "ok", failing: "failing", paused: "paused", quarantine: "with refused rows" } as const;

function sum(destinations: Record<Kind, Counts>): Omit<Counts, "counted_at_millis"> {
  const { postgres: a, clickhouse: b } = destinations;
  return {
    total: a.total + b.total,
    ok: a.ok + b.ok,
    failing: a.failing + b.failing,
    quarantine: a.quarantine + b.quarantine,
    paused: a.paused + b.paused,
  };
}

function switches({ fusebox }: Overview): Finding[] {
  const findings: Finding[] = [];
  const action = "Find out who switched it off and why; switch it on under System.";
  if (fusebox && !fusebox.sequencer_enabled)
    findings.push({ level: "bad", what: "The sequencer is switched off: no new change reaches anybody", action, href: "#/system" });
  if (fusebox && !fusebox.poller_enabled)
    findings.push({ level: "bad", what: "The poller is switched off: changes wait in the queue", action, href: "#/system" });
  return findings;
}

function queue({ queue: { stale, oldest_ms, pending } }: Overview): Finding[] {
  const findings: Finding[] = [];
  if (oldest_ms !== null && oldest_ms > patience)
    findings.push({
      level: "warn",
      what: `${counted(pending, "request")} in the queue, the oldest for ${duration(oldest_ms)}`,
      action: "Is a process with the role sync running? Are all claims taken by slow destinations (queue.max_claims)?",
      href: "#/system",
    });
  if (stale > 0)
    findings.push({
      level: "warn",
      what: `${counted(stale, "request")} left behind by a worker that died`,
      action: "Another worker takes them up by itself. If that repeats, look for restarts in the log.",
      href: "#/system",
    });
  return findings;
}

/** What to do about a destination that is not ok. */
export function advice(destination: Destination): string {
  switch (destination.state) {
    case "ok":
      return "Nothing to do.";
    case "paused":
      return "An operator did it. It keeps its backlog; resume it when the reason is gone.";
    case "quarantine":
      return "Tell the customer: a constraint or trigger of theirs refuses these rows. All others flow.";
    case "failing":
      return destination.kind === "clickhouse"
        ? "Look at ClickHouse: disk, memory, its log. It recovers by itself."
        : "Tell the customer: server, network, password or disk. It recovers by itself.";
  }
}
