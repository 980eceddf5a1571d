import { Actions } from "../actions";
import { ApiError, path } from "../api";
import { Failure } from "../components/failure";
import { NotReached, ProgressCells, progressHeads } from "../components/progress";
import { StateOf } from "../components/state";
import { Ago } from "../components/time";
import type { TenancyDetail } from "../contract";
import { count, counted, tenancyName } from "../format";
import { useResource } from "../resource";
import { href } from "../route";

/** How far each destination of a tenancy is: the source's last sequence id, the watermark, and the rows between them, for each mapping. */
export function TenancyPage({ tenancy: id }: { tenancy: string }) {
  const { value, error, reload, at } = useResource<TenancyDetail>(path(["tenancies", id]), 5000);
  if (error instanceof ApiError && error.status === 404) return <Gone message={error.message} />;
  if (!value) return error === null ? <p class="muted" role="status">Asking each destination how far it is…</p> : <Failure error={error} retry={reload} />;
  const { tenancy, queue, mappings, destinations } = value;
  return (
    <>
      <p class="crumbs"><a href="#/tenancies">Tenancies</a></p>
      <h1>{tenancyName(tenancy)}</h1>
      <p class="muted">
        {tenancy.name && `${tenancy.name}, `}<code>{tenancy.tenancy_id}</code>, asked <Ago at={at} />,{" "}
        <a href={href(["console"], { project: tenancy.project_id, branch: tenancy.branch_id })}>SQL console</a>
      </p>
      {error !== null && <Failure error={error} retry={reload} />}
      <p>
        Queue: {counted(queue.pending, "request")} pending, {count(queue.in_flight)} in flight
        {queue.stale > 0 && `, ${count(queue.stale)} left behind by a dead worker`}.
      </p>
      <Source mappings={mappings} />
      {destinations.map((one) => <OneDestination key={one.destination.destination_id} progress={one} reload={reload} />)}
      {destinations.length === 0 && <p>It has no destination.</p>}
    </>
  );
}

function Gone({ message }: { message: string }) {
  return (
    <div role="alert">
      <h1>This tenancy is not there any more</h1>
      <p>{message} <a href="#/tenancies">All tenancies</a></p>
    </div>
  );
}

function Source({ mappings }: { mappings: TenancyDetail["mappings"] }) {
  return (
    <section aria-labelledby="source">
      <h2 id="source">At the source</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="source">
        <table class="numbers">
          <thead><tr><th>Mapping</th><th class="text spare">Table</th><th>Rows</th><th>Without an id yet</th><th>Last sequence id</th></tr></thead>
          <tbody>
            {mappings.map(({ mapping, table, rows, flagged, max_sequence_id }) => (
              <tr key={mapping}>
                <th scope="row">{mapping}</th>
                <td class="text spare"><code>{table}</code></td>
                <td>{count(rows)}</td>
                <td>{count(flagged)}</td>
                <td>{max_sequence_id === null ? "–" : count(max_sequence_id)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function OneDestination({ progress, reload }: { progress: TenancyDetail["destinations"][number]; reload: () => void }) {
  const { destination, mappings } = progress;
  const heading = `destination-${destination.destination_id}`;
  return (
    <section aria-labelledby={heading}>
      <div class="heading">
        <h2 id={heading}><a href={href(["destinations", destination.tenancy_id, destination.destination_id])}>{destination.destination_id}</a></h2>
        <StateOf destination={destination} />
        <Actions destination={destination} onChanged={reload} />
      </div>
      <NotReached progress={progress} />
      <div class="scroll" tabIndex={0} role="region" aria-labelledby={heading}>
        <table class="numbers">
          <thead><tr><th>Mapping</th>{progressHeads}</tr></thead>
          <tbody>
            {mappings.map((row) => <tr key={row.mapping}><th scope="row">{row.mapping}</th><ProgressCells row={row} /></tr>)}
          </tbody>
        </table>
      </div>
    </section>
  );
}
