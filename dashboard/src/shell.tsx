import { useEffect, useRef, useState } from "preact/hooks";
import { remove } from "./api";
import { ChangesContext } from "./changes";
import { absolute, clock, seconds } from "./format";
import { LiveContext, useEvents, type Live } from "./live";
import { NoticeContext } from "./notice";
import { useNow } from "./components/time";
import { Console, forgetStatements } from "./pages/console";
import { DestinationPage } from "./pages/destination";
import { DestinationsPage } from "./pages/destinations";
import { OverviewPage } from "./pages/overview";
import { SystemPage } from "./pages/system";
import { TenanciesPage } from "./pages/tenancies";
import { TenancyPage } from "./pages/tenancy";
import { href, useRoute, type Route } from "./route";
import { useSession, useSignedIn } from "./session";
import { applyTheme, currentTheme, type Theme } from "./theme";

interface ShellProps {
  onExpired: () => void;
  onSignOut: () => void;
}

/** What is around every page. */
export function Shell({ onExpired, onSignOut }: ShellProps) {
  const { session, renewed } = useSignedIn();
  const live = useEvents(session, renewed, onExpired);
  const route = useRoute();
  const [notice, setNotice] = useState("");
  const content = useRef<HTMLElement>(null);
  const page = route.path.join("/");

  const first = useRef(true);
  useEffect(() => {
    setNotice("");
    document.title = `${titles[route.path[0] ?? ""] ?? "Not found"} – Tributary`;
    if (!first.current) content.current?.focus({ preventScroll: true });
    if (!first.current) scrollTo(0, 0);
    first.current = false;
  }, [page]);

  const signOut = async () => {
    try {
      await remove("session");
    } catch (error) {
      setNotice(`You are still signed in: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    forgetStatements();
    onSignOut();
  };

  return (
    <LiveContext.Provider value={live}>
      <NoticeContext.Provider value={setNotice}>
        <button type="button" class="skip" onClick={() => content.current?.focus()}>Skip to the content</button>
        <header class="top">
          <a class="brand" href="#/">Tributary</a>
          <Navigation here={route.path[0] ?? ""} />
          <div class="top-end">
            <LiveMark live={live} />
            <ThemeSwitch />
            <button type="button" onClick={() => void signOut()} title={session.project_id ? `Project ${session.project_id}` : "Operator"}>Sign out</button>
          </div>
        </header>
        <Banners live={live} />
        <div class="notice" role="status">{notice && <><span>{notice}</span><button type="button" onClick={() => { setNotice(""); }}>Dismiss</button></>}</div>
        <main ref={content} tabIndex={-1}>
          <ChangesContext.Provider value={live.changes}><Page key={page} route={route} /></ChangesContext.Provider>
        </main>
      </NoticeContext.Provider>
    </LiveContext.Provider>
  );
}

const titles: Readonly<Record<string, string>> = {
  "": "Overview",
  destinations: "Destinations",
  tenancies: "Tenancies",
  system: "System",
  console: "SQL",
};

function Navigation({ here }: { here: string }) {
  const session = useSession();
  const shown = Object.entries(titles).filter(([name]) => name !== "system" || session.role === "operator");
  return (
    <nav aria-label="Pages">
      {shown.map(([name, title]) => (
        <a key={name} href={href(name ? [name] : [])} aria-current={name === here ? "page" : undefined}>{title}</a>
      ))}
    </nav>
  );
}

function Page({ route: { path, params } }: { route: Route }) {
  const { role } = useSession();
  const [name = "", tenancy, destination] = path;
  if (name === "") return <OverviewPage />;
  if (name === "destinations" && tenancy && destination) return <DestinationPage tenancy={tenancy} destination={destination} />;
  if (name === "destinations") return <DestinationsPage params={params} />;
  if (name === "tenancies" && tenancy) return <TenancyPage tenancy={tenancy} />;
  if (name === "tenancies") return <TenanciesPage params={params} />;
  if (name === "system" && role === "operator") return <SystemPage />;
  if (name === "console") return <Console params={params} />;
  return (
    <>
      <h1>There is no such page</h1>
      <p>Nothing is at <code>#/{path.join("/")}</code>, or not for this login. <a href="#/">To the overview</a></p>
    </>
  );
}

function LiveMark({ live }: { live: Live }) {
  const now = useNow();
  if (live.isLive) return <span class="mark ok" title="Numbers are pushed by the server each second">Live</span>;
  return <span class="mark bad" title={`since ${absolute(live.lostAt)}`}>Not live for {seconds(now - live.lostAt)}</span>;
}

/** Their texts do not change by the second: they are read aloud. */
function Banners({ live }: { live: Live }) {
  const session = useSession();
  const now = useNow();
  const isLost = !live.isLive && now - live.lostAt > 3000;
  return (
    <div role="alert">
      {isLost && (
        <p class="banner">
          The server has not been heard of since {clock(live.lostAt)}; the page shows what was last known and connects again by itself.
        </p>
      )}
      {live.trouble && (
        <p class="banner">
          The source does not answer since {clock(live.trouble.since)}: {live.trouble.error} Changes are kept in it; numbers below are the last known ones.
        </p>
      )}
      {session.role === "operator" && !session.applies_here && (
        <p class="banner quiet">This process applies no changes (it has not the role sync): throughput and lag are in the metrics of the others.</p>
      )}
    </div>
  );
}

function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(currentTheme);
  return (
    <label class="theme">
      <span class="sr">Colours</span>
      <select
        value={theme}
        onChange={(event) => {
          const next = event.currentTarget.value as Theme;
          applyTheme(next);
          setTheme(next);
        }}
      >
        <option value="auto">Auto</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}
