import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Overview } from "./contract";

/** Grows whenever an event tells that something is not as it was. */
export const ChangesContext = createContext(0);
export const useChanges = (): number => useContext(ChangesContext);

export type Standing = Pick<Overview, "tenancies" | "destinations" | "backlog" | "queue" | "fusebox" | "sequencer" | "worst">;

/** How things stand, as text: without what passes by itself (rates, ages, countdowns). Where it is another one, pages are worth another look. */
export function standing({ tenancies, destinations, backlog, queue, fusebox, sequencer, worst }: Standing): string {
  const counts = (["postgres", "clickhouse"] as const).map((kind) => ({ ...destinations[kind], counted_at_millis: 0 }));
  const troubles = worst.map((one) => ({ ...one, retry_in_ms: 0 }));
  return JSON.stringify([tenancies.total, counts, backlog, { ...queue, oldest_ms: 0 }, fusebox, sequencer?.last_sequence_id, troubles]);
}
