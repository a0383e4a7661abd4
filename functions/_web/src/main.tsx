import { ConvexProvider, ConvexReactClient } from "convex/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.tsx";
import "./app.css";
import { DisplayName, randomId } from "./identity.ts";
import { ModelChoice } from "./model.ts";
import { Recovery } from "./Recovery.tsx";

/** A browser that forbids storage throws on the mere mention of it. */
function allowed(storage: () => Storage): Storage | null {
  try {
    return storage();
  } catch {
    return null;
  }
}

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");

const displayName = new DisplayName(
  allowed(() => sessionStorage),
  allowed(() => localStorage),
  Math.random,
);
const model = new ModelChoice(allowed(() => sessionStorage));

createRoot(root).render(
  <StrictMode>
    <ConvexProvider client={new ConvexReactClient(location.origin)}>
      <Recovery title="The page could not be shown" advice="Something went wrong on the server.">
        <App clientId={randomId()} displayName={displayName} model={model} />
      </Recovery>
    </ConvexProvider>
  </StrictMode>,
);
