import * as FastCheck from "fast-check"
import * as Crypto from "node:crypto"
import { assert, describe, it } from "vitest"
import * as Sha256 from "../../src/internal/sha256.ts"

describe("hex", () => {
  it("is the SHA-256 of the UTF-8 bytes", () => {
    assert.strictEqual(Sha256.hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    FastCheck.assert(FastCheck.property(FastCheck.fullUnicodeString(), (text) => {
      assert.strictEqual(Sha256.hex(text), Crypto.createHash("sha256").update(Buffer.from(text)).digest("hex"))
    }))
  })
})
