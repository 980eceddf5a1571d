import { useEffect, useState } from "preact/hooks";
import { serverNow } from "../clock";
import { absolute, relative, seconds } from "../format";

let shown = 0;  // elements that look at the clock
let timer = 0;
const listeners = new Set<(now: number) => void>();

/** Now, each second. All share one timer. */
export function useNow(): number {
  const [now, setNow] = useState(() => serverNow());
  useEffect(() => {
    listeners.add(setNow);
    if (++shown === 1) timer = window.setInterval(() => { for (const listener of listeners) listener(serverNow()); }, 1000);
    return () => {
      listeners.delete(setNow);
      if (--shown === 0) clearInterval(timer);
    };
  }, []);
  return now;
}

/** "3 min ago", with the moment itself in the title. */
export function Ago({ at }: { at: number | null | undefined }) {
  const now = useNow();
  if (at === null || at === undefined) return <span class="muted">never</span>;
  return <time dateTime={new Date(at).toISOString()} title={absolute(at)}>{relative(at, now)}</time>;
}

/** "3 min 20 s": for how long something has been so. */
export function Since({ at }: { at: number }) {
  const now = useNow();
  return <time dateTime={new Date(at).toISOString()} title={`since ${absolute(at)}`}>{seconds(now - at)}</time>;
}
