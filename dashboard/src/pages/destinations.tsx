import { path } from "../api";
import { Actions } from "../actions";
import { Failure } from "../components/failure";
import { Pages } from "../components/pages";
import { Retry } from "../components/retry";
import { Search } from "../components/search";
import { StateOf } from "../components/state";
import { Since } from "../components/time";
import { Why } from "../components/why";
import type { Destination, Destinations } from "../contract";
import { useResource } from "../resource";
import { href, replace } from "../route";

const states = [
  ["", "any state"],
  ["trouble", "not ok"],
  ["failing", "failing"],
  ["quarantine", "with refused rows"],
  ["paused", "paused"],
  ["ok", "ok"],
] as const;
const kinds = [
  ["", "any kind"],
  ["postgres", "PostgreSQL"],
  ["clickhouse", "ClickHouse"],
] as const;

export function DestinationsPage({ params }: { params: URLSearchParams }) {
  const chosen = { state: params.get("state") ?? "", kind: params.get("kind") ?? "", search: params.get("search") ?? "" };
  const after = params.get("after") ?? "";
  const { value, error, reload } = useResource<Destinations>(path(["destinations"], { ...chosen, after }), 2000);
  const choose = (change: Partial<typeof chosen>) => { replace(href(["destinations"], { ...chosen, ...change })); };
  return (
    <>
      <h1>Destinations</h1>
      <form class="filters" role="search" onSubmit={(event) => { event.preventDefault(); }}>
        <Search label="Search projects and destinations" value={chosen.search} onSearch={(search) => { choose({ search }); }} />
        <Choice label="State" options={states} value={chosen.state} onChoose={(state) => { choose({ state }); }} />
        <Choice label="Kind" options={kinds} value={chosen.kind} onChoose={(kind) => { choose({ kind }); }} />
      </form>
      {error !== null && <Failure error={error} retry={reload} />}
      {value && <Table destinations={value.destinations} answer={value} reload={reload} />}
      {!value && error === null && <p class="muted" role="status">Loading…</p>}
      {value && <Pages page="destinations" params={chosen} isFirst={after === ""} after={value.after} />}
    </>
  );
}

interface ChoiceProps {
  label: string;
  options: readonly (readonly [value: string, name: string])[];
  value: string;
  onChoose: (value: string) => void;
}

function Choice({ label, options, value, onChoose }: ChoiceProps) {
  return (
    <label>
      <span class="sr">{label}</span>
      <select value={value} onChange={(event) => { onChoose(event.currentTarget.value); }}>
        {options.map(([option, name]) => <option key={option} value={option}>{name}</option>)}
      </select>
    </label>
  );
}

function Table({ destinations, answer, reload }: { destinations: Destination[]; answer: unknown; reload: () => void }) {
  if (destinations.length === 0) return <p>No destination is of this kind. <a href="#/destinations">Show all</a></p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Destinations">
      <table class="cards">
        <thead><tr><th>Destination</th><th>State</th><th>Why</th><th>Since</th><th>Next try</th><th>Actions</th></tr></thead>
        <tbody>{destinations.map((one) => <Row key={`${one.tenancy_id} ${one.destination_id}`} destination={one} answer={answer} reload={reload} />)}</tbody>
      </table>
    </div>
  );
}

function Row({ destination, answer, reload }: { destination: Destination; answer: unknown; reload: () => void }) {
  const { tenancy_id, project_id, branch_id, destination_id, connection, error, since_at_millis: since } = destination;
  const none = <span class="muted none">–</span>;
  return (
    <tr>
      <th scope="row" data-label="Destination">
        <a href={href(["destinations", tenancy_id, destination_id])}>{project_id} / {destination_id}</a>
        {branch_id !== "main" && <small class="muted block">branch {branch_id}</small>}
        {connection && <small class="muted block connection" title={connection}>{connection}</small>}
      </th>
      <td data-label="State"><StateOf destination={destination} /></td>
      <td data-label="Why" class="error-text">
        <Why destination={destination} />
      </td>
      <td data-label="Since">{since === null ? none : <Since at={since} />}</td>
      <td data-label="Next try">{error === null || destination.is_paused ? none : <Retry inMs={destination.retry_in_ms} answer={answer} />}</td>
      <td data-label="Actions"><Actions destination={destination} onChanged={reload} /></td>
    </tr>
  );
}
