import { useId, useState } from "preact/hooks";
import { ApiError, post } from "../api";
import type { Session } from "../contract";

type Keys = { operator_key: string } | { project_id: string; admin_key: string };

export function signIn(keys: Keys): Promise<Session> {
  return post<Session>("session", keys);
}

interface LoginProps {
  onSession: (session: Session) => void;
  /** Whose session has expired; null: the operator's. */
  projectId?: string | null;
}

/** With the operator's key, or a project's id and admin key. */
export function Login({ onSession, projectId }: LoginProps) {
  const [kind, setKind] = useState<"operator" | "project">(projectId ? "project" : "operator");
  const [project, setProject] = useState(projectId ?? "");
  const [key, setKey] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const ids = { project: useId(), key: useId(), error: useId() };

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      onSession(await signIn(kind === "operator" ? { operator_key: key } : { project_id: project, admin_key: key }));
    } catch (thrown) {
      setError(sentence(thrown));
      setBusy(false);
    }
  };

  return (
    <form class="login" onSubmit={(event) => void submit(event)}>
      <fieldset class="choice">
        <legend>Sign in as</legend>
        <label><input type="radio" name="kind" checked={kind === "operator"} onChange={() => { setKind("operator"); }} /> Operator</label>
        <label><input type="radio" name="kind" checked={kind === "project"} onChange={() => { setKind("project"); }} /> Project administrator</label>
      </fieldset>
      {kind === "project" && (
        <p class="field">
          <label for={ids.project}>Project id</label>
          <input id={ids.project} value={project} autocomplete="username" spellcheck={false} required
                 onInput={(event) => { setProject(event.currentTarget.value); }} />
        </p>
      )}
      <p class="field">
        <label for={ids.key}>{kind === "operator" ? "Operator key" : "Super secret admin key"}</label>
        <input id={ids.key} type="password" value={key} autocomplete="current-password" required autofocus
               aria-describedby={error ? ids.error : undefined} aria-invalid={error !== ""}
               onInput={(event) => { setKey(event.currentTarget.value); }} />
        <small class="muted">
          {kind === "operator"
            ? <>The setting <code>http.operator_key</code>.</>
            : <><code>tributary project create</code> and <code>rotate</code> print it.</>}
        </small>
      </p>
      <p id={ids.error} class="form-error" role="alert">{error}</p>
      <button type="submit" class="primary" disabled={busy}>{busy ? "Signing in…" : "Sign in"}</button>
    </form>
  );
}

function sentence(error: unknown): string {
  return error instanceof ApiError ? error.message : String(error);
}
