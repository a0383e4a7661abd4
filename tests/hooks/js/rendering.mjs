// Renders hooks into a document of jsdom, with the real clients around them.

import { ConvexProvider, ConvexReactClient } from "convex/react";
import { JSDOM } from "jsdom";
import { createElement, StrictMode } from "react";
import { StreamingProvider } from "../../../examples/streaming-hooks/src/react/index.ts";
import { assert, changes, forgetTraffic, openSocket, socketOptions, until, url } from "./app.mjs";

const dom = new JSDOM("<!doctype html><body></body>");
globalThis.document = dom.window.document;
globalThis.window = dom.window;
globalThis.navigator ??= dom.window.navigator;
// React looks for a document when it is loaded.
const { createRoot } = await import("react-dom/client");

/** Renders a hook; `now()` is what it returned last, `seen` all of it. */
export async function withHook(useHook, body, { props = {}, httpUrl = url, isStrict = false } = {}) {
  forgetTraffic();
  const client = new ConvexReactClient(url, socketOptions);
  const socket = openSocket();
  const seen = [];
  const errors = [];
  const root = createRoot(document.createElement("div"), {
    onUncaughtError: (error) => errors.push(error),
  });
  function Probe({ given }) {
    seen.push(useHook(given));
    return null;
  }
  function render(given) {
    const probe = createElement(Probe, { given });
    const connected = createElement(StreamingProvider, { socket, url: httpUrl }, probe);
    const provided = createElement(ConvexProvider, { client }, connected);
    root.render(isStrict ? createElement(StrictMode, null, provided) : provided);
  }
  render(props);
  try {
    await until(() => seen.length > 0);
    await body({ now: () => seen.at(-1), seen, socket, render });
    assert.deepEqual(errors, []);
  } finally {
    root.unmount();
    socket.close();
    await client.close();
  }
}

export const isGrowing = (texts) => assert.ok(changes(texts).length >= 5, `${changes(texts).length} texts`);
