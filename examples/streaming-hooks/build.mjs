// Bundles the two halves of the package, or the files that are named, for Node. Packages stay apart:
// they are found from where the bundle lies, so keep it below this folder.
//   node build.mjs [--out DIR] [FILE ...]     (node_modules/.cache/streaming-hooks for DIR)
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));
const { values, positionals } = parseArgs({
  options: { out: { type: "string", default: "node_modules/.cache/streaming-hooks" } },
  allowPositionals: true,
});
const halves = { core: join(root, "src/core/index.ts"), react: join(root, "src/react/index.ts") };

await build({
  entryPoints: positionals.length > 0 ? positionals.map((file) => resolve(file)) : halves,
  outdir: isAbsolute(values.out) ? values.out : join(root, values.out),
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: ["es2022"],
  jsx: "automatic",
  sourcemap: "inline",
  logLevel: "warning",
});
