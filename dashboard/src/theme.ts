import { useEffect, useState } from "preact/hooks";

/** What the switch says; "auto" follows the system. */
export type Theme = "auto" | "light" | "dark";

const key = "tributary-theme";

export function currentTheme(): Theme {
  const stored = localStorage.getItem(key);
  return stored === "light" || stored === "dark" ? stored : "auto";
}

export function applyTheme(theme: Theme): void {
  if (theme === "auto") {
    delete document.documentElement.dataset["theme"];
    localStorage.removeItem(key);
  } else {
    document.documentElement.dataset["theme"] = theme;
    localStorage.setItem(key, theme);
  }
  dispatchEvent(new Event("themechange"));
}

/** Changes with every change of colours: what draws on a canvas draws again. */
export function useColours(): number {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const changed = () => { setVersion((value) => value + 1); };
    const system = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("themechange", changed);
    system.addEventListener("change", changed);
    return () => {
      removeEventListener("themechange", changed);
      system.removeEventListener("change", changed);
    };
  }, []);
  return version;
}
