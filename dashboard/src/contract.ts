/** What the endpoints give: docs/dashboard.md, whose names these are. */

export type State = "ok" | "failing" | "quarantine" | "paused";
export type Kind = "postgres" | "clickhouse";

export interface Session {
  role: "operator" | "project";
  project_id: string | null;
  expires_at_millis: number;
  version: string;
  has_analytics: boolean;
  applies_here: boolean;
  retention_ms: number;
}

export interface Counts extends Record<State, number> {
  total: number;
  counted_at_millis: number;
}

export interface Fusebox {
  sequencer_enabled: boolean;
  poller_enabled: boolean;
}

export interface Queue {
  pending: number;
  in_flight: number;
  stale: number;
  oldest_ms: number | null;
  parked: number;
  quarantined: number;
  mending: number;
}

export interface Sequencer {
  last_sequence_id: number;
  ids_per_second: number;
}

export interface Backlog {
  mapping: string | null;
  table: string;
  flagged: number;
  is_capped: boolean;
}

/** A tenancy whose changes are on their way to its destinations of a kind (`destination_id` null), or to one that was left behind as slow. */
export interface Behind {
  tenancy_id: string;
  project_id: string;
  branch_id: string;
  kind: Kind;
  destination_id: string | null;
  state: "pending" | "in_flight" | "slow";
  for_ms: number;
}

export interface Overview {
  at_millis: number;
  scope: "installation" | "project";
  tenancies: { total: number; counted_at_millis: number };
  destinations: Record<Kind, Counts>;
  backlog: Backlog[];
  /** For how long rows have waited for sequence ids while none was given; null: none waits. */
  standstill_ms: number | null;
  /** Those that have been on their way for longest. */
  behind: Behind[];
  /** How many have each role; null for a project's administrators. */
  processes: { sequencer: number; sync: number } | null;
  queue: Queue;
  fusebox: Fusebox | null;
  sequencer: Sequencer | null;
  throughput: {
    applied_rows_per_second: number;
    applied_bytes_per_second: number;
    sequenced_rows_per_second: number;
    failures_per_second: number;
  } | null;
  lag: { window_ms: number; count: number; p50_ms: number | null; p99_ms: number | null } | null;
  worst: Destination[];
}

export interface Point {
  at_millis: number;
  applied_rows_per_second: number | null;
  sequenced_rows_per_second: number | null;
  lag_p50_ms: number | null;
  lag_p99_ms: number | null;
}

/** Columns of equal length, oldest first. */
export type History = { [Name in keyof Point]: Point[Name][] };

export interface Refusal {
  code: string;
  error: string;
  details?: Record<string, unknown>;
}

/** What is wrong, and when it is tried again: null where nothing is, or never by itself. */
interface Attempt {
  error: string | null;
  sqlstate: string | null;
  attempts: number;
  since_at_millis: number | null;
  retry_in_ms: number | null;
}

export interface Destination extends Attempt {
  tenancy_id: string;
  project_id: string;
  branch_id: string;
  destination_id: string;
  kind: Kind;
  is_deleted: boolean;
  connection: string | null;
  state: State;
  mapping: string | null;
  /** Mappings with an error beside that one. */
  other_errors: number;
  is_paused: boolean;
  paused_mappings: string[];
  quarantined: number;
  mending: number;
}

export interface Destinations {
  destinations: Destination[];
  after: string | null;
}

export interface Trouble extends Attempt {
  mapping: string | null;
  is_paused: boolean;
  quarantined: number;
}

export interface RefusedRow extends Attempt {
  mapping: string;
  key: Record<string, unknown>;
}

export interface DestinationDetail {
  destination: Destination;
  mappings: string[];
  troubles: Trouble[];
  quarantine: RefusedRow[];
}

/** How far a destination is, as it says itself; null where it was not reached. */
export interface Progress {
  is_reached: boolean;
  error: string | null;
  mappings: {
    mapping: string;
    max_sequence_id: number | null;
    watermark: number | null;
    backlog: number | null;
    updated_at_millis: number | null;
  }[];
}

export interface Changed {
  changed: number;
  destination: Destination;
}

export interface ConnectionTest {
  ok: boolean;
  error: string | null;
  sqlstate: string | null;
  took_ms: number;
  server: string | null;
}

export interface Tenancy {
  tenancy_id: string;
  project_id: string;
  branch_id: string;
  name: string;
}

export interface Tenancies {
  tenancies: (Tenancy & { destinations: number; state: State })[];
  after: string | null;
}

export interface TenancyDetail {
  tenancy: Tenancy;
  queue: Pick<Queue, "pending" | "in_flight" | "stale">;
  mappings: { mapping: string; table: string; rows: number; flagged: number; max_sequence_id: number | null }[];
  destinations: (Progress & { destination: Destination })[];
}

export interface System {
  fusebox: Fusebox;
  queue: Queue;
  sequencer: Sequencer;
  installation_id: string;
  version: string;
  schema_version: number;
  is_drained: boolean;
}

export interface Tables {
  tables: { name: string; columns: { name: string; type: string }[] }[];
}

export interface Result {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  query_id: string;
  took_ms: number;
}
