// The token of this window: kept while the tab is open, shown to the Convex client, renewed.
import { useCallback, useMemo, useSyncExternalStore } from "react";

const KEY = "token";
const listeners = new Set<() => void>();

function setToken(token: string | null) {
  if (token === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
  listeners.forEach((listener) => listener());
}

const getToken = () => sessionStorage.getItem(KEY);

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Signs in, or up where the name is new; throws what the server has to say against it. */
export async function signIn(name: string, password: string): Promise<void> {
  const body = JSON.stringify({ name, password });
  const response = await fetch("/login", { method: "POST", body });
  const answer = (await response.json()) as { token: string; message: string };
  if (!response.ok) throw new Error(answer.message);
  setToken(answer.token);
}

export function signOut(): void {
  setToken(null);
}

async function renew(): Promise<string | null> {
  const headers = { Authorization: `Bearer ${getToken()}` };
  const response = await fetch("/login/refresh", { method: "POST", headers });
  if (!response.ok) return null;
  const { token } = (await response.json()) as { token: string };
  // Not told to anybody: it is the same login, and the client that asked has it.
  sessionStorage.setItem(KEY, token);
  return token;
}

/** What `ConvexProviderWithAuth` wants to know. */
export function useLogin() {
  const isAuthenticated = useSyncExternalStore(subscribe, () => getToken() !== null);
  const fetchAccessToken = useCallback(
    async ({ forceRefreshToken }: { forceRefreshToken: boolean }) =>
      forceRefreshToken ? renew() : getToken(),
    [],
  );
  return useMemo(
    () => ({ isLoading: false, isAuthenticated, fetchAccessToken }),
    [isAuthenticated, fetchAccessToken],
  );
}
