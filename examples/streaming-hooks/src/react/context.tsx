import { useConvex, useMutation, useQueries, type RequestForQueries } from "convex/react";
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import type { Socket } from "socket.io-client";
import { api } from "../core/api.ts";
import { liveClientOf, type LiveClient } from "../core/live.ts";
import { FLAG, pathOf, type Path } from "../core/path.ts";

/** Connections that do not come from `ConvexProvider`. Each is needed only by the hooks that use it. */
export interface Connections {
  /** For `useHybridTask`. */
  socket?: Socket;
  /** The server's URL, for `useHttpTutorStream`. */
  url?: string;
  /** The bearer token of HTTP requests. */
  token?: () => string | null | Promise<string | null>;
}

const Context = createContext<Connections>({});

export function StreamingProvider({ children, ...connections }: Connections & { children?: ReactNode }) {
  const { socket, url, token } = connections;
  const value = useMemo(
    () => ({
      ...(socket === undefined ? {} : { socket }),
      ...(url === undefined ? {} : { url }),
      ...(token === undefined ? {} : { token }),
    }),
    [socket, url, token],
  );
  return <Context value={value}>{children}</Context>;
}

export function useConnections(): Connections {
  return useContext(Context);
}

export function useLiveClient(): LiveClient {
  const client = useConvex();
  return useMemo(() => liveClientOf(client), [client]);
}

/** The caller's path, live; undefined until it is known. A flag that can't be read is `legacy`. */
export function usePath(isWanted = true): Path | undefined {
  const queries = useMemo(
    (): RequestForQueries => (isWanted ? { flag: { query: api.flags.get, args: { key: FLAG } } } : {}),
    [isWanted],
  );
  // Unlike `useQuery` this gives an error as a value, and does not throw it.
  const found: unknown = useQueries(queries)["flag"];
  if (found === undefined) return undefined;
  return found instanceof Error ? "legacy" : pathOf((found as { variant: string }).variant);
}

/**
 * The thread of a task that another system has named: `toConvexId` of the old code. It is made when
 * there is none. Undefined until it is known, so it can be passed on to the other hooks as it is.
 */
export function useThreadId(externalId: string | undefined): string | undefined {
  const create = useMutation(api.threads.create);
  const [known, setKnown] = useState<{ externalId: string; threadId: string }>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    if (externalId === undefined) return;
    let isCurrent = true;
    create({ externalId }).then(
      (threadId) => isCurrent && setKnown({ externalId, threadId }),
      (refusal: unknown) => isCurrent && setError(refusal),
    );
    return () => {
      isCurrent = false;
    };
  }, [create, externalId]);
  if (error !== undefined) throw error;
  return known?.externalId === externalId ? known?.threadId : undefined;
}
