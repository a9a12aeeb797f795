/** Main over HTTP: what it answers to good requests and to bad ones. One file, as they share one main. */
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTaskActivities } from '@/provider-kit/main-reports.js'
import { callEntityNames } from '@/tasks/entities.js'
import { TaskReader } from '@/tasks/task-reader.js'
import { startTestMain, TEST_TOKEN, type TestMain } from '../support/main.js'
import { isOthersPath } from '../support/own-integrations.js'
import { events, plantTask, TEST_API, taskKeyOf } from '../support/tasks.js'

let main: TestMain
beforeAll(async () => {
  main = await startTestMain()
})
afterAll(() => main.stop())

describe('asking for a task', () => {
  it.each([
    ['video', '/api/video/generate', { prompt: 'a cat on a roof', ratio: '16:9' }, 'fangzhouVideoGeneration'],
    ['image', '/api/image/generate', { prompt: 'a cat', aspectRatio: '1:1' }, 'nanobanana2ImageGeneration'],
    ['test', '/api/test/run', { kind: 'simple', message: 'hello' }, 'testAsyncTask'],
  ])(
    'of kind %s makes one that the daemon finds, with the request as it was made',
    async (kind, path, request, namespace) => {
      const { status, body } = await main.post(path, request)
      expect(status).toBe(200)
      expect(body).toEqual({ taskId: expect.any(String) })
      const fetched = await main.internalGet(`/api/${namespace}/fetchPendingTasks`)
      const found = fetched.body.tasks.filter(({ taskKey }: { taskKey: string }) => taskKey === body.taskId)
      expect(found).toMatchObject([{ status: 'pending', requestParams: request }])
      expect(await main.get(`/api/${kind}/tasks/${body.taskId}`)).toMatchObject({
        status: 200,
        body: { taskId: body.taskId, status: 'pending', attempts: 0, result: null, error: null, timeline: [] },
      })
    },
  )

  it.each([
    ['/api/video/generate', {}, 'prompt'],
    ['/api/video/generate', { prompt: 'x', resolution: '8k' }, 'resolution'],
    ['/api/image/generate', { prompt: 'x', referenceImages: ['ftp://example.org/a.png'] }, 'referenceImages.0'],
    ['/api/test/run', { apiKey: 'sk-1234567890' }, 'apiKey'],
    ['/api/test/run', [], 'body'],
  ])('%s with %j is refused, naming %s, and makes none', async (path, request, field) => {
    const before = await main.internalGet('/api/testAsyncTask/fetchPendingTasks')
    const { status, body } = await main.post(path, request)
    expect([status, body.fields?.[0]?.field]).toEqual([400, field])
    expect(await main.internalGet('/api/testAsyncTask/fetchPendingTasks')).toEqual(before)
  })

  it.each([
    ['what is not JSON', '/api/test/run', '{"message": ', 'body'],
    ['endless nesting', '/api/test/run', '['.repeat(100_000) + ']'.repeat(100_000), '0'],
    ['a NUL character', '/api/test/run', { message: 'a\u0000b' }, 'message'],
    ['half a surrogate pair', '/api/test/run', '{"message": "\\ud800"}', 'message'],
    [
      'a very long text',
      '/api/image/generate',
      { prompt: 'x', referenceImages: ['x'.repeat(900_000)] },
      'referenceImages.0',
    ],
  ])('%s is refused, naming the field', async (_what, path, request, field) => {
    const { status, body } = await main.post(path, request)
    expect([status, body.fields?.[0]?.field]).toEqual([400, field])
  })

  it.each(['video', 'image', 'test'])('an unknown %s task is not found, whatever its id looks like', async (kind) => {
    for (const id of ['1', 'x', '01a201b9-594b-7660-9aef-7ba83634e394', '%27']) {
      expect(await main.get(`/api/${kind}/tasks/${id}`)).toMatchObject({
        status: 404,
        body: { error: 'Task not found' },
      })
    }
  })
})

it('a report with characters that cannot be stored is stored without them: an outcome may not be lost for that', async () => {
  const id = await plantTask(main.component.controller, { events: [events.queued(1, 2e9), events.processing(1)] })
  const message = `cut in the middle: ${'🙂'.slice(0, 1)}, and \0`
  const report = { apiCallId: id, attempt: 1, runId: 'run-1', status: 'failed', retryable: false }
  const answer = await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, {
    ...report,
    error: { code: 'broken', message },
  })
  expect(answer.status).toBe(200)
  const task = await main.get(`/api/test/tasks/${await taskKeyOf(main.component.controller, id)}`)
  expect(task.body.error.message).toBe('cut in the middle: \uFFFD, and \uFFFD')
})

it('a task may be asked for in advance: it is not due before its time', async () => {
  const dueAt = Math.floor(Date.now() / 1000) + 3600
  const { body } = await main.post('/api/image/generate', { prompt: 'Tomorrow', dueAt })
  expect((await main.get(`/api/image/tasks/${body.taskId}`)).body).toMatchObject({ status: 'pending', dueAt })
  const { controller } = main.component
  const rowOf = (taskId: string) => new TaskReader(controller, callEntityNames('Nanobanana2')).findRowId(taskId)
  const claim = { apiCallId: await rowOf(body.taskId), status: 'queued' }
  const report = '/api/nanobanana2ImageGeneration/reportNanobanana2Result'
  expect(await main.internalPost(report, claim)).toMatchObject({ status: 409, body: { reason: 'not_due' } })

  const wrong = await main.post('/api/image/generate', { prompt: 'Tomorrow', dueAt: dueAt * 1000 })
  expect(wrong).toMatchObject({
    status: 400,
    body: { fields: [{ field: 'dueAt', message: expect.stringContaining('unix seconds, not in milliseconds') }] },
  })
  const due = await main.post('/api/image/generate', { prompt: 'Yesterday', dueAt: 1000 })
  const { createdAt, dueAt: shown } = (await main.get(`/api/image/tasks/${due.body.taskId}`)).body
  expect(shown).toBe(createdAt)
  expect(await main.internalPost(report, { ...claim, apiCallId: await rowOf(due.body.taskId) })).toMatchObject({
    status: 200,
  })
  expect((await main.get(`/api/image/tasks/${due.body.taskId}`)).body).toMatchObject({ status: 'queued', dueAt: null })
})

it('a result that is too large is not reported again and again', async () => {
  const { url: mainUrl, token: internalToken } = main
  const { reportAttempt } = createTaskActivities({ mainUrl, internalToken })
  const result = 'x'.repeat(1.5 * 1024 * 1024)
  const report = { apiCallId: '1', taskKey: 'k7Qx2', attempt: 1, runId: 'run-1', status: 'completed', result } as const
  const activity = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') })
  const reported = activity.run(reportAttempt, `${mainUrl}${TEST_API}/reportTestAsyncTaskResult`, report)
  await expect(reported).rejects.toMatchObject({ type: 'report_rejected', nonRetryable: true })
})

describe('answers', () => {
  it('are JSON where nothing is found', async () => {
    expect(await main.get('/nope')).toEqual({ status: 404, body: { success: false, error: 'Not found' } })
  })

  it('are JSON where the body is too large', async () => {
    const answer = await main.post('/api/test/run', { message: 'x'.repeat(1024 * 1024) })
    expect(answer).toEqual({
      status: 413,
      body: {
        success: false,
        error: 'body: is larger than 1 MiB',
        fields: [{ field: 'body', message: 'is larger than 1 MiB' }],
      },
    })
  })

  it('carry the request id that the caller gave, or one of their own', async () => {
    const own = await fetch(`${main.url}/health`)
    expect(own.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/)
    const given = await fetch(`${main.url}/health`, { headers: { 'x-request-id': 'from-the-caller' } })
    expect(given.headers.get('x-request-id')).toBe('from-the-caller')
  })
})

it('/health answers while the database does', async () => {
  expect(await main.get('/health')).toEqual({ status: 200, body: { status: 'ok' } })
})

describe('/openapi.json', () => {
  it('is valid OpenAPI 3.1', async () => {
    const { body } = await main.get('/openapi.json')
    expect(await new Validator().validate(body)).toEqual({ valid: true })
  })

  it('tells of faults, of a busy main and of lateness, for every API', async () => {
    const { paths } = (await main.get('/openapi.json')).body
    const apis = Object.entries<object>(paths).filter(([path]) => path.startsWith('/api/'))
    for (const [path, methods] of apis) {
      for (const { responses } of Object.values(methods)) {
        expect([path, Object.keys(responses)]).toEqual([path, expect.arrayContaining(['400', '500', '503', '504'])])
      }
    }
    expect(Object.keys(paths['/artifacts/{key}'].get.responses)).toEqual(['200', '206', '302', '404', '416', '500'])
  })

  it('describes every route, which of them need the token, and what they take', async () => {
    const { body } = await main.get('/openapi.json')
    const { paths, components } = body
    const operations = Object.entries<Record<string, { security?: unknown }>>(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { security }]) => `${method} ${path}${security ? ' with token' : ''}`),
    )
    expect(operations.filter((operation) => !isOthersPath(operation)).sort()).toEqual([
      'get /api/fangzhouVideoGeneration/fetchPendingTasks with token',
      'get /api/fangzhouVideoGeneration/integrationState with token',
      'get /api/fangzhouVideoGeneration/operatorActs with token',
      'get /api/fangzhouVideoGeneration/runsToCheck with token',
      'get /api/image/tasks',
      'get /api/image/tasks/{taskId}',
      'get /api/image/tasks/{taskId}/events',
      'get /api/nanobanana2ImageGeneration/fetchPendingTasks with token',
      'get /api/nanobanana2ImageGeneration/integrationState with token',
      'get /api/nanobanana2ImageGeneration/operatorActs with token',
      'get /api/nanobanana2ImageGeneration/runsToCheck with token',
      'get /api/operator/changes with token',
      'get /api/operator/daemons with token',
      'get /api/operator/history with token',
      'get /api/operator/logLevel with token',
      'get /api/operator/stats with token',
      'get /api/operator/tasks with token',
      'get /api/operator/tasks/{taskId} with token',
      'get /api/test/tasks',
      'get /api/test/tasks/{taskId}',
      'get /api/test/tasks/{taskId}/events',
      'get /api/testAsyncTask/fetchPendingTasks with token',
      'get /api/testAsyncTask/integrationState with token',
      'get /api/testAsyncTask/operatorActs with token',
      'get /api/testAsyncTask/runsToCheck with token',
      'get /api/video/tasks',
      'get /api/video/tasks/{taskId}',
      'get /api/video/tasks/{taskId}/events',
      'get /artifacts/{key}',
      'get /health',
      'post /api/fangzhouVideoGeneration/cancelTask with token',
      'post /api/fangzhouVideoGeneration/claimTasks with token',
      'post /api/fangzhouVideoGeneration/fetchPendingTasks with token',
      'post /api/fangzhouVideoGeneration/letThrough with token',
      'post /api/fangzhouVideoGeneration/pause with token',
      'post /api/fangzhouVideoGeneration/providerCallback/{taskKey}/{attempt}/{signature}',
      'post /api/fangzhouVideoGeneration/queryFangzhouVideoStatus with token',
      'post /api/fangzhouVideoGeneration/reportFangzhouVideoResult with token',
      'post /api/fangzhouVideoGeneration/resume with token',
      'post /api/fangzhouVideoGeneration/retryTask with token',
      'post /api/fangzhouVideoGeneration/setLimits with token',
      'post /api/fangzhouVideoGeneration/stopPolling with token',
      'post /api/fangzhouVideoGeneration/triggerImmediatePoll with token',
      'post /api/image/generate',
      'post /api/image/tasks/{taskId}/cancel',
      'post /api/nanobanana2ImageGeneration/cancelTask with token',
      'post /api/nanobanana2ImageGeneration/claimTasks with token',
      'post /api/nanobanana2ImageGeneration/fetchPendingTasks with token',
      'post /api/nanobanana2ImageGeneration/letThrough with token',
      'post /api/nanobanana2ImageGeneration/pause with token',
      'post /api/nanobanana2ImageGeneration/queryNanobanana2Status with token',
      'post /api/nanobanana2ImageGeneration/reportNanobanana2Result with token',
      'post /api/nanobanana2ImageGeneration/resume with token',
      'post /api/nanobanana2ImageGeneration/retryTask with token',
      'post /api/nanobanana2ImageGeneration/setLimits with token',
      'post /api/nanobanana2ImageGeneration/stopPolling with token',
      'post /api/nanobanana2ImageGeneration/triggerImmediatePoll with token',
      'post /api/operator/cancelMany with token',
      'post /api/operator/logLevel with token',
      'post /api/operator/retryMany with token',
      'post /api/test/run',
      'post /api/test/tasks/{taskId}/cancel',
      'post /api/testAsyncTask/cancelTask with token',
      'post /api/testAsyncTask/claimTasks with token',
      'post /api/testAsyncTask/fetchPendingTasks with token',
      'post /api/testAsyncTask/letThrough with token',
      'post /api/testAsyncTask/pause with token',
      'post /api/testAsyncTask/reportTestAsyncTaskResult with token',
      'post /api/testAsyncTask/resume with token',
      'post /api/testAsyncTask/retryTask with token',
      'post /api/testAsyncTask/setLimits with token',
      'post /api/video/generate',
      'post /api/video/tasks/{taskId}/cancel',
    ])
    expect(components.securitySchemes.internalToken).toEqual({ type: 'http', scheme: 'bearer' })
    const video = paths['/api/video/generate'].post.requestBody.content['application/json'].schema
    expect(video).toMatchObject({ properties: { prompt: { maxLength: 4000 } } })
    const { parameters, responses } = paths['/api/video/generate'].post
    expect(parameters).toMatchObject([{ name: 'Idempotency-Key', in: 'header', required: false }])
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['409', '422']))
    const ours = Object.keys(paths).filter((path) => !isOthersPath(path))
    const takeKeys = ours.filter((path) => paths[path].post?.responses['422'])
    expect(takeKeys.sort()).toEqual(['/api/image/generate', '/api/test/run', '/api/video/generate'])
    const [taskId] = paths['/api/video/tasks/{taskId}'].get.parameters
    expect(taskId).toMatchObject({ name: 'taskId', in: 'path', required: true })
    expect(JSON.stringify(body)).not.toContain(TEST_TOKEN)
  })
})

describe('numbers in a query', () => {
  const fetchPath = '/api/testAsyncTask/fetchPendingTasks'
  it.each([
    ['waitSeconds=', 'waitSeconds'],
    ['waitSeconds=%20', 'waitSeconds'],
    ['waitSeconds=0x10', 'waitSeconds'],
    ['waitSeconds=1e1', 'waitSeconds'],
    ['waitSeconds=0.50', 'waitSeconds'],
    ['waitSeconds=NaN', 'waitSeconds'],
    ['limit=', 'limit'],
    ['limit=%2010', 'limit'],
    ['limit=010', 'limit'],
    ['limit=%2B1', 'limit'],
    ['limit=1.0', 'limit'],
    ['limit=1,2', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['limit=1&limit=1', 'limit'],
    ['limit[]=1', 'limit[]'],
  ])('have one spelling: %s is refused, naming %s', async (query, field) => {
    const { status, body } = await main.internalGet(`${fetchPath}?${query}`)
    expect([status, body.fields?.[0]?.field]).toEqual([400, field])
  })

  it.each(['limit=10', 'limit=10&waitSeconds=0', 'waitSeconds=0.5'])('%s is taken', async (query) => {
    expect((await main.internalGet(`${fetchPath}?${query}`)).status).toBe(200)
  })
})

describe('POST of fetchPendingTasks', () => {
  const path = '/api/fangzhouVideoGeneration/fetchPendingTasks'
  it.each(['', {}, { limit: 3 }, { limit: 3, waitSeconds: 0 }])('with %j is answered as GET', async (body) => {
    await main.post('/api/video/generate', { prompt: 'For whoever posts' })
    const posted = await main.internalPost(path, body)
    expect(posted.status).toBe(200)
    expect(posted.body.tasks.length).toBeGreaterThan(0)
    const { limit = 10 } = body === '' ? {} : (body as { limit?: number })
    expect(posted).toEqual(await main.internalGet(`${path}?limit=${limit}`))
  })

  it.each([
    [{ limit: 0 }, 'limit'],
    [{ limit: '' }, 'limit'],
    [{ waitSeconds: 26 }, 'waitSeconds'],
    [{ other: 1 }, 'other'],
    ['[', 'body'],
  ])('with %j is refused, naming %s', async (body, field) => {
    const { status, body: answer } = await main.internalPost(path, body)
    expect([status, answer.fields?.[0]?.field]).toEqual([400, field])
  })

  it('needs the token as GET does', async () => {
    expect((await main.post(path, {})).status).toBe(401)
  })
})

describe('a method that a path does not have', () => {
  it.each([
    ['TRACE', '/api/test/run', 'OPTIONS, POST'],
    ['GET', '/api/test/run', 'OPTIONS, POST'],
    ['DELETE', '/api/test/tasks/1', 'GET, HEAD, OPTIONS'],
    ['PUT', '/api/testAsyncTask/fetchPendingTasks', 'GET, HEAD, OPTIONS, POST'],
    ['POST', '/health', 'GET, HEAD, OPTIONS'],
    ['TRACE', '/artifacts/x.png', 'GET, HEAD, OPTIONS'],
    ['PATCH', '/openapi.json', 'GET, HEAD, OPTIONS'],
  ])('%s %s is answered 405, with those that it has', async (method, path, allow) => {
    const answer = await rawGet(path, { method })
    expect(answer).toContain('405 Method Not Allowed')
    expect(answer.toLowerCase()).toContain(`allow: ${allow}`.toLowerCase())
    const options = await rawGet(path, { method: 'OPTIONS' })
    expect(options).toContain('204 No Content')
    expect(options.toLowerCase()).toContain(`allow: ${allow}`.toLowerCase())
  })

  it('is still not found where there is nothing', async () => {
    expect(await rawGet('/api/nope', { method: 'TRACE' })).toContain('404 Not Found')
  })

  it('HEAD is answered as GET, without the body', async () => {
    const answer = await fetch(`${main.url}/health`, { method: 'HEAD' })
    expect([answer.status, await answer.text()]).toEqual([200, ''])
  })
})

it('a body that comes in chunks is taken as any other', async () => {
  const body = JSON.stringify({ message: 'in chunks' })
  const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const headers = 'content-type: application/json\r\ntransfer-encoding: chunked\r\n'
  expect(await rawGet('/api/test/run', { method: 'POST', headers, body: chunks })).toContain('200 OK')
})

describe('/artifacts', () => {
  it.each([
    ['speech.mp3', 'audio/mpeg', null],
    ['speech.wav', 'audio/wav', null],
    ['paper.pdf', 'application/pdf', null],
    ['words.json', 'application/json', null],
    ['words.txt', 'text/plain; charset=utf-8', null],
    ['drawing.svg', 'image/svg+xml; charset=utf-8', 'attachment'],
    ['page.html', 'text/html; charset=utf-8', 'attachment'],
    ['unknown.bin', 'application/octet-stream', 'attachment'],
    ['unknown.xyz', 'application/octet-stream', 'attachment'],
  ])('serves %s as %s', async (name, type, disposition) => {
    await writeFile(join(main.artifactsDir, name), 'some bytes')
    const { status, headers } = await fetch(`${main.url}/artifacts/${name}`)
    expect({ status, type: headers.get('content-type') }).toEqual({ status: 200, type })
    expect(headers.get('content-disposition')).toBe(disposition)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('serves a stored file with its type, whole or in part', async () => {
    await mkdir(join(main.artifactsDir, 'task'))
    await writeFile(join(main.artifactsDir, 'task', 'video.mp4'), 'not really a video')
    const whole = await fetch(`${main.url}/artifacts/task/video.mp4`)
    expect([whole.status, whole.headers.get('content-type')]).toEqual([200, 'video/mp4'])
    expect(whole.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await whole.text()).toBe('not really a video')
    const part = await fetch(`${main.url}/artifacts/task/video.mp4`, { headers: { range: 'bytes=4-9' } })
    expect([part.status, await part.text()]).toEqual([206, 'really'])
  })

  const content = '0123456789'
  const modified = new Date('2026-01-01T00:00:00Z')
  it.each<[string | undefined, string | undefined, number, string, string | null]>([
    [undefined, undefined, 200, content, null],
    ['bytes=2-4', undefined, 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', undefined, 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', undefined, 206, '89', 'bytes 8-9/10'],
    ['bytes=-99', undefined, 206, content, 'bytes 0-9/10'],
    ['bytes=8-99', undefined, 206, '89', 'bytes 8-9/10'],
    ['bytes=10-', undefined, 416, '', 'bytes */10'],
    ['bytes=-0', undefined, 416, '', 'bytes */10'],
    ['bytes=abc', undefined, 200, content, null],
    ['bytes=4-2', undefined, 200, content, null],
    ['bytes=-', undefined, 200, content, null],
    ['bytes=', undefined, 200, content, null],
    ['bytes=1-2,4-5', undefined, 200, content, null],
    ['bytes=0x1-2', undefined, 200, content, null],
    ['items=0-1', undefined, 200, content, null],
    ['2-4', undefined, 200, content, null],
    ['bytes=2-4', modified.toUTCString(), 206, '234', 'bytes 2-4/10'],
    ['bytes=2-4', new Date(0).toUTCString(), 200, content, null],
    ['bytes=2-4', '"some-etag"', 200, content, null],
    ['bytes=2-4', '', 200, content, null],
  ])('takes the range %j, if it is %j, as RFC 9110 has it: %i', async (range, ifRange, status, text, contentRange) => {
    const file = join(main.artifactsDir, 'ranges.bin')
    await writeFile(file, content)
    await utimes(file, modified, modified)
    const headers = { ...(range !== undefined && { range }), ...(ifRange !== undefined && { 'if-range': ifRange }) }
    const answer = await fetch(`${main.url}/artifacts/ranges.bin`, { headers })
    expect([answer.status, await answer.text()]).toEqual([status, text])
    expect(answer.headers.get('content-range')).toBe(contentRange)
    expect(answer.headers.get('accept-ranges')).toBe('bytes')
  })

  it.each([
    '/artifacts/../secret',
    '/artifacts/%2e%2e/secret',
    '/artifacts/..%2fsecret',
    '/artifacts/task/../../secret',
    '/artifacts//etc/passwd',
  ])('does not serve what lies outside: %s', async (path) => {
    await writeFile(join(main.artifactsDir, '..', 'secret'), 'secret')
    const answer = await rawGet(path)
    expect(answer).toContain('404 Not Found')
    expect(answer).not.toMatch(/secret$/)
  })
})

/** As fetch would not send it: fetch resolves the dots itself, and knows no TRACE. */
function rawGet(path: string, { method = 'GET', headers = '', body = '' } = {}): Promise<string> {
  const { hostname, port } = new URL(main.url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`${method} ${path} HTTP/1.1\r\nhost: main\r\nconnection: close\r\n${headers}\r\n${body}`)
    })
    let answer = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('end', () => resolve(answer))
    socket.on('error', reject)
  })
}
