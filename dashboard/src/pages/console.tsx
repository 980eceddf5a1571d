import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { path, post, postForBlob } from "../api";
import { Editor } from "../components/editor";
import { Failure } from "../components/failure";
import { Grid } from "../components/grid";
import { ResultChart } from "../components/result_chart";
import { useNow } from "../components/time";
import { serverNow } from "../clock";
import type { Result, Session, Tables, Tenancies } from "../contract";
import { count, counted, duration, seconds } from "../format";
import { useResource } from "../resource";
import { href, replace } from "../route";
import { useSession } from "../session";
import { quote } from "../sql";

const stored = "tributary-statement ";  // of each project, for as long as the tab is there
const mostRows = 10_000;  // of an answer; of a file
const mostFileRows = 1_000_000;

/** REQUIRES: at signing out. What was asked says something of whose rows they are. */
export function forgetStatements(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(stored)) sessionStorage.removeItem(key);
}

/** Asks the shared ClickHouse for a project's rows. */
export function Console({ params }: { params: URLSearchParams }) {
  const { project_id } = useSession();
  const isThere = useAnalytics();
  const project = project_id ?? params.get("project") ?? "";
  const branch = params.get("branch") ?? "main";
  return (
    <>
      <h1>SQL console</h1>
      {!isThere && <p role="status">There is no ClickHouse to ask: it is starting, or <code>clickhouse.use</code> is none.</p>}
      <Whose project={project} branch={branch} isFixed={project_id !== null} />
      {!project && <p class="muted">A query sees one project's rows: whose? <a href="#/tenancies">All tenancies</a></p>}
      {isThere && project && <Workbench key={`${project} ${branch}`} project={project} branch={branch} />}
    </>
  );
}

/** Whether there is a ClickHouse: one that starts is waited for. */
function useAnalytics(): boolean {
  const [isThere, setThere] = useState(useSession().has_analytics);
  const { value } = useResource<Session>(isThere ? null : "session", 2000);
  useEffect(() => { if (value?.has_analytics) setThere(true); }, [value]);
  return isThere;
}

function Whose({ project, branch, isFixed }: { project: string; branch: string; isFixed: boolean }) {
  const [typed, setTyped] = useState(project);
  const { value } = useResource<Tenancies>(isFixed ? null : path(["tenancies"], { search: typed, limit: 50 }));
  const choose = (next: { project?: string; branch?: string }) => { replace(href(["console"], { project, branch, ...next })); };
  const names = [...new Set(value?.tenancies.map((tenancy) => tenancy.project_id))];
  return (
    <form class="filters" onSubmit={(event) => { event.preventDefault(); choose({ project: typed.trim() }); }}>
      <label>Project <input value={typed} list="projects" readOnly={isFixed} spellcheck={false} placeholder="project id"
                            onInput={(event) => { setTyped(event.currentTarget.value); }} onChange={() => { choose({ project: typed.trim() }); }} /></label>
      <datalist id="projects">{names.map((name) => <option key={name} value={name} />)}</datalist>
      <label>Branch <input class="short" value={branch} spellcheck={false}
                           onChange={(event) => { choose({ branch: event.currentTarget.value.trim() || "main" }); }} /></label>
      {!project && <button type="submit" class="primary">Open</button>}
    </form>
  );
}

/** What a statement came to. */
type Outcome =
  | { kind: "none" }
  | { kind: "running"; since: number }
  | { kind: "result"; result: Result }
  | { kind: "error"; error: unknown };

function Workbench({ project, branch }: { project: string; branch: string }) {
  const key = `${stored}${project} ${branch}`;
  const [statement, setStatement] = useState(() => sessionStorage.getItem(key) ?? "SELECT count() AS users FROM users");
  const [outcome, setOutcome] = useState<Outcome>({ kind: "none" });
  const [view, setView] = useState<View>("table");
  const abort = useRef<AbortController | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => () => abort.current?.abort(), []);
  const write = (text: string) => {
    setStatement(text);
    sessionStorage.setItem(key, text);
  };
  const insert = (text: string) => {
    const editor = field.current;
    if (!editor) return;
    editor.focus();
    editor.setRangeText(text, editor.selectionStart, editor.selectionEnd, "end");
    write(editor.value);
  };
  const run = async () => {
    abort.current?.abort();
    const mine = (abort.current = new AbortController());
    setOutcome({ kind: "running", since: serverNow() });
    try {
      const result = await post<Result>("query", { project_id: project, branch_id: branch, query: statement }, mine.signal);
      setOutcome({ kind: "result", result });
    } catch (error) {
      if (abort.current === mine) setOutcome(mine.signal.aborted ? { kind: "none" } : { kind: "error", error });
    }
  };
  return (
    <div class="workbench">
      <TableBrowser project={project} branch={branch} onInsert={insert} />
      <div class="work">
        <Editor value={statement} onChange={write} onRun={() => void run()} field={field} />
        <div class="run">
          <button type="button" class="primary" disabled={outcome.kind === "running"} onClick={() => void run()}>Run</button>
          {outcome.kind === "running"
            ? <button type="button" onClick={() => abort.current?.abort()}>Stop</button>
            : <span class="muted">Ctrl or ⌘ + Enter</span>}
          <Download query={statement} project={project} branch={branch} />
          <small class="muted">Up to {count(mostRows)} rows here, {count(mostFileRows)} in the file.</small>
          {outcome.kind === "running" && <Running since={outcome.since} />}
          <span role="status">{outcome.kind === "result" && <Summary result={outcome.result} />}</span>
        </div>
        {outcome.kind === "error" && <Failure error={outcome.error} />}
        {outcome.kind === "result" && <Shown result={outcome.result} view={view} onView={setView} />}
      </div>
    </div>
  );
}

function Running({ since }: { since: number }) {
  const now = useNow();
  return <span>Running for {seconds(now - since)}…</span>;
}

function Summary({ result: { rows, took_ms, query_id } }: { result: Result }) {
  return <span title={`query ${query_id}`}>{counted(rows.length, "row")} in {duration(took_ms)}</span>;
}

type View = "table" | "chart";

function Shown({ result, view, onView }: { result: Result; view: View; onView: (view: View) => void }) {
  return (
    <section aria-label="Result of the query">
      <div class="run">
        <span role="group" aria-label="Show as" class="segments">
          <button type="button" aria-pressed={view === "table"} onClick={() => { onView("table"); }}>Table</button>
          <button type="button" aria-pressed={view === "chart"} onClick={() => { onView("chart"); }}>Chart</button>
        </span>
      </div>
      {view === "chart" ? <ResultChart result={result} /> : result.rows.length > 0 ? <Grid result={result} /> : <p class="muted">No row.</p>}
    </section>
  );
}

/** Asks for a file, of which the page keeps nothing. */
function Download({ query, project, branch }: { query: string; project: string; branch: string }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const download = async () => {
    setBusy(true);
    setError(null);
    try {
      save(await postForBlob("query", { project_id: project, branch_id: branch, query, format: "csv", timeout_ms: 120_000 }), `${project}.csv`);
    } catch (thrown) {
      setError(thrown);
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" disabled={busy} onClick={() => void download()}>{busy ? "Downloading…" : "Download CSV"}</button>
      {error !== null && <Failure error={error} />}
    </>
  );
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => { URL.revokeObjectURL(link.href); }, 60_000);
}

function TableBrowser({ project, branch, onInsert }: { project: string; branch: string; onInsert: (text: string) => void }) {
  const { value, error, reload } = useResource<Tables>(path(["tables"], { project_id: project, branch_id: branch }));
  const tables = useMemo(() => value?.tables ?? [], [value]);
  return (
    <nav class="tables" aria-label="Tables">
      {error !== null && <Failure error={error} retry={reload} />}
      {value && tables.length === 0 && <p class="muted">No table yet: ClickHouse has nothing of this project.</p>}
      {tables.map(({ name, columns }) => (
        <details key={name}>
          <summary>{name} <small class="muted">{counted(columns.length, "column")}</small></summary>
          <ul>
            <li><button type="button" class="insert" onClick={() => { onInsert(quote(name)); }}>Insert {name}</button></li>
            {columns.map((column) => (
              <li key={column.name}>
                <button type="button" class="insert" title={`Insert ${column.name}`} onClick={() => { onInsert(quote(column.name)); }}>{column.name}</button>
                <small class="muted">{column.type}</small>
              </li>
            ))}
          </ul>
        </details>
      ))}
    </nav>
  );
}
