/** Secrets are taken out of words whatever form they have, and nothing else is. */
import { ApplicationFailure } from '@temporalio/activity'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRedactor, redactThrown, redactValue, secretsOf } from '@/lib/redaction.js'
import { SecretScanner } from '@/testing/scanner.js'

const KEY = 'sk-aZ9/first+half|second"half=Q7&x'
const redact = createRedactor([KEY, 'another-secret'])
const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('a key is found', () => {
  it.each([
    ['as it is', KEY],
    ['in small letters', KEY.toLowerCase()],
    ['in capitals', KEY.toUpperCase()],
    ['as a bearer token', `Bearer ${KEY}`],
    ['within JSON', JSON.stringify({ said: KEY })],
    ['within JSON within JSON', JSON.stringify({ said: JSON.stringify({ key: KEY }) })],
    ['within JSON of PHP', JSON.stringify(KEY).replaceAll('/', '\\/')],
    ['within JSON of pure ASCII', [...KEY].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')],
    ['within a URL', `https://x/?key=${encodeURIComponent(KEY)}&y=1`],
    ['within a URL within a URL', encodeURIComponent(`https://x/?key=${encodeURIComponent(KEY)}`)],
    ['within a URL, in small letters', encodeURIComponent(KEY).toLowerCase()],
    ['with each of its characters encoded', [...Buffer.from(KEY)].map((b) => `%${b.toString(16)}`).join('')],
    ['within HTML', KEY.replaceAll('&', '&amp;').replaceAll('"', '&quot;')],
    ['within HTML by numbers', [...KEY].map((c) => `&#${c.charCodeAt(0)};`).join('')],
    ['in hex', Buffer.from(KEY).toString('hex')],
    ['in base64', base64(KEY)],
    ['in base64 of small letters', base64(KEY.toLowerCase())],
    ['in base64 within JSON of PHP', JSON.stringify(base64(KEY)).replaceAll('/', '\\/')],
    ['in base64 within a URL', encodeURIComponent(base64(KEY))],
    ...['', 'a', 'ab', 'abc', 'Bearer ', 'user:', 'https://x/?key='].flatMap((before) => [
      [`in base64 after "${before}"`, base64(before + KEY)],
      [`in base64 after "${before}", with more behind`, base64(`${before}${KEY} and so on`)],
      [`in base64 for URLs after "${before}"`, Buffer.from(before + KEY).toString('base64url')],
    ]),
  ])('%s', (_, text) => {
    const clean = redact(`before ${text} after`)
    expect(clean).toMatch(/^before .*\[key\].* after$/)
    expect(new SecretScanner({ KEY }).find({ where: 'it', text: clean })).toEqual([])
    expect(clean.toLowerCase()).not.toContain('first')
  })

  it('whatever it is made of, wherever it stands', () => {
    const characters = fc.string({ minLength: 12, maxLength: 60, unit: 'grapheme-ascii' })
    const forms = [
      (key: string) => key,
      (key: string) => JSON.stringify({ key }),
      (key: string) => encodeURIComponent(key),
      (key: string) => Buffer.from(key).toString('hex'),
      base64,
    ]
    fc.assert(
      fc.property(characters, fc.string(), fc.constantFrom(...forms), (key, before, form) => {
        // A key has no space at its ends: no header has.
        fc.pre(key.trim() === key)
        const clean = createRedactor([key])(form(before + key))
        expect(new SecretScanner({ KEY: key }).find({ where: 'it', text: clean })).toEqual([])
      }),
    )
  })
})

describe('nothing else is taken for one', () => {
  it.each([
    ['other words', 'Incorrect API key provided. See https://example.org/a?b=c%2Fd'],
    ['another key', 'sk-aZ9/first+half|second"half=Q8&x'],
    ['bytes in base64', Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) % 251)).toString('base64')],
  ])('%s', (_, text) => {
    expect(redact(text)).toBe(text)
  })

  it('a short key is found as a word of its own only', () => {
    const short = createRedactor(['the-key', 'id'])
    expect(short('The key the-key is no bathe-keyhole, nor is its id valid')).toBe(
      'The key [key] is no bathe-keyhole, nor is its [key] valid',
    )
    expect(short(base64('the-key'))).toBe(base64('the-key'))
  })

  it('where there is no secret, nothing is looked for', () => {
    expect(createRedactor([])('words')).toBe('words')
    expect(createRedactor([''])('words')).toBe('words')
  })
})

it('text that is made to keep the search busy does not', () => {
  const before = process.cpuUsage()
  for (const text of ['\\', '%25', '&#0', 's', 'sk-aZ9/']) redact(text.repeat(1_000_000 / text.length))
  // Of the processor, not of the clock: the machine may have other things to do.
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(5_000)
})

it('values lose the keys in all their texts, and bytes stay as they are', () => {
  const bytes = Buffer.from(KEY)
  const value = { [KEY]: [KEY, { deep: `a ${KEY}` }], url: new URL(`https://x/?k=${KEY}`), count: 1, none: null, bytes }
  expect(redactValue(value, redact)).toEqual({
    '[key]': ['[key]', { deep: 'a [key]' }],
    url: 'https://x/?k=[key]',
    count: 1,
    none: null,
    bytes,
  })
})

it('what is thrown loses them in its message, stack, code, details and causes, and stays what it is', () => {
  const root: Error & { cause?: unknown; code?: string } = Object.assign(new Error(`root ${KEY}`), { code: KEY })
  const failure = ApplicationFailure.create({ message: KEY, type: KEY, details: [{ said: [KEY] }], cause: root })
  // In a circle.
  root.cause = failure
  expect(redactThrown(failure, redact)).toBe(failure)
  expect(failure).toMatchObject({ message: '[key]', type: '[key]', details: [{ said: ['[key]'] }] })
  expect(root).toMatchObject({ message: 'root [key]', code: '[key]' })
  expect(`${failure.stack} ${root.stack}`).not.toContain('first')
  const late = new DOMException(KEY, 'TimeoutError')
  expect((redactThrown(late, redact) as Error).message).toBe('[key]')
  expect(redactThrown(`no error, but ${KEY}`, redact)).toBe('no error, but [key]')
})

it('a configuration tells its secrets by the names of its fields', () => {
  const config = {
    components: { main: { internalApiToken: 'a', url: 'http://x' }, artifacts: { s3: { secretAccessKey: 'b' } } },
    integrations: { one: { apiKey: 'c', model: 'm' }, two: { enabled: true } },
  }
  expect(secretsOf(config)).toEqual(['a', 'b', 'c'])
})
