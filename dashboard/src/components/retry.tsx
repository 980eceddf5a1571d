import { absolute, duration } from "../format";
import { serverNow } from "../clock";
import { useNow } from "./time";
import { useRef } from "preact/hooks";

/** Counts down to the next try. Each answer has another `inMs`, from which it goes on. */
export function Retry({ inMs, answer }: { inMs: number | null; answer: unknown }) {
  const now = useNow();
  const due = useRef({ answer, at: serverNow() + (inMs ?? 0) });
  if (due.current.answer !== answer) due.current = { answer, at: serverNow() + (inMs ?? 0) };
  if (inMs === null) return <span class="muted">not by itself</span>;
  const left = due.current.at - now;
  return <time title={absolute(due.current.at)}>{left < 1000 ? "now" : `in ${duration(Math.ceil(left / 1000) * 1000)}`}</time>;
}
