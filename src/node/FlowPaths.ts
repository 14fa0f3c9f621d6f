/**
 * Files of programs that were made of graphs, found from where the program stands.
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"

/**
 * Absolute path of the directory a module stands in, or of one that is found from there.
 * @category getters
 * @since 0.1.0
 */
export const directory = (url: string, way = "."): string => Path.resolve(Path.dirname(fileURLToPath(url)), way)

/**
 * Absolute path of a file that is found from a directory.
 * @category getters
 * @since 0.1.0
 */
export const resolve = (directory: string, way: string): string => Path.resolve(directory, way)

/**
 * A path below a directory, unless it is absolute.
 * @category getters
 * @since 0.1.0
 */
export const within = (directory: string, path: string): string => Path.isAbsolute(path) ? path : `${directory}/${path}`

/**
 * Whether there is a file of this path.
 * @category running
 * @since 0.1.0
 */
export const exists = (path: string): Effect.Effect<boolean> => Effect.sync(() => Fs.existsSync(path))
