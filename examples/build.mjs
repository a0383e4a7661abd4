// Bundles the page of each example, or of those that are named, into its dist/.
//   node build.mjs [--watch] [todo presence ...]
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));
const shared = join(root, "_shared");
const named = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const isWatching = process.argv.includes("--watch");

async function bundle(name) {
  const outdir = join(root, name, "dist");
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir, { recursive: true });
  const page = await readFile(join(shared, "index.html"), "utf8");
  await writeFile(join(outdir, "index.html"), page.replaceAll("{{name}}", name));
  const settings = {
    entryPoints: { app: join(root, name, "web", "main.tsx"), style: join(shared, "style.css") },
    outdir,
    bundle: true,
    format: "esm",
    target: ["es2022"],
    jsx: "automatic",
    define: { "process.env.NODE_ENV": isWatching ? '"development"' : '"production"' },
    minify: !isWatching,
    sourcemap: isWatching ? "inline" : false,
    legalComments: "none",
    logLevel: "warning",
  };
  if (isWatching) await (await context(settings)).watch();
  else await build(settings);
}

const all = (await readdir(root)).filter((name) => existsSync(join(root, name, "web", "main.tsx")));
const unknown = named.filter((name) => !all.includes(name));
if (unknown.length > 0) throw new Error(`no example with a page: ${unknown.join(", ")}`);
for (const name of named.length > 0 ? named : all) await bundle(name);
