// What a scrolled list holds on to while rows are added above or below: its end, or a row.

/** Close enough to the end to count as there; a fraction of a pixel is common on scaled screens. */
const END_TOLERANCE_PX = 48;

export interface Viewport {
  scrollTop: number;
  scrollHeight: number;
  clientHeight: number;
}

export type Anchor =
  | { at: "end" }
  /** `offset` is how far the row's top is below the top edge of the view. */
  | { at: "row"; key: string; offset: number };

type Rows = Iterable<{ key: string; top: number; height: number }>;

/** `rows` in document order, `top` measured from the top of the content. */
export function chooseAnchor(view: Viewport, rows: Rows, tolerance = END_TOLERANCE_PX): Anchor {
  if (view.scrollHeight - view.clientHeight - view.scrollTop <= tolerance) return { at: "end" };
  for (const row of rows) {
    if (row.top + row.height > view.scrollTop) {
      return { at: "row", key: row.key, offset: row.top - view.scrollTop };
    }
  }
  return { at: "end" };
}

/**
 * What to hold on to after a scroll. Only a step back lets go of the end, then at once: a text that
 * grows would pull small steps back to it, and its growth alone must not be taken for a step.
 */
export function anchorAfter(anchor: Anchor, before: Viewport, now: Viewport, rows: Rows): Anchor {
  if (isStepBack(before, now)) return chooseAnchor(now, rows, 1);
  return anchor.at === "end" ? anchor : chooseAnchor(now, rows);
}

/** A list that shrinks moves its reader back, too. */
function isStepBack(before: Viewport, now: Viewport): boolean {
  return now.scrollTop < before.scrollTop && now.scrollHeight >= before.scrollHeight;
}

/** The scroll position that keeps `anchor` where it was; unchanged if its row is gone. */
export function scrollTopFor(
  anchor: Anchor,
  view: Viewport,
  topOf: (key: string) => number | undefined,
): number {
  if (anchor.at === "end") return view.scrollHeight - view.clientHeight;
  const top = topOf(anchor.key);
  return top === undefined ? view.scrollTop : top - anchor.offset;
}
