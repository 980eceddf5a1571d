import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { ApiError, base, get } from "./api";
import { standing } from "./changes";
import { serverNow, setServerTime } from "./clock";
import type { History, Overview, Point, Refusal, Session } from "./contract";

/** What the events have told so far. */
export interface Live {
  overview: Overview | null;
  points: Point[];
  /** Events arrive. Else since when they do not. */
  isLive: boolean;
  lostAt: number;
  /** Why the server cannot say how things stand, and since when: its source does not answer. */
  trouble: (Refusal & { since: number }) | null;
  /** How often something was not as before. */
  changes: number;
}

const silence = 5000;  // after which a connection that gives no event is not taken for a living one
const again = 2000;  // between attempts to connect where the browser has given up

const nothing: Live = { overview: null, points: [], isLive: false, lostAt: serverNow(), trouble: null, changes: 0 };

export const LiveContext = createContext<Live>(nothing);
export const useLive = (): Live => useContext(LiveContext);

/** Listens to the events of this session; another `renewed` starts anew and keeps what is shown. */
export function useEvents(session: Session, renewed: number, onEnd: () => void): Live {
  const [live, setLive] = useState<Live>({ ...nothing, lostAt: serverNow() });
  useEffect(() => {
    const stream = new Stream(session, setLive, onEnd);
    return () => { stream.close(); };
  }, [renewed]);
  return live;
}

/** One EventSource after another. */
class Stream {
  private source: EventSource | null = null;
  private timer = 0;
  private standing = "";

  constructor(
    private readonly session: Session,
    private readonly change: (next: (live: Live) => Live) => void,
    private readonly onEnd: () => void,
  ) {
    this.open();
  }

  close(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  private open(): void {
    this.close();
    const source = new EventSource(`${base}events`);
    this.source = source;
    source.addEventListener("open", () => void this.fillHistory());
    source.addEventListener("error", () => { this.lost(); });
    source.addEventListener("overview", (event: MessageEvent<string>) => { this.overview(JSON.parse(event.data) as Overview); });
    source.addEventListener("point", (event: MessageEvent<string>) => { this.point(JSON.parse(event.data) as Point); });
    source.addEventListener("trouble", (event: MessageEvent<string>) => { this.trouble(JSON.parse(event.data) as Refusal); });
    source.addEventListener("ended", () => {
      this.lost();
      this.close();
      this.onEnd();
    });
    this.watch(silence);
  }

  /** Looks after `millis` without an event whether the connection is worth keeping. */
  private watch(millis: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.revive(), millis);
  }

  private async revive(): Promise<void> {
    this.lost();
    const source = this.source;
    try {
      await get<Session>("session");
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return;  // a login starts another stream
    }
    if (this.source === source && source !== null) this.open();
  }

  private lost(): void {
    this.standing = "";
    this.change((live) => (live.isLive ? { ...live, isLive: false, lostAt: serverNow() } : live));
    if (this.source?.readyState === EventSource.CLOSED) this.watch(again);
  }

  private overview(overview: Overview): void {
    setServerTime(overview.at_millis);
    this.watch(silence);
    const now = standing(overview);
    const hasChanged = now !== this.standing;
    this.standing = now;
    this.change((live) => ({ ...live, overview, isLive: true, trouble: null, changes: live.changes + (hasChanged ? 1 : 0) }));
  }

  private trouble(refusal: Refusal): void {
    this.standing = "";
    this.watch(silence);
    this.change((live) => ({ ...live, isLive: true, trouble: { ...refusal, since: live.trouble?.since ?? serverNow() } }));
  }

  private point(point: Point): void {
    this.change((live) => ({ ...live, points: this.kept([...live.points, point]) }));
  }

  private async fillHistory(): Promise<void> {
    if (this.session.role !== "operator") return;
    try {
      const history = await get<History>("history");
      this.change((live) => ({ ...live, points: this.kept(joined(pointsOf(history), live.points)) }));
    } catch {
      // The points that come from now on are shown all the same.
    }
  }

  private kept(points: Point[]): Point[] {
    const newest = points.at(-1)?.at_millis ?? 0;
    const first = points.findIndex((point) => point.at_millis > newest - this.session.retention_ms);
    return first > 0 ? points.slice(first) : points;
  }
}

function pointsOf(history: History): Point[] {
  return history.at_millis.map((at_millis, index) => ({
    at_millis,
    applied_rows_per_second: history.applied_rows_per_second[index] ?? null,
    sequenced_rows_per_second: history.sequenced_rows_per_second[index] ?? null,
    lag_p50_ms: history.lag_p50_ms[index] ?? null,
    lag_p99_ms: history.lag_p99_ms[index] ?? null,
  }));
}

/** A history, and what has come by event since. */
function joined(history: Point[], points: Point[]): Point[] {
  const last = history.at(-1)?.at_millis ?? 0;
  return [...history, ...points.filter((point) => point.at_millis > last)];
}
