import { useEffect, useRef, useState } from "preact/hooks";

const pause = 250;  // ms after the last key

/** Searches when typing pauses. */
export function Search({ label, value, onSearch }: { label: string; value: string; onSearch: (text: string) => void }) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  useEffect(() => { setText((before) => (before.trim() === value ? before : value)); }, [value]);
  useEffect(() => () => { clearTimeout(timer.current); }, []);
  return (
    <label class="search">
      <span class="sr">{label}</span>
      <input type="search" placeholder={label} value={text} spellcheck={false}
             onInput={(event) => {
               const next = event.currentTarget.value;
               setText(next);
               clearTimeout(timer.current);
               timer.current = window.setTimeout(() => { onSearch(next.trim()); }, pause);
             }} />
    </label>
  );
}
