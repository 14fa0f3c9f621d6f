/**
 * Bundles the program and the style of the HTML report into `dist/viewer`, from where they are written into each report.
 */
import { build } from "esbuild"
import * as Fs from "node:fs"
import * as Path from "node:path"

const root = Path.resolve(import.meta.dirname, "..")
const source = Path.join(root, "src", "report", "viewer")

/** Writes `report.js` and `report-style.css`; a file that is already as it should be is left alone. */
export const buildViewer = async () => {
  const { outputFiles } = await build({
    entryPoints: { report: Path.join(source, "main.tsx"), "report-style": Path.join(source, "style.css") },
    outdir: Path.join(root, "dist", "viewer"),
    bundle: true,
    write: false,
    minify: true,
    format: "iife",
    platform: "browser",
    target: ["chrome123", "firefox120", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    charset: "ascii",
    legalComments: "none",
    logLevel: "warning"
  })
  for (const { path, text } of outputFiles) replace(path, path.endsWith(".js") ? inScript(text) : text)
}

/** In a script element these three change how HTML is read; in strings and expressions the escape means the same. */
const inScript = (text) => text.replace(/<(?=!--|\/?script)/gi, "\\x3c")

const replace = (path, text) => {
  if (Fs.existsSync(path) && Fs.readFileSync(path, "utf8") === text) return
  Fs.mkdirSync(Path.dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}.tmp`
  Fs.writeFileSync(temporary, text)
  Fs.renameSync(temporary, path)
}

if (process.argv[1] === import.meta.filename) await buildViewer()
