/**
 * JSON as servers send it, in bodies and in the events of streams.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/**
 * The value a text holds, if it is JSON.
 * @category converting
 * @since 0.1.0
 */
export const parse: (text: string) => Option.Option<unknown> = Schema.decodeOption(Schema.parseJson())

/**
 * The texts that the events of a stream build up piece by piece: what stands at the same place in each, joined.
 * @category converting
 * @since 0.1.0
 */
export const joined = (stream: string): ReadonlyArray<string> => {
  const byPlace = new Map<string, string>()
  for (const [, data = ""] of stream.matchAll(dataLine)) {
    const pending: Array<readonly [place: string, value: unknown]> = [["", Option.getOrElse(parse(data), () => data)]]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [place, value] = next
      if (typeof value === "string") byPlace.set(place, (byPlace.get(place) ?? "") + value)
      // positions in a list are no place: a text may go on in the next item
      else if (Array.isArray(value)) pending.push(...value.toReversed().map((item) => [place, item] as const))
      else if (Predicate.isRecord(value)) {
        pending.push(...Object.entries(value).map(([name, item]) => [`${place}/${name}`, item] as const))
      }
    }
  }
  return [...byPlace.values()]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const dataLine = /^data: ?(.*)$/gm
