// Bundles the page into dist/, or with --tests the unit tests into node_modules/.cache/tests/.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));
const source = join(root, "src");
const options = new Set(process.argv.slice(2));

async function buildPage(watch) {
  const outdir = join(root, "dist");
  await rm(outdir, { recursive: true, force: true });
  const settings = {
    entryPoints: { app: join(source, "main.tsx"), index: join(source, "index.html") },
    outdir,
    loader: { ".html": "copy" },
    bundle: true,
    format: "esm",
    target: ["es2022"],
    jsx: "automatic",
    define: { "process.env.NODE_ENV": watch ? '"development"' : '"production"' },
    minify: !watch,
    sourcemap: watch ? "inline" : false,
    legalComments: "none",
    logLevel: "info",
  };
  if (watch) await (await context(settings)).watch();
  else await build(settings);
}

async function buildTests() {
  const outdir = join(root, "node_modules", ".cache", "tests");
  await rm(outdir, { recursive: true, force: true });
  const names = (await readdir(source)).filter((name) => name.endsWith(".test.ts"));
  await build({
    entryPoints: names.map((name) => join(source, name)),
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: ["node20"],
    sourcemap: "inline",
  });
}

if (options.has("--tests")) await buildTests();
else await buildPage(options.has("--watch"));
