import { ApiError } from "../api";

/** Why something failed, and what can be done. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  if (error instanceof ApiError && error.status === 401) return null;  // the session's dialog says it
  const isSql = error instanceof ApiError && error.code === "ANALYTICS_QUERY_ERROR";  // which points at a place below a line
  return (
    <div class="failure" role="alert">
      <p class={isSql ? "sql" : ""}>{error instanceof Error ? error.message : String(error)}</p>
      {retry && <button type="button" onClick={retry}>Try again</button>}
    </div>
  );
}
