import type { Ref } from "preact";
import { useId, useMemo, useRef } from "preact/hooks";
import { pieces } from "../sql";

interface EditorProps {
  value: string;
  onChange: (text: string) => void;
  onRun: () => void;
  field: Ref<HTMLTextAreaElement>;
}

/** A text field, and beneath its transparent text the same text in colours. Tab leaves it, as it does every field. */
export function Editor({ value, onChange, onRun, field }: EditorProps) {
  const colours = useRef<HTMLPreElement>(null);
  const hint = useId();
  const coloured = useMemo(() => pieces(value), [value]);
  return (
    <div class="editor">
      <pre ref={colours} aria-hidden="true">
        {coloured.map(({ kind, text }, index) => (kind === "text" ? text : <span key={index} class={`sql-${kind}`}>{text}</span>))}
        {"\n"}
      </pre>
      <textarea
        ref={field} value={value} rows={8} aria-label="SQL statement" aria-describedby={hint}
        spellcheck={false} autocomplete="off" autocapitalize="off"
        onInput={(event) => { onChange(event.currentTarget.value); }}
        onScroll={({ currentTarget: { scrollTop, scrollLeft } }) => { colours.current?.scrollTo(scrollLeft, scrollTop); }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          onRun();
        }}
      />
      <span id={hint} class="sr">Control and Enter, or Command and Enter, runs it.</span>
    </div>
  );
}
