/**
 * `node --import open-agent-workflows/node/register script.ts` runs a TypeScript file with the same loader as `owf run`.
 */
import { register } from "./Loader.ts"

register()
