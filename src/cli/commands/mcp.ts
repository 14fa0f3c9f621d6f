/**
 * `owf mcp`: serves the tools for agents over the standard streams.
 */
import * as Flag from "../Flag.ts"
import * as Spec from "../Spec.ts"
import * as Loading from "./loading.ts"

/**
 * Serves the tools for agents over the standard streams.
 * @category constructors
 * @since 0.1.0
 */
export const mcp = Spec.make({
  name: "mcp",
  summary: "Serve the tools for agents (Model Context Protocol, on stdin and stdout)",
  details:
    "A client starts it and talks to it; it ends when the client goes away. The tools write, check, run, watch, inspect " +
    "and resume workflows. Files they name have to lie in a root, and homes in a root or be allowed by --home; links " +
    "that lead elsewhere are refused. What a workflow does when it is run is not confined. Runs in the foreground are " +
    "interrupted with the server and can be resumed; runs in the background go on.",
  examples: ["owf mcp", "owf mcp --root ~/src/app --home ~/src/app/.workflows"],
  flags: {
    roots: Flag.repeated("root", "DIR", "Directory whose files the tools may use (default: .); may be repeated"),
    homes: Flag.repeated(
      "home",
      "DIR",
      "Home the tools may use beside those in the roots; the first is theirs when they name none; may be repeated"
    ),
    debug: Flag.debug
  }
}, ({ homes, roots }) => Loading.endWith((host) => host.mcp({ homes, roots })))
