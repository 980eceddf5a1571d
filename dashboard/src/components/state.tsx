import type { Destination, State } from "../contract";
import { counted } from "../format";

const names: Readonly<Record<State, string>> = { ok: "OK", failing: "Failing", paused: "Paused", quarantine: "Refused rows" };
export const levels = { ok: "ok", failing: "bad", paused: "warn", quarantine: "warn" } as const;

/** By shape and word as well as by colour. */
export function StateMark({ state }: { state: State }) {
  return <span class={`mark ${levels[state]}`}>{names[state]}</span>;
}

/** All that is to be said of how a destination stands, in one cell. */
export function StateOf({ destination }: { destination: Destination }) {
  const { state, is_paused, paused_mappings, quarantined, mending, is_deleted } = destination;
  const notes = [
    ...(!is_paused && paused_mappings.length > 0 ? [`paused: ${paused_mappings.join(", ")}`] : []),
    ...(quarantined > 0 ? [counted(quarantined, "refused row")] : []),
    ...(mending > 0 ? [`reading ${counted(mending, "table")} again`] : []),
    ...(is_deleted ? ["project deleted"] : []),
  ];
  return (
    <>
      <StateMark state={state} />
      {notes.map((note) => <small key={note} class="muted block">{note}</small>)}
    </>
  );
}
