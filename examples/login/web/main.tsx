import { ConvexProviderWithAuth, ConvexReactClient } from "convex/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { useLogin } from "./login";

const convex = new ConvexReactClient(location.origin);

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <ConvexProviderWithAuth client={convex} useAuth={useLogin}>
      <App />
    </ConvexProviderWithAuth>
  </StrictMode>,
);
