/**
 * Redacts secrets in texts that leave the process. Providers and proxies repeat keys in all kinds of places and
 * encodings, so each key is searched for in every form.
 */

export type Redact = (text: string) => string

const REPLACEMENT = '[key]'
/** Shorter secrets are only redacted verbatim, as a separate word: their other forms may occur by chance. */
const MIN_LENGTH = 8

/**
 * Finds secrets verbatim, escaped as in JSON, HTML and URLs (also twice), in hex, and in base64 of both alphabets
 * within anything else that was encoded; all of it in any case. Each match becomes `[key]`.
 */
export function createRedactor(secrets: readonly string[]): Redact {
  const known = [...new Set(secrets)].filter((secret) => secret !== '')
  const patterns = [
    ...known.filter(({ length }) => length >= MIN_LENGTH).flatMap(formsOf),
    ...known.filter(({ length }) => length < MIN_LENGTH).map((secret) => `(?<!\\w)${literal(secret)}(?!\\w)`),
  ]
  if (patterns.length === 0) return (text) => text
  const anyForm = new RegExp(patterns.join('|'), 'gi')
  return (text) => text.replace(anyForm, REPLACEMENT)
}

/** Every value whose field's name marks it as a secret. */
export function secretsOf(settings: unknown): string[] {
  if (typeof settings !== 'object' || settings === null) return []
  return Object.entries(settings).flatMap(([name, value]) =>
    typeof value === 'string' ? (SECRET_FIELD.test(name) ? [value] : []) : secretsOf(value),
  )
}

const SECRET_FIELD = /(apiKey|token|secret|secretAccessKey|password)$/i

/** A JSON-like copy of a value, with its texts redacted. Bytes stay as they are. */
export function redactValue(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  if (Array.isArray(value)) return value.map((item) => redactValue(item, redact))
  if ('toJSON' in value && typeof value.toJSON === 'function') return redactValue(value.toJSON(), redact)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [redact(name), redactValue(inner, redact)]))
}

/** An error with its message, stack, properties and causes redacted. */
export function redactThrown(thrown: unknown, redact: Redact, seen = new Set<unknown>()): unknown {
  if (!(thrown instanceof Error)) return redactValue(thrown, redact)
  if (seen.has(thrown)) return thrown
  seen.add(thrown)
  const fields = thrown as Error & Record<string, unknown>
  for (const name of ['message', 'details', ...Object.getOwnPropertyNames(thrown)]) {
    const value = fields[name]
    if (typeof value !== 'string' && name !== 'details' && name !== 'cause') continue
    const clean = name === 'cause' ? redactThrown(value, redact, seen) : redactValue(value, redact)
    // Some error classes have a read-only message.
    if (clean !== value) Object.defineProperty(thrown, name, { value: clean, writable: true, configurable: true })
  }
  return thrown
}

/** Patterns for the forms of a secret. */
function formsOf(secret: string): string[] {
  const encoded = [secret, secret.toLowerCase(), secret.toUpperCase()].flatMap((text) =>
    [0, 1, 2].map((offset) => insideBase64(text, offset)),
  )
  const forms = [secret, Buffer.from(secret).toString('hex')].map((text) => spelled(text, (char) => [char]))
  return [...new Set([...forms, ...encoded.map((text) => spelled(text, bothAlphabets))])]
}

/** The base64 characters that depend on the text alone, at each alignment: three bytes make four characters. */
function insideBase64(text: string, offset: number): string {
  const bytes = Buffer.from(' '.repeat(offset) + text)
  const whole = bytes.length - (bytes.length % 3)
  const base64 = bytes.subarray(0, whole).toString('base64')
  return offset === 0 ? base64 : base64.slice(4)
}

function bothAlphabets(char: string): string[] {
  return { '+': ['+', '-'], '/': ['/', '_'] }[char] ?? [char]
}

/** Each character verbatim, or in one of its escaped spellings. Repetition is bounded, as nobody escapes endlessly. */
function spelled(text: string, alternatives: (char: string) => string[]): string {
  return [...text].map((char) => `(?:${alternatives(char).flatMap(spellings).join('|')})`).join('')
}

function spellings(char: string): string[] {
  const code = char.codePointAt(0) ?? 0
  const inURL = [...Buffer.from(char)].map((byte) => `%(?:25){0,3}${byte.toString(16).padStart(2, '0')}`).join('')
  const inJSON = `\\\\{1,4}u${code.toString(16).padStart(4, '0')}`
  const inHTML = [`&#0{0,4}${code};`, `&#x0{0,4}${code.toString(16)};`, ...(ENTITIES[char] ?? [])]
  const plain = /\w/.test(char) ? char : `\\\\{0,4}${literal(char)}`
  return [plain, inURL, inJSON, ...inHTML]
}

const ENTITIES: Record<string, string[]> = { '&': ['&amp;'], '<': ['&lt;'], '>': ['&gt;'], '"': ['&quot;'] }

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
}
