/** The console's page as a browser asks for it: all of it is main's own, and nothing of it may do what it need not. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { resultOrigins } from '@/main-component/console/result-origins.js'
import { startTestMain, type TestMain } from '../../support/main.js'

let main: TestMain
beforeAll(async () => {
  main = await startTestMain({ publicUrl: 'https://app.example.org/tasks' })
})
afterAll(() => main?.stop())

const load = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(new URL(path, main.url), { headers, redirect: 'manual' })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** What a script or a style imports. */
const importsOf = (text: string) =>
  [...text.matchAll(/(?:from|import)\s*["'](\.{1,2}\/[\w./-]+|[a-z@][a-z/-]*)["']|@import url\("([\w.-]+)"\)/g)].map(
    ([, module, style]) => module ?? `./${style}`,
  )

it('is found with and without a slash at the end, below any path', async () => {
  const { status, headers } = await load('/console?x=1')
  expect([status, headers.get('location')]).toEqual([302, 'console/?x=1'])
  expect(await load('/console/')).toMatchObject({ status: 200, text: expect.stringContaining('<!doctype html>') })
  expect((await load('/console/nothing.js')).status).toBe(404)
  expect((await load('/console/..%2fpage-files.ts')).status).toBe(404)
})

it('loads all that it needs from beside itself: each module, and each library', async () => {
  const { text: html } = await load('/console/')
  const linked = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url)
  const files = linked.filter((url) => !url.startsWith('data:'))
  expect(files).toEqual(['style.css', 'main.js'])
  const { imports } = JSON.parse(/<script type="importmap">(.*)<\/script>/.exec(html)?.[1] ?? '')
  const seen = new Map<string, string>()
  const queue = files.map((file) => `./${file}`)
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue
    const { status, headers, text } = await load(`/console/${file.slice(2)}`)
    expect([file, status]).toEqual([file, 200])
    expect(headers.get('content-type')).toMatch(file.endsWith('.css') ? /^text\/css/ : /^text\/javascript/)
    seen.set(file, text)
    for (const name of importsOf(text)) queue.push(imports[name] ?? name)
  }
  expect([...seen.keys()]).toEqual(expect.arrayContaining(Object.values(imports)))
  for (const [file, text] of seen) expect(text, file).not.toMatch(/(?:from|import\()\s*["']https?:|url\(["']?https?:/)
})

it('may run its own scripts only, ask main only, be in no frame, and show results', async () => {
  const { headers, text } = await load('/console/')
  const policy = Object.fromEntries(
    (headers.get('content-security-policy') ?? '').split('; ').map((part) => {
      const [name = '', ...values] = part.split(' ')
      return [name, values]
    }),
  )
  const inline = /<script type="importmap">(.*)<\/script>/.exec(text)?.[1] ?? ''
  const hash = createHash('sha256').update(inline).digest('base64')
  expect(policy).toEqual({
    'default-src': ["'none'"],
    'script-src': ["'self'", `'sha256-${hash}'`],
    'style-src': ["'self'"],
    'connect-src': ["'self'"],
    'img-src': ["'self'", 'https://app.example.org', 'data:'],
    'media-src': ["'self'", 'https://app.example.org'],
    'base-uri': ["'none'"],
    'form-action': ["'none'"],
    'frame-ancestors': ["'none'"],
  })
  expect(text).not.toMatch(/ style=| on\w+=|<style/)
  expect(headers.get('x-content-type-options')).toBe('nosniff')
})

it('is asked for again only if it has changed', async () => {
  const { headers } = await load('/console/style.css')
  const tag = headers.get('etag') ?? ''
  expect(await load('/console/style.css', { 'if-none-match': tag })).toMatchObject({ status: 304, text: '' })
})

it.each([
  ['a folder', undefined, []],
  ['AWS', { region: 'eu-west-1' }, ['https://results.s3.eu-west-1.amazonaws.com']],
  ['a service', { endpoint: 'http://minio:9000', forcePathStyle: true }, ['http://minio:9000']],
  [
    'a service that browsers reach elsewhere',
    { endpoint: 'http://minio:9000', publicEndpoint: 'https://files.example.org', forcePathStyle: false },
    ['https://results.files.example.org'],
  ],
])('results come from main, and from where it redirects to: %s', (_what, s3, origins) => {
  const bucket = { bucket: 'results', region: 'us-east-1', prefix: '', forcePathStyle: false }
  const artifacts = { dir: '.data', ...(s3 && { s3: { ...bucket, ...s3 } }) }
  expect(resultOrigins('https://app.example.org/tasks', artifacts)).toEqual(['https://app.example.org', ...origins])
})
