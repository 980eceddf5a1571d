import type { Progress } from "../contract";
import { count } from "../format";
import { Ago } from "./time";

type Row = Progress["mappings"][number];

/** What a destination still has to get of a mapping, and how far it is: cells of a table. */
export const progressHeads = <><th>Backlog, rows</th><th>Watermark</th><th>Source max</th><th>Updated</th></>;

export function ProgressCells({ row }: { row: Row | undefined }) {
  const unknown = <span class="muted">not known</span>;
  if (!row) return <><td>{unknown}</td><td>{unknown}</td><td>{unknown}</td><td>{unknown}</td></>;
  const { max_sequence_id: max, watermark, backlog, updated_at_millis: updated } = row;
  return (
    <>
      <td class={backlog !== null && backlog > 0 ? "behind" : ""}>{backlog === null ? unknown : count(backlog)}</td>
      <td>{watermark === null ? unknown : watermark < 0 ? "nothing yet" : count(watermark)}</td>
      <td>{max === null ? <span class="muted">–</span> : count(max)}</td>
      <td>{updated === null ? <span class="muted">–</span> : <Ago at={updated} />}</td>
    </>
  );
}

/** Why a destination did not say how far it is. */
export function NotReached({ progress: { is_reached, error } }: { progress: Progress }) {
  return is_reached ? null : <p class="error-text"><span class="mark bad">Not reached</span> {error}</p>;
}
