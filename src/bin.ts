/**
 * Entry of the `owf` command.
 *
 * This file is bundled. It answers the version at once; everything else is `CliMain`'s, which loads the unbundled library
 * for the commands that load a workflow.
 */
import { main } from "./node/CliMain.ts"

void main(process.argv.slice(2))
