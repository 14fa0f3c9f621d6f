/**
 * Builds `dist`: the library with tsc, one file for one file, and the `owf` command as a bundle that starts fast.
 *
 * In the bundle every static import of a relative module is inlined, and every dynamic `import("./…")` stays an import
 * of the unbundled library beside it (`dist/bin/owf.js` → `dist/node/…`). That is how a workflow and the runtime share
 * one Effect: the bundle parses arguments, the library runs.
 *
 * `owf mcp` is a bundle beside it (`dist/bin/mcp.js`), because the protocol's implementation is no dependency of the
 * package; it is loaded only by that command, and its licences stand in it.
 *
 * The program in the HTML report is a bundle of its own (`viewer.mjs`).
 *
 * `--lenient` keeps going after type errors; the test run uses it, `npm run verify` reports them.
 */
import { build } from "esbuild"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { buildViewer } from "./viewer.mjs"

const root = Path.resolve(import.meta.dirname, "..")
const src = Path.join(root, "src")
const dist = Path.join(root, "dist")
/** What is imported from a bundle of its own instead of the library. */
const mcp = Path.join(src, "node", "mcp", "Mcp.ts")
const lenient = process.argv.includes("--lenient")

compile()
removeStale()
await buildViewer()
await bundle()

function compile() {
  const tsc = fileURLToPath(import.meta.resolve("typescript/bin/tsc"))
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-b", "src"], { cwd: root, encoding: "utf8" })
  if (status === 0) return
  if (!lenient) {
    process.stderr.write(stdout)
    process.exit(1)
  }
  const errors = stdout.split("\n").filter((line) => /: error TS\d+:/.test(line))
  process.stderr.write(`build: continuing with ${errors.length} type errors, the first: ${errors[0]?.slice(0, 200)}\n`)
}

/** A module that was renamed or deleted must not be published. */
function removeStale() {
  for (const entry of Fs.readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    if (/^(?:bin|viewer|\.viewer)\//.test(entry) || !/\.(?:js|d\.ts)(?:\.map)?$/.test(entry)) continue
    const source = Path.join(src, entry.replace(/\.(?:js|d\.ts)(?:\.map)?$/, ".ts"))
    if (!Fs.existsSync(source)) Fs.rmSync(Path.join(dist, entry))
  }
}

async function bundle() {
  await bundleOf(Path.join(src, "bin.ts"), Path.join(dist, "bin", "owf.js"))
  await bundleOf(mcp, Path.join(dist, "bin", "mcp.js"))
}

async function bundleOf(entry, out) {
  const { metafile, outputFiles } = await build({
    entryPoints: [entry],
    outfile: out,
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node20",
    minifyWhitespace: true,
    minifySyntax: true,
    keepNames: true,
    // node prints the whole line an uncaught error comes from
    lineLimit: 160,
    legalComments: "none",
    metafile: true,
    external: ["better-sqlite3", "oxc-transform"],
    plugins: [unbundled(Path.dirname(out))],
    // CommonJS inside an ES module calls require
    banner: {
      js: `#!/usr/bin/env node\nimport{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);`
    },
    logLevel: "warning"
  })
  for (const file of outputFiles) replace(file.path, file.text.replace(/^(#![^\n]*\n)#![^\n]*\n/, "$1"))
  if (entry === mcp) replace(`${out}.licenses.txt`, licensesOf(Object.keys(metafile.inputs)), 0o644)
}

/** The licences of the packages of which some files are bundled. */
function licensesOf(files) {
  const found = files.map((file) => /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(file)).filter((one) =>
    one !== null
  )
  const packages = new Map(found.map(([, folder, name]) => [name, Path.resolve(root, folder)]))
  return [...packages].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, folder]) => {
    const { license, version } = JSON.parse(Fs.readFileSync(Path.join(folder, "package.json"), "utf8"))
    const file = Fs.readdirSync(folder).find((one) => /^licen[cs]e/i.test(one))
    const text = file === undefined ? "" : Fs.readFileSync(Path.join(folder, file), "utf8").trim()
    return `${name} ${version} (${license})\n\n${text}\n`
  }).join(`\n${"-".repeat(80)}\n\n`)
}

/** @returns {import("esbuild").Plugin} */
function unbundled(from) {
  return {
    name: "unbundled-library",
    setup({ onResolve }) {
      onResolve({ filter: /^\.\.?\// }, ({ path, kind, resolveDir }) => {
        const target = Path.resolve(resolveDir, path)
        if (kind !== "dynamic-import" || !target.startsWith(src + Path.sep)) return undefined
        if (target === mcp) return { path: "./mcp.js", external: true }
        const module = Path.join(dist, Path.relative(src, target)).replace(/\.ts$/, ".js")
        return { path: Path.relative(from, module).split(Path.sep).join("/"), external: true }
      })
    }
  }
}

/** Replaces a file in one step, so that a command that is being started never sees half of it. */
function replace(path, text, mode = 0o755) {
  if (Fs.existsSync(path) && Fs.readFileSync(path, "utf8") === text) return
  Fs.mkdirSync(Path.dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}.tmp`
  Fs.writeFileSync(temporary, text, { mode })
  Fs.chmodSync(temporary, mode)
  Fs.renameSync(temporary, path)
}
