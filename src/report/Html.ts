/**
 * A report as one HTML file that opens from disk and asks nobody anything.
 *
 * - H1. The texts in it are hostile. They are JSON in an element that does not run, with every `<` escaped, so that none
 *   of them can end it; the viewer makes texts of them, never HTML.
 * - H2. The policy in the file allows its own script and style by their digests and nothing else: no other script, no
 *   handler, no request, no frame, no form, and no HTML made from text.
 * - H3. The file holds everything: nothing is loaded, nothing is sent.
 *
 * The script and the style are built with the package (`dist/viewer`); whoever renders hands them in.
 */
import * as Sha256 from "../internal/sha256.ts"
import type { RunReport } from "./RunReport.ts"

/**
 * The built viewer, as it is written into the file.
 * @category models
 * @since 0.1.0
 */
export interface Viewer {
  readonly script: string
  readonly style: string
}

/**
 * The report as HTML.
 * @category converting
 * @since 0.1.0
 */
export const render = (report: RunReport, viewer: Viewer): string => {
  const { run } = report
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(viewer)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="owf ${escaped(report.owfVersion)}">
<title>${escaped(`${run.workflow} ${run.status} – ${run.id}`)}</title>
<style>${viewer.style}</style>
</head>
<body>
<div id="app"><p>This report is shown by a script, in a browser of 2024 or later.</p></div>
<noscript>This report shows itself with a script. \`owf report ${
    escaped(run.id)
  }\` prints the same as Markdown.</noscript>
<script type="application/json" id="owf-report">${json(report)}</script>
<script>${viewer.script}</script>
</body>
</html>
`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const policy = ({ script, style }: Viewer): string =>
  [
    "default-src 'none'",
    `script-src 'sha256-${Sha256.base64(script)}'`,
    `style-src 'sha256-${Sha256.base64(style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'"
  ].join("; ")

/** No `<`, so that the element cannot be ended; no line separators, which are line ends to some readers of scripts. */
const json = (report: RunReport): string =>
  JSON.stringify(report).replace(
    /[<\u2028\u2029]/g,
    (one) => one === "<" ? "\\u003c" : one === "\u2028" ? "\\u2028" : "\\u2029"
  )

const escaped = (text: string): string => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`)
