/**
 * The digest that names things by their content: call keys, schemas, files.
 *
 * The digest of a text is that of its UTF-8 bytes; as a name it is 64 lower-case hexadecimal digits.
 */
import * as Crypto from "node:crypto"

/**
 * The SHA-256 of a text in hexadecimal.
 * @category converting
 * @since 0.1.0
 */
export const hex: (text: string) => string = typeof Crypto.hash === "function"
  ? (text) => Crypto.hash("sha256", text, "hex")
  : (text) => Crypto.createHash("sha256").update(text, "utf8").digest("hex")

/**
 * The SHA-256 of a text in Base64, as content security policies name what may run.
 * @category converting
 * @since 0.1.0
 */
export const base64 = (text: string): string => Crypto.createHash("sha256").update(text, "utf8").digest("base64")
