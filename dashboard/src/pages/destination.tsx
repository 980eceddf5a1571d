import { Actions, MappingActions, nameOf } from "../actions";
import { ApiError, path } from "../api";
import { Failure } from "../components/failure";
import { NotReached, ProgressCells, progressHeads } from "../components/progress";
import { Retry } from "../components/retry";
import { StateMark, StateOf } from "../components/state";
import { Since } from "../components/time";
import type { Destination, DestinationDetail, Progress, RefusedRow, State, Trouble } from "../contract";
import { count, tenancyName } from "../format";
import { useResource } from "../resource";
import { href } from "../route";
import { advice } from "../verdict";

export function DestinationPage({ tenancy, destination: id }: { tenancy: string; destination: string }) {
  const { value, error, reload } = useResource<DestinationDetail>(path(["destinations", tenancy, id]), 2000);
  if (error instanceof ApiError && error.status === 404) return <Gone id={id} message={error.message} />;
  if (!value) return error === null ? <p class="muted" role="status">Loading…</p> : <Failure error={error} retry={reload} />;
  const { destination, troubles, quarantine } = value;
  return (
    <>
      <p class="crumbs"><a href="#/destinations">Destinations</a></p>
      <h1>{nameOf(destination)}</h1>
      {error !== null && <Failure error={error} retry={reload} />}
      <dl class="facts">
        <dt>State</dt><dd><StateOf destination={destination} /></dd>
        {destination.state !== "ok" && <><dt>What to do</dt><dd>{advice(destination)}</dd></>}
        <dt>Connection</dt><dd>{destination.connection ? <code>{destination.connection}</code> : "the shared ClickHouse"}</dd>
        <dt>Tenancy</dt><dd><a href={href(["tenancies", tenancy])}>{tenancyName(destination)}: watermarks and backlog</a></dd>
      </dl>
      <p><Actions destination={destination} onChanged={reload} /></p>
      <Troubles troubles={troubles} answer={value} />
      <Mappings detail={value} reload={reload} />
      <Refused rows={quarantine} total={destination.quarantined} answer={value} />
    </>
  );
}

/** Removed while its page was open, or an old link. */
function Gone({ id, message }: { id: string; message: string }) {
  return (
    <div role="alert">
      <h1>{id} is not there any more</h1>
      <p>{message} <a href="#/destinations">All destinations</a></p>
    </div>
  );
}

/** Each mapping: how it stands, how far it is, and what can be done with it alone. */
function Mappings({ detail, reload }: { detail: DestinationDetail; reload: () => void }) {
  const { destination, mappings, troubles } = detail;
  const address = path(["destinations", destination.tenancy_id, destination.destination_id, "progress"]);
  const { value, error, reload: askAgain } = useResource<Progress>(address, 5000);
  const rows = new Map(value?.mappings.map((row) => [row.mapping, row]));
  return (
    <section aria-labelledby="mappings">
      <h2 id="mappings">Mappings</h2>
      {error !== null && <Failure error={error} retry={askAgain} />}
      {value ? <NotReached progress={value} /> : error === null && <p class="muted" role="status">Asking it how far it is…</p>}
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="mappings">
        <table class="numbers">
          <thead><tr><th>Mapping</th><th class="text">State</th>{progressHeads}<th class="text">Actions</th></tr></thead>
          <tbody>
            {mappings.map((mapping) => (
              <tr key={mapping}>
                <th scope="row">{mapping}</th>
                <td class="text"><StateMark state={stateOf(mapping, destination, troubles)} /></td>
                <ProgressCells row={rows.get(mapping)} />
                <td class="text"><MappingActions mapping={mapping} destination={destination} onChanged={reload} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Of one mapping: what concerns the whole destination concerns it, too. */
function stateOf(mapping: string, destination: Destination, troubles: Trouble[]): State {
  if (destination.is_paused || destination.paused_mappings.includes(mapping)) return "paused";
  const mine = troubles.filter((trouble) => trouble.mapping === mapping || trouble.mapping === null);
  if (mine.some((trouble) => trouble.error !== null && trouble.quarantined === 0)) return "failing";
  return mine.some((trouble) => trouble.quarantined > 0) ? "quarantine" : "ok";
}

function Troubles({ troubles, answer }: { troubles: Trouble[]; answer: unknown }) {
  if (troubles.length === 0) return <p>Nothing is wrong with it.</p>;
  return (
    <section aria-labelledby="troubles">
      <h2 id="troubles">What is wrong</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="troubles">
        <table class="cards">
          <thead><tr><th>Mapping</th><th>Error</th><th>SQLSTATE</th><th>Attempts</th><th>Since</th><th>Next try</th></tr></thead>
          <tbody>
            {troubles.map((trouble) => (
              <tr key={trouble.mapping ?? ""}>
                <th scope="row" data-label="Mapping">{trouble.mapping ?? "the whole destination"}</th>
                <td data-label="Error" class="error-text">{trouble.error ?? (trouble.is_paused ? "paused" : "–")}</td>
                <td data-label="SQLSTATE"><code>{trouble.sqlstate ?? "–"}</code></td>
                <td data-label="Attempts" class="number">{count(trouble.attempts)}</td>
                <td data-label="Since">{trouble.since_at_millis === null ? "–" : <Since at={trouble.since_at_millis} />}</td>
                <td data-label="Next try">{trouble.is_paused ? "when resumed" : <Retry inMs={trouble.retry_in_ms} answer={answer} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Refused({ rows, total, answer }: { rows: RefusedRow[]; total: number; answer: unknown }) {
  if (rows.length === 0) return null;
  return (
    <section aria-labelledby="refused">
      <h2 id="refused">Rows that it refuses{total > rows.length && `: the ${rows.length} tried next of ${count(total)}`}</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="refused">
        <table class="cards">
          <thead><tr><th>Mapping</th><th>Key</th><th>Error</th><th>Attempts</th><th>Since</th><th>Next try</th></tr></thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.mapping + JSON.stringify(row.key)}>
                <th scope="row" data-label="Mapping">{row.mapping}</th>
                <td data-label="Key"><code>{Object.entries(row.key).map(([name, value]) => `${name}=${String(value)}`).join(" ")}</code></td>
                <td data-label="Error" class="error-text">{row.error}{row.sqlstate && <small class="muted block">SQLSTATE {row.sqlstate}</small>}</td>
                <td data-label="Attempts" class="number">{count(row.attempts)}</td>
                <td data-label="Since">{row.since_at_millis === null ? "–" : <Since at={row.since_at_millis} />}</td>
                <td data-label="Next try"><Retry inMs={row.retry_in_ms} answer={answer} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
