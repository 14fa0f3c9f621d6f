/**
 * A model on this machine, for the tests of one file.
 */
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll } from "vitest"

/** Serves a model that answers `ok`, or refuses, when it is told to, and gives the variables by which it is `local`. */
export const serve = (
  handle: (reply: () => void, refuse: (message: string) => void) => void
): Readonly<Record<string, string>> => {
  const variables: Record<string, string> = { OWF_PROVIDER_LOCAL_MODEL: "small-1" }
  const server = Http.createServer((request, response) => {
    const send = (status: number, body: unknown) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
    request.resume()
    request.on("end", () => handle(() => send(200, answer), (message) => send(400, { error: { message } })))
  })
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo
    variables["OWF_PROVIDER_LOCAL_BASE_URL"] = `http://127.0.0.1:${port}/v1`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  return variables
}

const answer = {
  id: "1",
  model: "small-1",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "ok" } }],
  usage: { prompt_tokens: 100, completion_tokens: 20 }
}
