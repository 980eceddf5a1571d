import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Session } from "./contract";

/** Whose page this is. `renewed` changes with every login, so that what failed meanwhile is asked for again. */
export interface SignedIn {
  session: Session;
  renewed: number;
}

export const SessionContext = createContext<SignedIn | null>(null);

/** REQUIRES: below the login. */
export function useSession(): Session {
  return useSignedIn().session;
}

export function useSignedIn(): SignedIn {
  const signedIn = useContext(SessionContext);
  if (!signedIn) throw new Error("not signed in");
  return signedIn;
}
