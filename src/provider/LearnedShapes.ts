/**
 * What was found of a server: the forms and deliveries its models do not take.
 *
 * Written between two steps of a fiber, so that no lock is needed; at most a bounded number of facts is kept.
 */
import type { HttpWire, Shape } from "./HttpWire.ts"
import type { Request } from "./Provider.ts"

/**
 * What a model is known to refuse.
 * @category models
 * @since 0.1.0
 */
export interface LearnedShapes {
  /** The first shape that is not known to be refused. */
  readonly of: (request: Request) => Choice
  /** Remembers a refusal and says whether there is now another way to ask. */
  readonly refuse: (request: Request, refused: Choice, part: keyof Choice) => boolean
}

/**
 * The parts of a shape a server may refuse.
 * @category models
 * @since 0.1.0
 */
export type Choice = Pick<Shape, "form" | "delivery">

/**
 * A memory of one server. Where `isEnforced`, strict schemas are a feature of the server: a refusal is then about this
 * schema and not about the model.
 * @category constructors
 * @since 0.1.0
 */
export const make = (wire: HttpWire, isEnforced: boolean): LearnedShapes => {
  const refused = new Set<string>()
  const factOf = ({ model, schema }: Request, part: keyof Choice, value: string) =>
    JSON.stringify([model, part, value, part === "form" && isEnforced ? schema : null])
  const first = <A extends string>(request: Request, part: keyof Choice, values: readonly [A, ...Array<A>]): A =>
    values.find((value) => !refused.has(factOf(request, part, value))) ?? values.at(-1) ?? values[0]
  const of = (request: Request): Choice => ({
    form: first(request, "form", [...wire.forms(request)]),
    delivery: first(request, "delivery", [...wire.deliveries])
  })
  return {
    of,
    refuse: (request, choice, part) => {
      if (refused.size >= maxFacts) refused.clear()
      refused.add(factOf(request, part, choice[part]))
      return of(request)[part] !== choice[part]
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxFacts = 1_024
