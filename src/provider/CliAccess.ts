/**
 * What a call lets an agent do, as far as it is the same for every program.
 */
import * as Either from "effect/Either"
import type { Invocation, Problem } from "./CliFormat.ts"
import type { Request } from "./Provider.ts"

/**
 * Whether a call asks for an answer alone: it reads no file, changes none and names neither permissions nor an agent.
 * @category predicates
 * @since 0.1.0
 */
export const readsNothing = (
  { agentType, mutates, permissions = [], readScope }: Pick<
    Request,
    "agentType" | "mutates" | "permissions" | "readScope"
  >
): boolean => !mutates && readScope?.length === 0 && permissions.length === 0 && agentType === undefined

/**
 * Why a call that may only read is not made: the first of its permissions that would let an agent change files.
 * @category constructors
 * @since 0.1.0
 */
export const refused = (
  { mutates, permissions = [] }: Pick<Request, "mutates" | "permissions">,
  letsWrite: (permission: string) => boolean
): Problem | undefined => {
  const writing = mutates ? undefined : permissions.find(letsWrite)
  return writing === undefined ? undefined : {
    reason: "InvalidRequest",
    detail: `the permission ${writing} lets an agent write; give the call a writeScope`
  }
}

/**
 * What a program is started with, unless the call is refused.
 * @category constructors
 * @since 0.1.0
 */
export const unlessRefused = (
  request: Pick<Request, "mutates" | "permissions">,
  letsWrite: (permission: string) => boolean,
  invocation: () => Invocation
): Either.Either<Invocation, Problem> => {
  const problem = refused(request, letsWrite)
  return problem === undefined ? Either.right(invocation()) : Either.left(problem)
}
