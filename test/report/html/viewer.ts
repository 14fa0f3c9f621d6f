import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Viewer } from "open-agent-workflows/report/Html"
import { root } from "../../lib/node.ts"

const built = (name: string): string => Fs.readFileSync(Path.join(root, "dist/viewer", name), "utf8")

/** The viewer as it was built for this run of the tests. */
export const viewer: Viewer = { script: built("report.js"), style: built("report-style.css") }
