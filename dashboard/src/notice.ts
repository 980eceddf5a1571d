import { createContext } from "preact";
import { useContext } from "preact/hooks";

/** Says at the top of the page, and to screen readers, what has been done. */
export const NoticeContext = createContext<(text: string) => void>(() => undefined);
export const useNotice = (): ((text: string) => void) => useContext(NoticeContext);
