import type { Doc } from "../_generated/dataModel";

export type Kind = Doc<"notes">["kind"];

export const KINDS: Record<Kind, string> = { bird: "Birds", tree: "Trees", mushroom: "Mushrooms" };

export const kinds = Object.keys(KINDS) as Kind[];
