import type { UsePaginatedQueryResult } from "convex/react";
import { useRef } from "react";

/** The pages of the text before, while the first page of a new one is on its way: no flicker. */
export function useLatest<Item>(
  pages: UsePaginatedQueryResult<Item>,
): UsePaginatedQueryResult<Item> {
  const latest = useRef(pages);
  if (pages.status !== "LoadingFirstPage") latest.current = pages;
  return latest.current;
}
