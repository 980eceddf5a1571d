import { useEffect, useState } from "preact/hooks";

/** Where one is: `#/destinations?state=failing` is path ["destinations"] with one parameter. */
export interface Route {
  path: string[];
  params: URLSearchParams;
}

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(decode), params: new URLSearchParams(query) };
}

/** An address typed by hand may have a lone `%`. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Empty parameters are left out, so that an address has only what was chosen. */
export function href(path: readonly string[], params: Readonly<Record<string, string | number | undefined>> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

/** Changes the address without an entry in the history: for what is typed into a filter. */
export function replace(address: string): void {
  history.replaceState(null, "", address);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const changed = () => { setRoute(parse(location.hash)); };
    addEventListener("hashchange", changed);
    return () => { removeEventListener("hashchange", changed); };
  }, []);
  return route;
}
