import { href } from "../route";

interface PagesProps {
  page: string;
  params: Readonly<Record<string, string>>;
  isFirst: boolean;
  after: string | null;
}

/** From one page of a list to the next; the browser's own Back goes back. */
export function Pages({ page, params, isFirst, after }: PagesProps) {
  if (isFirst && after === null) return null;
  return (
    <nav class="pages" aria-label="Pages of the list">
      {!isFirst && <a href={href([page], params)}>First page</a>}
      {after !== null && <a href={href([page], { ...params, after })}>Next page</a>}
      {after === null && <span class="muted">Last page</span>}
    </nav>
  );
}
