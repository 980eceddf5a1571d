import type { Behind, Counts, Destination, Kind, Overview } from "./contract";
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

const patience = 30_000;  // ms that a change may be on its way before somebody should know
const sequencerPatience = 10_000;  // ms without a new sequence id while rows wait for one

export function judge(overview: Overview): Verdict {
  const findings = [...switches(overview), ...sequencer(overview), ...queue(overview), ...late(overview)];
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

function sequencer({ backlog, standstill_ms, processes, fusebox }: Overview): Finding[] {
  // Mappings of one table show the same number.
  const waiting = [...new Map(backlog.map((entry) => [entry.table, entry.flagged])).values()].reduce((sum, rows) => sum + rows, 0);
  if (waiting === 0 || fusebox?.sequencer_enabled === false) return [];
  const rows = `${counted(waiting, "changed row")} ${waiting === 1 ? "waits" : "wait"} for sequence ids`;
  if (processes?.sequencer === 0)
    return [{ level: "bad", what: `${rows} and no process with the role sequencer runs`,
              action: "Start one: tributary serve --roles sequencer.", href: "#/system" }];
  if (standstill_ms === null || standstill_ms <= sequencerPatience) return [];
  return [{ level: "bad", what: `${rows} and none was given for ${duration(standstill_ms)}`,
            action: "Look at the sequencer's log, and for a transaction of the application that keeps rows locked.", href: "#/system" }];
}

function queue({ queue: { stale, oldest_ms, pending }, processes, fusebox }: Overview): Finding[] {
  const findings: Finding[] = [];
  if (pending > 0 && processes?.sync === 0 && fusebox?.poller_enabled !== false)
    findings.push({
      level: "bad",
      what: `${counted(pending, "request")} in the queue and no process with the role sync runs`,
      action: "Start one: tributary serve --roles sync.",
      href: "#/system",
    });
  else if (oldest_ms !== null && oldest_ms > patience)
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

/** Of what is taken up and not through, or was put back for the rest; those who just wait in the queue are told by that. */
function late({ behind, queue: { oldest_ms } }: Overview): Finding[] {
  const isTold = oldest_ms !== null && oldest_ms > patience;
  const shown = behind.filter(({ state, for_ms }) => for_ms > patience && !(state === "pending" && isTold));
  return shown.map((one) => ({
    level: "warn",
    what: `${nameOf(one)} not up to date for ${duration(one.for_ms)}`,
    action: one.state === "slow" ? "Its database is slow, or a lock is held there." : "A large load, a slow database, or a lock there.",
    href: `#/tenancies/${one.tenancy_id}`,
  }));
}

function nameOf({ project_id, branch_id, kind, destination_id }: Behind): string {
  const project = branch_id === "main" ? project_id : `${project_id} (branch ${branch_id})`;
  if (destination_id !== null && kind !== "clickhouse") return `${project} / ${destination_id} is`;
  return kind === "clickhouse" ? `${project}'s rows in ClickHouse are` : `${project}'s databases are`;
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
