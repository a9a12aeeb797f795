/** One money run: start everything, ask for videos while things go wrong, wait for the end, gather what there is. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { z } from 'zod'
import type { FaultKind } from '@/simulator/faults.js'
import type { statsSchema } from '@/tasks/operators/stats.js'
import { type Place, type Scan, SecretScanner } from '@/testing/scanner.js'
import { TaskClient } from '@/tools/stack/task-client.js'
import { logLines, tableRows, workflows } from '../secrets/places.js'
import { acceptedCreates, countFaults, isCreate } from './ark-log.js'
import { type Bill, compareBills } from './bill.js'
import { type Disturbances, disturb } from './disturbances.js'
import { answersOf, answersWhileDatabaseIsDown } from './http-answers.js'
import { type Evidence, judge, type Verdict } from './judge.js'
import { REFUSED_WITH_KEY } from './provider-gateway.js'
import { LATENCY_MS, LIMIT_MS } from './settings.js'
import { isFinal, readVideos, type StoredVideo } from './stored-videos.js'
import { MoneySystem } from './system.js'

export interface MoneySummary {
  seed: number
  tasks: number
  completed: number
  failed: number
  /** Why, by error code. */
  failures: Record<string, number>
  /** Attempts that were begun, of all videos. */
  attempts: number
  /** Creates that the simulator was asked for, and those that it accepted. */
  createRequests: number
  creates: number
  attemptsThatCreated: number
  endedUnseen: number
  duplicates: number
  abandoned: number
  /** By kind, of the simulator. */
  faults: Partial<Record<FaultKind, number>>
  lateCreates: number
  keyEchoes: number
  kills: number
  terminations: number
  seconds: number
}

/** In micro-units: the provider's bill beside what main says, and what its operators are told. */
type MoneyTotals = Omit<Bill, 'findings'> & { toldCharged: number; toldAmbiguous: number }

export interface MoneyRun extends Verdict {
  summary: MoneySummary & MoneyTotals
  /** What was looked through for secrets. */
  scans: Record<'histories' | 'database' | 'storage' | 'answers' | 'logs', Scan>
  /** The statuses of the answers that were looked through. */
  statuses: number[]
  /** Where the logs are. They are deleted unless something was found. */
  folder: string
}

const LOOK_EVERY_MS = 1_000
const CREATED_AT_ONCE = 20
/** Of tasks whose refusal repeats the key, of either kind. */
const REFUSED = 3

export async function runMoney(options: { tasks: number; seed: number; temporalAddress: string }): Promise<MoneyRun> {
  const folder = await mkdtemp(join(tmpdir(), 'money-'))
  const system = await MoneySystem.start({ ...options, folder })
  try {
    const startedAt = Date.now()
    const { asked, done } = await work(system, options.tasks)
    const seconds = Math.round((Date.now() - startedAt) / 1000)
    const evidence = await gather(system, asked)
    const { findings: charged, ...bill } = compareBills(evidence.videos, evidence.creates)
    const judged = judge(evidence)
    const verdict = { ...judged, findings: [...judged.findings, ...charged] }
    const told = await spendTold(system)
    const secrets = await scanForSecrets(system, evidence)
    const run = {
      ...verdict,
      ...secrets,
      folder,
      summary: { ...summarize(system, options.seed, seconds, evidence, verdict, done), ...bill, ...told },
    }
    if (run.findings.length === 0 && Object.values(run.scans).every(({ found }) => found.length === 0)) {
      await rm(folder, { recursive: true, force: true })
    }
    return run
  } finally {
    await system.stop()
  }
}

/** Asks for everything and waits until it has ended, with disturbances all the while. */
async function work(system: MoneySystem, tasks: number): Promise<{ asked: string[]; done: Disturbances }> {
  const client = new TaskClient(system.mainUrl, system.secrets.ANNAS_TOKEN)
  const over = new AbortController()
  const disturbing = disturb(system, over.signal)
  const finished = (async () => {
    const prompts = Array.from({ length: tasks }, (_, index) => `money ${index}`)
    const refused = Array.from({ length: REFUSED }, (_, index) => `refused ${index} ${REFUSED_WITH_KEY}`)
    const asked: string[] = []
    for (const some of chunks([...prompts, ...refused], CREATED_AT_ONCE)) {
      const request = { duration: 2, ratio: '1:1' }
      asked.push(...(await Promise.all(some.map((prompt) => client.create('video', { prompt, ...request })))))
    }
    const images = await Promise.all(refused.map((prompt) => client.create('image', { prompt })))
    await Promise.all(images.map((id) => client.untilEnded('image', id)))
    await untilFinal(system)
    return asked
  })()
  try {
    // Whichever fails first ends the run.
    const asked = await Promise.race([finished, disturbing.then(() => finished)])
    over.abort()
    return { asked, done: await disturbing }
  } finally {
    over.abort()
    await Promise.allSettled([finished, disturbing])
  }
}

/** Gives up at the limit: what is not final then, the verdict names. */
async function untilFinal({ query }: MoneySystem): Promise<void> {
  const until = Date.now() + LIMIT_MS
  while (Date.now() < until) {
    if ((await readVideos(query)).every(isFinal)) return
    await delay(LOOK_EVERY_MS)
  }
}

async function gather(system: MoneySystem, asked: string[]): Promise<Evidence> {
  const { ark, query } = system
  if (ark.requests.length >= 100_000) throw new Error('the simulator has forgotten its first requests')
  const videos = await readVideos(query)
  return { asked, videos, creates: acceptedCreates(ark.requests, LATENCY_MS), objects: await system.objects() }
}

/** Of the last 30 days: a run may pass midnight, and the end of a month. */
async function spendTold({ mainUrl, secrets }: MoneySystem) {
  const response = await fetch(`${mainUrl}/api/operator/stats?integration=fangzhouVideoGeneration`, {
    headers: { authorization: `Bearer ${secrets.OPERATOR_TOKEN}` },
    signal: AbortSignal.timeout(30_000),
  })
  const { integrations } = (await response.json()) as z.infer<typeof statsSchema>
  const { charged = 0, ambiguous = 0 } = integrations[0]?.spend?.days30 ?? {}
  return { toldCharged: charged, toldAmbiguous: ambiguous }
}

async function scanForSecrets(system: MoneySystem, { videos, objects }: Evidence) {
  const scanner = new SecretScanner(system.secrets)
  const histories = await scanner.scan(workflows(system.temporal))
  const database = await scanner.scan(tableRows(system.query))
  const storage = await scanner.scan(objects.map((text): Place => ({ where: 'the storage', text })))
  const answers = await answersOf(system, videos)
  await system.stopDaemons()
  answers.push(...(await answersWhileDatabaseIsDown(system)))
  const scans = {
    histories,
    database,
    storage,
    answers: await scanner.scan(answers),
    // Last: with what all of that made main say.
    logs: await scanner.scan(logLines(system.logFiles)),
  }
  return { scans, statuses: [...new Set(answers.map(({ status }) => status))].sort() }
}

function summarize(
  { ark, gateway }: MoneySystem,
  seed: number,
  seconds: number,
  { videos, creates }: Evidence,
  { findings, attemptsThatCreated, endedUnseen }: Verdict,
  done: Disturbances,
): MoneySummary {
  const count = (kind: string) => findings.filter((finding) => finding.kind === kind).length
  return {
    seed,
    tasks: videos.length,
    completed: videos.filter(({ status }) => status === 'completed').length,
    failed: videos.filter(({ status }) => status === 'failed').length,
    failures: countFailures(videos),
    attempts: videos.flatMap(({ events }) => events.filter(({ type }) => type === 'begun')).length,
    createRequests: ark.requests.filter(isCreate).length,
    creates: creates.length,
    attemptsThatCreated,
    endedUnseen,
    duplicates: count('duplicate'),
    abandoned: count('abandoned'),
    faults: countFaults(ark.requests),
    lateCreates: gateway.late,
    keyEchoes: gateway.echoes,
    ...done,
    seconds,
  }
}

function countFailures(videos: readonly StoredVideo[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status, error } of videos) {
    if (status === 'failed' && error) counts[error.code] = (counts[error.code] ?? 0) + 1
  }
  return counts
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}
