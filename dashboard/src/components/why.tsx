import type { Destination } from "../contract";

/** Why a destination is not up to date: its error, and of which mappings. */
export function Why({ destination }: { destination: Destination }) {
  const { error, mapping, other_errors, sqlstate, state, paused_mappings } = destination;
  if (error === null) {
    if (state !== "paused") return <span class="muted none">–</span>;
    return <>{paused_mappings.length > 0 ? `paused by an operator: ${paused_mappings.join(", ")}` : "paused by an operator"}</>;
  }
  const where = mapping !== null && other_errors > 0 ? `${mapping} and ${other_errors} more` : mapping;
  return (
    <>
      <span class="clamp" title={error}>{error}</span>
      <small class="muted block">{[where, sqlstate && `SQLSTATE ${sqlstate}`].filter(Boolean).join(", ")}</small>
    </>
  );
}
