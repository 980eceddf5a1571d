import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get } from "./api";
import { useChanges } from "./changes";
import { serverNow } from "./clock";
import { Repeat } from "./repeat";
import { useSignedIn } from "./session";

export interface Resource<T> {
  /** The last answer for this path, also while a newer one is on its way or failed. */
  value: T | null;
  /** Why the last request failed; null after one that did not. */
  error: unknown;
  /** When `value` was answered, by the clock of the server. */
  at: number;
  reload: () => void;
}

interface Loaded<T> {
  path: string;
  value: T | null;
  error: unknown;
  at: number;
}

/**
 * Gets a path now and, with `every`, again as soon as an event tells that something changed, and that many milliseconds after each answer whatever the
 * events tell; as long as somebody sees the page.
 */
export function useResource<T>(path: string | null, every?: number): Resource<T> {
  const { renewed } = useSignedIn();
  const changes = useChanges();
  const [loaded, setLoaded] = useState<Loaded<T> | null>(null);
  const [asked, setAsked] = useState(0);
  const repeat = useRef<Repeat | null>(null);

  useEffect(() => {
    if (path === null) return undefined;
    const abort = new AbortController();
    const load = async () => {
      if (document.visibilityState !== "visible") return;
      const answer = await answerOf<T>(path, abort.signal);
      if (abort.signal.aborted) return;
      setLoaded((before) => (answer.error !== null && before?.path === path ? { ...before, error: answer.error } : answer));
    };
    const loads = new Repeat(load, every);
    repeat.current = loads;
    return () => {
      abort.abort();
      loads.close();
    };
  }, [path, every, asked, renewed]);

  const seen = useRef(changes);
  useEffect(() => {
    if (seen.current !== changes) repeat.current?.hurry();
    seen.current = changes;
  }, [changes]);

  const reload = useCallback(() => { setAsked((count) => count + 1); }, []);
  return loaded?.path === path ? { ...loaded, reload } : { value: null, error: null, at: 0, reload };
}

async function answerOf<T>(path: string, signal: AbortSignal): Promise<Loaded<T>> {
  try {
    return { path, value: await get<T>(path, signal), error: null, at: serverNow() };
  } catch (error) {
    return { path, value: null, error, at: serverNow() };
  }
}
