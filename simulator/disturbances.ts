/** Faults on the wire, around a simulator's handlers. */
import { setTimeout as delay } from 'node:timers/promises'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { MiddlewareHandler } from 'hono'
import { type FaultKind, type FaultMoment, type Faults, faultsAt } from './faults.js'
import { SIMULATOR_HEADER, type SimulatorContext, type SimulatorEnv } from './http.js'

/** A provider's form of the errors that all simulators have. */
export interface ProviderErrors {
  /** 429, with the seconds of its `Retry-After`; null: without one. */
  rateLimited(c: SimulatorContext, retryAfterSeconds: number | string | null): Response
  quotaExceeded(c: SimulatorContext): Response
  overloaded(c: SimulatorContext): Response
  accessDenied(c: SimulatorContext): Response
  /** 500. */
  failed(c: SimulatorContext): Response
  /** For the simulators that have the fault. */
  accountOverdue?(c: SimulatorContext): Response
}

export interface DisturbanceOptions {
  errors: ProviderErrors
  slowBodyMs: number
}

/** The kinds that need nothing from the simulator itself. */
const MOMENTS = {
  create: ['create', 'created'],
  read: ['read', 'wasRead'],
  download: ['download', 'downloaded'],
} as const satisfies Record<string, readonly [FaultMoment, FaultMoment]>

/** What a request is for. */
export type Operation = keyof typeof MOMENTS

/** The faults of an operation that `disturbing` carries out. */
export function disturbancesOf(...operations: Operation[]): FaultKind[] {
  return faultsAt(...operations.flatMap((operation) => MOMENTS[operation]))
}

/** A middleware for one operation's requests that carries out faults. */
export function disturbing(
  operation: Operation,
  faults: Faults,
  options: DisturbanceOptions,
): MiddlewareHandler<SimulatorEnv> {
  const [before, after] = MOMENTS[operation]
  return async (c, next) => {
    const instead = faults.takeAt(before)
    if (instead) {
      c.get('entry').faults.push(instead)
      return answerInstead(c, instead, options.errors, faults.retryAfterSeconds)
    }
    await next()
    // Only a successful answer can be lost: a refused create created nothing.
    if (operation === 'create' ? c.get('entry').created === undefined : !c.res.ok) return
    const afterwards = faults.takeAt(after)
    if (!afterwards) return
    c.get('entry').faults.push(afterwards)
    c.res = await spoil(c, afterwards, options)
  }
}

function answerInstead(
  c: SimulatorContext,
  kind: FaultKind,
  errors: ProviderErrors,
  retryAfterSeconds: number | string,
): Promise<Response> | Response {
  switch (kind) {
    case 'rateLimited':
    case 'readRateLimited':
      return errors.rateLimited(c, retryAfterSeconds)
    case 'rateLimitedWithoutDelay':
      return errors.rateLimited(c, null)
    case 'quotaExceeded':
      return errors.quotaExceeded(c)
    case 'overloaded':
      return errors.overloaded(c)
    case 'accountOverdue':
      return errors.accountOverdue?.(c) ?? errors.accessDenied(c)
    case 'accessDenied':
      return errors.accessDenied(c)
    case 'failBeforeAccept':
    case 'readFail':
      return errors.failed(c)
    case 'resetBeforeAccept':
    case 'readReset':
      return reset(c)
    case 'hangBeforeAccept':
    case 'readHang':
      return hang(c)
    case 'linkExpired':
      return c.body('<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>', 403, XML)
    case 'fileGone':
      return c.body('<Error><Code>NoSuchKey</Code><Message>There is no such file</Message></Error>', 404, XML)
    default:
      throw new Error(`${kind} is no fault instead of an answer`)
  }
}

const XML = { 'content-type': 'application/xml' }

/** Carries out a fault on a finished answer. */
async function spoil(c: SimulatorContext, kind: FaultKind, options: DisturbanceOptions): Promise<Response> {
  switch (kind) {
    case 'acceptThenFail':
      return options.errors.failed(c)
    case 'acceptThenReset':
      return reset(c)
    case 'acceptThenHang':
      return hang(c)
    case 'acceptThenSlow':
    case 'readSlow':
      return sendSlowly(c, options.slowBodyMs)
    case 'acceptThenTruncate':
    case 'readTruncate':
    case 'downloadTruncate':
      return sendHalf(c, () => c.env.incoming.socket.destroy())
    case 'downloadHang':
      return sendHalf(c, () => callerGone(c))
    case 'acceptThenMalform':
    case 'readMalform': {
      const text = await c.res.text()
      return new Response(text.slice(0, Math.ceil(text.length / 2)), { status: c.res.status, headers: JSON_TYPE })
    }
    default:
      throw new Error(`${kind} is no fault of an answer`)
  }
}

const JSON_TYPE = { 'content-type': 'application/json' }

/** The caller gets no answer. */
function reset(c: SimulatorContext): Response {
  c.env.incoming.socket.resetAndDestroy()
  return RESPONSE_ALREADY_SENT
}

async function hang(c: SimulatorContext): Promise<Response> {
  await callerGone(c)
  return RESPONSE_ALREADY_SENT
}

async function sendSlowly(c: SimulatorContext, forMs: number): Promise<Response> {
  const body = await startSending(c)
  const { outgoing } = c.env
  const pieces = Math.min(10, body.length)
  for (let piece = 0; piece < pieces && !outgoing.destroyed; piece++) {
    const [from, to] = [piece, piece + 1].map((edge) => Math.floor((edge * body.length) / pieces))
    outgoing.write(body.subarray(from, to))
    await delay(forMs / pieces)
  }
  outgoing.end()
  return RESPONSE_ALREADY_SENT
}

async function sendHalf(c: SimulatorContext, then: () => unknown): Promise<Response> {
  const body = await startSending(c)
  const half = body.subarray(0, Math.floor(body.length / 2))
  await new Promise((sent) => c.env.outgoing.write(half, sent))
  await then()
  return RESPONSE_ALREADY_SENT
}

/** Sends the answer's headers, as for the whole body, and returns the body. */
async function startSending(c: SimulatorContext): Promise<Buffer> {
  const { res } = c
  const body = Buffer.from(await res.arrayBuffer())
  c.get('entry').status = res.status
  c.env.outgoing.writeHead(res.status, {
    ...Object.fromEntries(res.headers),
    [SIMULATOR_HEADER]: c.get('name'),
    'content-length': body.length,
  })
  return body
}

function callerGone({ env: { outgoing } }: SimulatorContext): Promise<void> {
  return new Promise((resolve) => {
    if (outgoing.destroyed) resolve()
    else outgoing.once('close', resolve)
  })
}
