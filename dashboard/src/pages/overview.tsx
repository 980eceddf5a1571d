import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { AlignedData } from "uplot";
import { Chart } from "../components/chart";
import { Ago, Since } from "../components/time";
import { Retry } from "../components/retry";
import { StateOf } from "../components/state";
import { Why } from "../components/why";
import type { Backlog, Behind, Counts, Destination, Overview, Point } from "../contract";
import { bytes, compact, count, counted, duration } from "../format";
import { useLive } from "../live";
import { href } from "../route";
import { advice, judge } from "../verdict";

export function OverviewPage() {
  const { overview, points, trouble } = useLive();
  if (!overview) {
    return (
      <>
        <h1>Overview</h1>
        <p class="muted" role="status">{trouble ? "Nothing is known yet." : "Waiting for the first numbers…"}</p>
      </>
    );
  }
  return (
    <>
      <VerdictBox overview={overview} isKnown={trouble === null} />
      <Worst overview={overview} />
      <Tiles overview={overview} />
      {overview.scope === "installation" && overview.lag && <Charts points={points} />}
      <div class="columns">
        <DestinationCounts overview={overview} />
        <BacklogTable backlog={overview.backlog} />
      </div>
      <BehindTable behind={overview.behind} />
    </>
  );
}

function VerdictBox({ overview, isKnown }: { overview: Overview; isKnown: boolean }) {
  const verdict = judge(overview);
  const level = isKnown ? verdict.level : "unknown";
  return (
    <section class={`verdict ${level}`} aria-label="How things stand">
      <h1>{isKnown ? verdict.title : `Last known: ${verdict.title}`}</h1>
      <p>{verdict.detail}</p>
      {verdict.findings.length > 0 && (
        <ul>
          {verdict.findings.map(({ level: of, what, action, href: to }) => (
            <li key={what}>
              <span class={`mark ${of}`}>{what}</span> <span class="muted">{action}</span>{" "}
              <a href={to}>{to === "#/system" ? "System" : "Tenancy"}</a>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** Which is not up to date, why, since when, and what to do. */
function Worst({ overview }: { overview: Overview }) {
  const { worst, destinations } = overview;
  if (worst.length === 0) return null;
  const all = destinations.postgres.total + destinations.clickhouse.total - destinations.postgres.ok - destinations.clickhouse.ok;
  return (
    <section aria-labelledby="worst">
      <h2 id="worst">Not up to date</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="worst">
        <table class="cards">
          <thead><tr><th>Destination</th><th>State</th><th>Why</th><th>Since</th><th>Next try</th><th>What to do</th></tr></thead>
          <tbody>
            {worst.map((one) => <WorstRow key={`${one.tenancy_id} ${one.destination_id}`} destination={one} answer={overview} />)}
          </tbody>
        </table>
      </div>
      {all > worst.length && <p><a href={href(["destinations"], { state: "trouble" })}>All {counted(all, "destination")} that are not ok</a></p>}
    </section>
  );
}

function WorstRow({ destination, answer }: { destination: Destination; answer: unknown }) {
  const { tenancy_id, destination_id, project_id, branch_id, since_at_millis: since } = destination;
  return (
    <tr>
      <th scope="row" data-label="Destination">
        <a href={href(["destinations", tenancy_id, destination_id])}>{project_id} / {destination_id}</a>
        {branch_id !== "main" && <small class="muted block">branch {branch_id}</small>}
      </th>
      <td data-label="State"><StateOf destination={destination} /></td>
      <td data-label="Why" class="error-text"><Why destination={destination} /></td>
      <td data-label="Since">{since === null ? "–" : <Since at={since} />}</td>
      <td data-label="Next try">
        {destination.state === "paused" ? <span class="muted nowrap">when resumed</span> : <Retry inMs={destination.retry_in_ms} answer={answer} />}
      </td>
      <td data-label="What to do" class="advice">{advice(destination)}</td>
    </tr>
  );
}

function Tile({ name, value, detail, title }: { name: string; value: ComponentChildren; detail?: ComponentChildren; title?: string }) {
  return (
    <div class="tile" title={title}>
      <dt>{name}</dt>
      <dd><strong>{value}</strong>{detail !== undefined && <small class="muted">{detail}</small>}</dd>
    </div>
  );
}

function Tiles({ overview }: { overview: Overview }) {
  const { lag, throughput, queue, sequencer, fusebox } = overview;
  return (
    <dl class="tiles" aria-label="Now">
      {lag && (
        <Tile name="Lag, p99" value={lag.p99_ms === null ? "–" : duration(lag.p99_ms)}
              detail={lag.p50_ms === null
                ? "nothing applied in the last minute"
                : `p50 ${duration(lag.p50_ms)}, measured ${counted(lag.count, "time")} in a minute`}
              title="From the commit of the sequence ids to the commit in a destination, over the last minute" />
      )}
      {throughput && (
        <Tile name="Applied" value={`${compact(throughput.applied_rows_per_second)} rows/s`}
              detail={`${bytes(Math.round(throughput.applied_bytes_per_second))}/s, ${compact(throughput.failures_per_second)} failures/s`}
              title={`${count(throughput.applied_rows_per_second)} rows a second, over the last five seconds`} />
      )}
      {sequencer && fusebox && (
        <Tile name="Sequencer" value={fusebox.sequencer_enabled ? `${compact(sequencer.ids_per_second)} ids/s` : <span class="mark bad">off</span>}
              detail={`last id ${count(sequencer.last_sequence_id)}`} />
      )}
      <Tile name="Queue" value={`${count(queue.pending)} pending`}
            detail={`${count(queue.in_flight)} in flight, oldest ${queue.oldest_ms === null ? "none" : duration(queue.oldest_ms)}`} />
      <Tile name="Set aside" value={counted(queue.parked, "mapping")} detail={`${counted(queue.quarantined, "refused row")}, ${count(queue.mending)} mending`}
            title="Mappings of destinations that failed and are tried again later; rows that their destination refuses; pairs being compared and mended" />
      <Tile name="Tenancies" value={count(overview.tenancies.total)} detail={<>counted <Ago at={overview.tenancies.counted_at_millis} /></>} />
    </dl>
  );
}

function Charts({ points }: { points: Point[] }) {
  const column = (pick: (point: Point) => number | null) => points.map(pick);
  const [lag, rows] = useMemo(() => {
    const seconds = points.map((point) => point.at_millis / 1000);
    return [
      [seconds, column((point) => point.lag_p50_ms), column((point) => point.lag_p99_ms)] satisfies AlignedData,
      [seconds, column((point) => point.applied_rows_per_second), column((point) => point.sequenced_rows_per_second)] satisfies AlignedData,
    ];
  }, [points]);
  const perSecond = (value: number) => `${compact(value)}/s`;
  return (
    <div class="columns">
      <section aria-labelledby="lag"><h2 id="lag">Lag, sequence id to applied</h2>
        <Chart name="Lag over the last ten minutes" time data={lag} height={170}
               series={[{ label: "p50", format: duration }, { label: "p99", format: duration }]} />
      </section>
      <section aria-labelledby="rows"><h2 id="rows">Throughput, rows</h2>
        <Chart name="Throughput over the last ten minutes" time data={rows} height={170}
               series={[{ label: "applied", format: perSecond }, { label: "sequenced", format: perSecond }]} />
      </section>
    </div>
  );
}

function DestinationCounts({ overview: { destinations } }: { overview: Overview }) {
  return (
    <section aria-labelledby="counts">
      <h2 id="counts">Destinations</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="counts"><table class="numbers">
        <thead><tr><th>Kind</th><th>Total</th><th>OK</th><th>Failing</th><th>Refused</th><th>Paused</th></tr></thead>
        <tbody>
          <CountsRow name="PostgreSQL" kind="postgres" counts={destinations.postgres} />
          <CountsRow name="ClickHouse tenants" kind="clickhouse" counts={destinations.clickhouse} />
        </tbody>
      </table></div>
    </section>
  );
}

function CountsRow({ name, kind, counts }: { name: string; kind: string; counts: Counts }) {
  return (
    <tr>
      <th scope="row"><a href={href(["destinations"], { kind })}>{name}</a></th>
      <td>{count(counts.total)}</td>
      <td>{count(counts.ok)}</td>
      {(["failing", "quarantine", "paused"] as const).map((state) => (
        <td key={state}>{counts[state] > 0 ? <a href={href(["destinations"], { kind, state })}>{count(counts[state])}</a> : 0}</td>
      ))}
    </tr>
  );
}

const shownFrom = 5_000;  // ms: what is younger comes and goes

/** Since when, of those whose changes are on their way; how many rows that is, only each destination knows. */
function BehindTable({ behind }: { behind: Behind[] }) {
  const shown = behind.filter(({ for_ms }) => for_ms >= shownFrom);
  if (shown.length === 0) return null;
  return (
    <section aria-labelledby="behind">
      <h2 id="behind">On their way for longest</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="behind"><table class="numbers">
        <thead><tr><th>Tenancy</th><th class="text">To</th><th class="text">State</th><th>For</th></tr></thead>
        <tbody>
          {shown.map(({ tenancy_id, project_id, branch_id, kind, destination_id, state, for_ms }) => (
            <tr key={`${tenancy_id} ${kind} ${destination_id ?? ""}`}>
              <th scope="row"><a href={href(["tenancies", tenancy_id])}>{project_id}{branch_id !== "main" && ` (branch ${branch_id})`}</a></th>
              <td class="text">{kind === "clickhouse" ? "ClickHouse" : destination_id ?? "its databases"}</td>
              <td class="text">{behindStates[state]}</td>
              <td>{duration(for_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table></div>
    </section>
  );
}

const behindStates = { pending: "in the queue", in_flight: "being applied", slow: "being applied, slowly" } as const;

function BacklogTable({ backlog }: { backlog: Backlog[] }) {
  return (
    <section aria-labelledby="backlog">
      <h2 id="backlog">Changed rows without their sequence id yet</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="backlog"><table class="numbers">
        <thead><tr><th>Mapping</th><th class="text spare">Source table</th><th>Rows</th></tr></thead>
        <tbody>
          {backlog.map(({ mapping, table, flagged, is_capped }) => (
            <tr key={mapping ?? table}>
              <th scope="row">{mapping ?? "tombstones of all"}</th>
              <td class="text spare"><code>{table}</code></td>
              <td>{count(flagged)}{is_capped && " or more"}</td>
            </tr>
          ))}
        </tbody>
      </table></div>
    </section>
  );
}
