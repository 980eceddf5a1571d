import { useState } from "preact/hooks";
import { path, post } from "./api";
import { Confirm, Dialog } from "./components/dialog";
import { Failure } from "./components/failure";
import type { Changed, ConnectionTest, Destination } from "./contract";
import { counted, tenancyName } from "./format";
import { useNotice } from "./notice";

type Verb = "pause" | "resume" | "resync" | "retry";

interface Action {
  title: string;
  button: string;
  text: string;
  done: (changed: number) => string;
}

const actions: Readonly<Record<Verb, Action>> = {
  pause: {
    title: "Pause",
    button: "Pause",
    text: "Nothing more is sent to it until it is resumed. Changes are kept at the source, and the backlog grows.",
    done: (changed) => (changed > 0 ? "Paused" : "It was paused already"),
  },
  resume: {
    title: "Resume",
    button: "Resume",
    text: "Its backlog is sent at once.",
    done: (changed) => (changed > 0 ? "Resumed" : "It was not paused"),
  },
  resync: {
    title: "Resync",
    button: "Resync",
    text: `All its rows are read again from the source and written; rows that the source lacks are removed.
      Changes go on flowing. This loads source and destination.`,
    done: (changed) => `Reading ${counted(changed, "mapping")} again`,
  },
  retry: {
    title: "Retry now",
    button: "Retry",
    text: "What waits for its next try is due now.",
    done: (changed) => (changed > 0 ? "Tried again now" : "Nothing was waiting"),
  },
};

export function nameOf(destination: Destination): string {
  return `${destination.destination_id} of ${tenancyName(destination)}`;
}

interface Props {
  destination: Destination;
  /** The destination as it is after an action. */
  onChanged: (destination: Destination) => void;
}

/** What can be done with a destination. Asks before anything is changed. */
export function Actions({ destination, onChanged }: Props) {
  const [isTesting, setTesting] = useState(false);
  const shown: Verb[] = [
    ...(destination.is_paused || destination.paused_mappings.length > 0 ? (["resume"] as const) : []),
    ...(destination.is_paused ? [] : (["pause"] as const)),
    "resync",
    ...(destination.state === "failing" || destination.quarantined > 0 ? (["retry"] as const) : []),
  ];
  return (
    <span class="buttons">
      <Verbs verbs={shown} destination={destination} onChanged={onChanged} />
      <button type="button" aria-label={`Test the connection: ${nameOf(destination)}`} onClick={() => { setTesting(true); }}>Test</button>
      {isTesting && <TestDialog destination={destination} onClose={() => { setTesting(false); }} />}
    </span>
  );
}

/** What can be done with one mapping of it. A pause of the whole destination is ended there. */
export function MappingActions({ destination, mapping, onChanged }: Props & { mapping: string }) {
  const isPaused = destination.paused_mappings.includes(mapping);
  const shown: Verb[] = [...(isPaused ? (["resume"] as const) : destination.is_paused ? [] : (["pause"] as const)), "resync"];
  return <span class="buttons"><Verbs verbs={shown} mapping={mapping} destination={destination} onChanged={onChanged} /></span>;
}

/** A button for each, which asks first. Without a mapping the whole destination is meant. */
function Verbs({ verbs, mapping, destination, onChanged }: Props & { verbs: Verb[]; mapping?: string }) {
  const [verb, setVerb] = useState<Verb | null>(null);
  const notice = useNotice();
  const name = mapping === undefined ? nameOf(destination) : `${mapping} of ${nameOf(destination)}`;
  const run = async (chosen: Verb) => {
    const address = path(["destinations", destination.tenancy_id, destination.destination_id, chosen]);
    const { changed, destination: after } = await post<Changed>(address, mapping === undefined ? {} : { mapping });
    notice(`${name}: ${actions[chosen].done(changed)}.`);
    onChanged(after);
  };
  return (
    <>
      {verbs.map((one) => (
        <button key={one} type="button" aria-label={`${actions[one].title}: ${name}`} onClick={() => { setVerb(one); }}>{actions[one].title}</button>
      ))}
      {verb && (
        <Confirm title={`${actions[verb].title} ${name}?`} action={actions[verb].button} run={() => run(verb)} onClose={() => { setVerb(null); }}>
          <p>{actions[verb].text}</p>
        </Confirm>
      )}
    </>
  );
}

/** Connects as the engine does; changes nothing. */
function TestDialog({ destination, onClose }: { destination: Destination; onClose: () => void }) {
  const [test, setTest] = useState<ConnectionTest | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    setError(null);
    setTest(null);
    try {
      setTest(await post<ConnectionTest>(path(["destinations", destination.tenancy_id, destination.destination_id, "test"])));
    } catch (thrown) {
      setError(thrown);
    }
    setBusy(false);
  };
  return (
    <Dialog title={`Test the connection to ${nameOf(destination)}`} onClose={onClose}>
      <p class="dialog-text">
        {destination.connection ? <code>{destination.connection}</code> : "The shared ClickHouse."} Connects as the engine does, and changes nothing.
      </p>
      <div role="status">
        {busy && <p>Connecting…</p>}
        {test?.ok && <p><span class="mark ok">Connected</span> {test.server} in {test.took_ms} ms</p>}
        {test && !test.ok && (
          <>
            <p><span class="mark bad">Failed</span> after {test.took_ms} ms{test.sqlstate && `, SQLSTATE ${test.sqlstate}`}</p>
            <pre class="error-text">{test.error}</pre>
          </>
        )}
      </div>
      {error !== null && <Failure error={error} />}
      <div class="dialog-buttons">
        <button type="button" onClick={onClose}>Close</button>
        <button type="button" class="primary" autofocus disabled={busy} onClick={() => void run()}>{test || error !== null ? "Test again" : "Test"}</button>
      </div>
    </Dialog>
  );
}
