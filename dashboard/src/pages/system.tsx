import { useState } from "preact/hooks";
import { post } from "../api";
import { Confirm } from "../components/dialog";
import { Failure } from "../components/failure";
import type { Fusebox, System } from "../contract";
import { compact, count, duration } from "../format";
import { useNotice } from "../notice";
import { useResource } from "../resource";

export function SystemPage() {
  const { value, error, reload } = useResource<System>("system", 2000);
  if (!value) return error === null ? <p class="muted" role="status">Loading…</p> : <Failure error={error} retry={reload} />;
  const { fusebox, queue, sequencer } = value;
  return (
    <>
      <h1>System</h1>
      {error !== null && <Failure error={error} retry={reload} />}
      <section aria-labelledby="fusebox">
        <h2 id="fusebox">Fusebox: for every process at once</h2>
        <Switch name="sequencer" fusebox={fusebox} onChanged={reload} />
        <Switch name="poller" fusebox={fusebox} onChanged={reload} />
      </section>
      <div class="columns">
        <section aria-labelledby="sequencer"><h2 id="sequencer">Sequencer</h2>
          <dl class="facts">
            <dt>Last sequence id</dt><dd>{count(sequencer.last_sequence_id)}</dd>
            <dt>Gives</dt><dd>{compact(sequencer.ids_per_second)} ids/s</dd>
            <dt>On their way</dt><dd>{value.is_drained ? "nothing: every change has arrived" : "changes"}</dd>
          </dl>
        </section>
        <section aria-labelledby="queue"><h2 id="queue">Queue</h2>
          <dl class="facts">
            <dt>Pending</dt><dd>{count(queue.pending)}{queue.oldest_ms !== null && `, the oldest for ${duration(queue.oldest_ms)}`}</dd>
            <dt>In flight</dt><dd>{count(queue.in_flight)}</dd>
            <dt>Lease run out</dt><dd>{count(queue.stale)}{queue.stale > 0 && ": left behind by a dead worker, taken up by another"}</dd>
            <dt>Failing</dt><dd>{count(queue.parked)} (destination, mapping)</dd>
            <dt>Refused</dt><dd>{count(queue.quarantined)} rows</dd>
            <dt>Mending</dt><dd>{count(queue.mending)} (destination, mapping)</dd>
          </dl>
        </section>
        <section aria-labelledby="versions"><h2 id="versions">Installation</h2>
          <dl class="facts">
            <dt>Version</dt><dd>{value.version}</dd>
            <dt>Schema of the source</dt><dd>{value.schema_version}</dd>
            <dt>Id</dt><dd><code>{value.installation_id}</code></dd>
          </dl>
        </section>
      </div>
    </>
  );
}

const switches = {
  sequencer: {
    title: "Sequencer",
    what: "Gives changed rows their sequence ids.",
    off: "No new change reaches any customer until it is switched on again. Changes are kept at the source, and the backlog grows.",
  },
  poller: {
    title: "Poller",
    what: "Takes requests from the queue and brings rows to their destinations.",
    off: "Nothing is sent to any destination until it is switched on again. Requests wait in the queue, and the backlog grows.",
  },
} as const;

function Switch({ name, fusebox, onChanged }: { name: keyof typeof switches; fusebox: Fusebox; onChanged: () => void }) {
  const [asking, setAsking] = useState(false);
  const notice = useNotice();
  const isOn = fusebox[`${name}_enabled`];
  const { title, what, off } = switches[name];
  const verb = isOn ? "Switch off" : "Switch on";
  const run = async () => {
    await post("system/fusebox", { [`${name}_enabled`]: !isOn });
    notice(`${title}: switched ${isOn ? "off" : "on"} for every process.`);
    onChanged();
  };
  return (
    <div class="switch">
      <button type="button" role="switch" aria-checked={isOn} aria-label={title} onClick={() => { setAsking(true); }}>{isOn ? "On" : "Off"}</button>
      <span><strong>{title}</strong> <span class="muted">{what}</span> {!isOn && <span class="mark bad">Off: everybody waits</span>}</span>
      {asking && (
        <Confirm title={`${verb} the ${name} for everybody?`} action={verb} danger={isOn} run={run} onClose={() => { setAsking(false); }}>
          <p>{isOn ? off : "It takes up the backlog at once."}</p>
        </Confirm>
      )}
    </div>
  );
}
