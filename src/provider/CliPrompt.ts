/**
 * The one text a program is given that takes nothing but a prompt: system prompt, request, schema and correction.
 */
import type { Request } from "./Provider.ts"
import * as SchemaWords from "./SchemaWords.ts"

/**
 * What is said next, the system prompt at its head unless the session has heard it.
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  request: Pick<Request, "correction" | "prompt" | "schema" | "session" | "system">
): string => {
  const text = SchemaWords.next(request, true)
  const isWhole = text === SchemaWords.next({ ...request, session: undefined }, true)
  return request.system === undefined || !isWhole ? text : `${request.system}\n\n${text}`
}
