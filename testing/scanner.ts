/** Looks for secrets in text, as they are and in the forms that software gives them on their way. */

/** As `ARK_API_KEY`, and what it holds. */
export type Secrets = Record<string, string>

/** A text, and where it was found: a workflow, a log, an answer. */
export interface Place {
  where: string
  text: string
}

export interface Scan {
  /** How many texts were looked through, and how long they were together. */
  texts: number
  characters: number
  /** As `ARK_API_KEY in workflow 17 (base64): …`. */
  found: string[]
}

/** A secret of which so much is told is as good as told. */
const PART_LENGTH = 12
const AROUND = 60

interface Form {
  secret: string
  form: string
  needle: string
}

export class SecretScanner {
  readonly #forms: Form[]

  /** @throws RangeError for a secret too short to be told from chance */
  constructor(secrets: Secrets) {
    this.#forms = Object.entries(secrets).flatMap(([secret, value]) => {
      if (value.length < PART_LENGTH) throw new RangeError(`${secret} has fewer than ${PART_LENGTH} characters`)
      // Whoever blackens one half of a secret leaves the other.
      const parts = { beginning: value.slice(0, PART_LENGTH), end: value.slice(-PART_LENGTH) }
      return Object.entries(parts).flatMap(([part, text]) =>
        Object.entries(formsOf(text)).map(([form, needle]) => ({ secret, form: `its ${part}, ${form}`, needle })),
      )
    })
  }

  /** Each secret is told of once, by the first of its forms that is there. */
  find({ where, text }: Place): string[] {
    const found = new Map<string, string>()
    for (const { secret, form, needle } of this.#forms) {
      const at = text.indexOf(needle)
      if (at < 0 || found.has(secret)) continue
      const around = text.slice(Math.max(0, at - AROUND), at + needle.length + AROUND)
      found.set(secret, `${secret} in ${where} (${form}): …${around}…`)
    }
    return [...found.values()]
  }

  async scan(places: AsyncIterable<Place> | Iterable<Place>): Promise<Scan> {
    const scan: Scan = { texts: 0, characters: 0, found: [] }
    for await (const place of places) {
      scan.texts += 1
      scan.characters += place.text.length
      scan.found.push(...this.find(place))
    }
    return scan
  }
}

function formsOf(text: string): Record<string, string> {
  const forms: Record<string, string> = { plain: text }
  const escaped = JSON.stringify(text).slice(1, -1)
  if (escaped !== text) forms['escaped as in JSON'] = escaped
  const inURL = encodeURIComponent(text)
  if (inURL !== text) forms['encoded as in a URL'] = inURL
  for (const offset of [0, 1, 2]) {
    forms[`base64 at offset ${offset}`] = insideBase64(text, offset, 'base64')
    forms[`base64url at offset ${offset}`] = insideBase64(text, offset, 'base64url')
  }
  return forms
}

/** The characters that depend on the text alone, wherever it lies in what is encoded: three bytes make four. */
function insideBase64(text: string, offset: number, encoding: 'base64' | 'base64url'): string {
  const bytes = Buffer.from(' '.repeat(offset) + text)
  const whole = Math.floor(bytes.length / 3) * 3
  return bytes
    .subarray(0, whole)
    .toString(encoding)
    .slice(offset === 0 ? 0 : 4)
}

/** Every value in it, one a line, bytes as the text they hold: JSON would hide what is in a payload in base64. */
export function readable(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8')
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([key, inner]) => `${key}: ${readable(inner)}`)
    .join('\n')
}
