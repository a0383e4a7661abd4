import { ConvexError } from "convex/values";

/** What a person can read of an error: the message of the app's own `ApplicationError`. */
export function reasonOf(error: unknown): string {
  if (error instanceof ConvexError) {
    const data: unknown = error.data;
    if (typeof data === "string") return data;
    if (typeof data === "object" && data !== null && "message" in data) return String(data.message);
  }
  return "The server could not do this. Try again in a moment.";
}
