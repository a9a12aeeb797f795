/** The scanner finds a secret in each form, and in each of the places that the money run looks through. */
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { Client, Connection, type WorkflowStartOptions } from '@temporalio/client'
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { application } from '@/application.js'
import { loadConfig } from '@/config/load.js'
import { secretsOf } from '@/lib/redaction.js'
import { type Place, SecretScanner } from '@/testing/scanner.js'
import type { Query } from '@/tools/chaos/witnesses/database.js'
import { eventually } from '../support/eventually.js'
import { answer, logLines, tableRows, workflows } from './places.js'
import { ANNAS_TOKEN, API_TOKENS, SECRETS } from './secrets.js'

const SECRET = 'aZ9/first+half|second"half=Q7'
/** What goes with the secrets, and is none. */
const WHAT_THEY_NEED = {
  ARK_MODEL: 'm',
  IMAGE_MODEL: 'm',
  IMAGE_BASE_URL: 'https://images.example/v1',
  ARTIFACTS_S3_BUCKET: 'b',
  ARTIFACTS_S3_REGION: 'r',
  ARTIFACTS_S3_ACCESS_KEY_ID: 'id-of-the-key',
}
const scanner = new SecretScanner({ TOKEN: SECRET })
const found = (text: string) => scanner.find({ where: 'a text', text })

describe('the scanner finds', () => {
  it.each([
    ['a secret as it is', SECRET],
    ['its beginning', `${SECRET.slice(0, 12)}…`],
    ['its end', `****${SECRET.slice(-12)}`],
    ['a secret within JSON within JSON', JSON.stringify({ said: SECRET })],
    ['a secret within a URL', encodeURIComponent(SECRET)],
    ['a secret in base64', Buffer.from(SECRET).toString('base64')],
    ['a secret in base64 after one byte', Buffer.from(`:${SECRET}`).toString('base64')],
    ['a secret in base64 after two bytes', Buffer.from(`a:${SECRET}`).toString('base64')],
    ['a secret in base64 for URLs', Buffer.from(`user:${SECRET}`).toString('base64url')],
  ])('%s', (_, text) => {
    expect(found(`before ${text} after`)[0]).toMatch(/^TOKEN in a text \(its (beginning|end), .*before/)
  })

  it('nothing where there is none, and refuses to look for what chance may make', () => {
    expect(found(SECRET.slice(0, 11) + SECRET.slice(13, -12))).toEqual([])
    expect(() => new SecretScanner({ SHORT: 'secret' })).toThrow('SHORT has fewer than 12 characters')
  })
})

it('every secret that the configuration can have is looked for, but for that of a mode that has no tokens', async () => {
  const file = JSON.parse(await readFile('app.config.json', 'utf8'))
  const configured = { ...file, integrations: application.template }
  const names = secretsOf(configured).flatMap((value) => /^\$\{(\w+)\}$/.exec(value)?.[1] ?? [])
  expect(names).toContain('OPERATOR_TOKEN')
  expect(names.filter((name) => !(name in SECRETS))).toEqual(['AUTH_JWT_SECRET'])

  const config = loadConfig({ env: { ...SECRETS, ...WHAT_THEY_NEED, API_TOKENS } })
  const lookedFor = new SecretScanner({ ...SECRETS, ANNAS_TOKEN })
  const configuredSecrets = secretsOf(config)
  expect(configuredSecrets).toHaveLength(names.length)
  for (const text of configuredSecrets) expect(lookedFor.find({ where: 'a log', text })).toHaveLength(1)
})

describe('a planted secret is found in', () => {
  let connection: Connection
  let client: Client
  let folder: string

  beforeAll(async () => {
    connection = await Connection.connect({ address: inject('temporalAddress') })
    const namespace = `secrets-${crypto.randomUUID().slice(0, 8)}`
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    })
    client = new Client({ connection, namespace })
    folder = await mkdtemp(join(tmpdir(), 'secrets-'))
  })
  afterAll(async () => {
    await connection.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function foundIn(places: AsyncIterable<Place> | Iterable<Place>): Promise<number> {
    return (await scanner.scan(places)).found.length
  }

  const attribute = defineSearchAttributeKey('BuildIds', SearchAttributeType.KEYWORD_LIST)

  it.each<[string, Partial<WorkflowStartOptions>]>([
    ['the arguments', { args: [{ deep: [SECRET] }] }],
    ['bytes among the arguments', { args: [Buffer.from(SECRET)] }],
    ['the memo', { memo: { note: SECRET } }],
    ['a search attribute', { typedSearchAttributes: [{ key: attribute, value: [SECRET] }] }],
    ['a signal', {}],
  ])('%s of a workflow', async (what, options) => {
    const workflowId = `planted-${crypto.randomUUID()}`
    const handle = await client.workflow.start('planted', { workflowId, taskQueue: 'nobody', ...options })
    if (what === 'a signal') await handle.signal('hint', SECRET)
    const kept: Place[] = []
    await eventually(async () => {
      for await (const place of workflows(client)) kept.push(place)
      expect(kept.some(({ where }) => where.includes(workflowId))).toBe(true)
    })
    expect(await foundIn(kept.filter(({ where }) => where.includes(workflowId)))).toBeGreaterThan(0)
  })

  it('a column of a table', async () => {
    const database = await PGlite.create()
    await database.exec('CREATE TABLE "Kept" (id int, data json)')
    await database.query('INSERT INTO "Kept" VALUES (1, $1)', [JSON.stringify({ error: { message: SECRET } })])
    const query: Query = async <Row extends object>(sql: string) => (await database.query<Row>(sql)).rows
    expect(await foundIn(tableRows(query))).toBeGreaterThan(0)
    await database.close()
  })

  it('a line of a log', async () => {
    const file = join(folder, 'main.log')
    await writeFile(file, `{"msg":"fine"}\n${JSON.stringify({ err: { message: SECRET } })}\n{"msg":"fine"}\n`)
    expect(await foundIn(logLines([file]))).toBeGreaterThan(0)
  })

  it.each([
    ['the body', { body: SECRET }],
    ['a header', { headers: { location: `/elsewhere?token=${encodeURIComponent(SECRET)}` } }],
  ])('%s of an answer', async (_, { headers = {}, body = '' }: { headers?: Record<string, string>; body?: string }) => {
    const server = createServer((_request, response) => response.writeHead(302, headers).end(body))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      expect(
        await foundIn([await answer(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)]),
      ).toBeGreaterThan(0)
    } finally {
      server.close()
    }
  })

  it('the name of an object', async () => {
    expect(await foundIn([{ where: 'the storage', text: `video-${SECRET}-1.mp4` }])).toBeGreaterThan(0)
  })
})
