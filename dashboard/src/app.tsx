import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, whenExpired } from "./api";
import { Dialog } from "./components/dialog";
import { Failure } from "./components/failure";
import { Login, signIn } from "./pages/login";
import type { Session } from "./contract";
import { SessionContext } from "./session";
import { Shell } from "./shell";

type Phase = "asking" | "out" | "in" | "expired";

/** The session: asked for at the start, begun by a login, and begun again over the page where it has expired. */
export function App() {
  const [phase, setPhase] = useState<Phase>("asking");
  const [session, setSession] = useState<Session | null>(null);
  const [renewed, setRenewed] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const asked = useRef(false);

  const begin = useCallback((next: Session) => {
    setSession(next);
    setRenewed((count) => count + 1);
    setPhase("in");
  }, []);
  const end = useCallback(() => {
    setSession(null);
    setPhase("out");
  }, []);
  const expire = useCallback(() => { setPhase((before) => (before === "in" ? "expired" : before)); }, []);

  const ask = useCallback(async () => {
    setError(null);
    try {
      begin(await firstSession());
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.status === 401) setPhase("out");
      else setError(thrown);
    }
  }, [begin]);

  useEffect(() => {
    whenExpired(expire);
    if (!asked.current) void ask();
    asked.current = true;
  }, [ask, expire]);

  if (error !== null) return <main class="alone"><h1>Tributary</h1><Failure error={error} retry={() => void ask()} /></main>;
  if (phase === "asking") return <main class="alone"><p class="muted" role="status">Loading…</p></main>;
  if (!session) return <main class="alone"><h1>Tributary</h1><Login onSession={begin} /></main>;
  return (
    <SessionContext.Provider value={{ session, renewed }}>
      {/* Another person's session begins with nothing of the one before. */}
      <Shell key={session.project_id ?? ""} onExpired={expire} onSignOut={end} />
      {phase === "expired" && (
        <Dialog title="Your session has expired">
          <p>Sign in again to go on where you were. Nothing of this page is lost.</p>
          <Login onSession={begin} projectId={session.project_id} />
        </Dialog>
      )}
    </SessionContext.Provider>
  );
}

/** By a key in the address, which is taken out of it first, or by the cookie. */
async function firstSession(): Promise<Session> {
  const key = /^#operator_key=(.+)$/.exec(location.hash)?.[1];
  if (key === undefined) return get<Session>("session");
  history.replaceState(null, "", "#/");
  return signIn({ operator_key: decodeURIComponent(key) });
}
