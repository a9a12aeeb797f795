/** A look at something between two looks at the yardstick, and what measures have in common. */
import type { Client } from '@temporalio/client'
import pLimit from 'p-limit'
import { type Bare, measureBare } from './bare.js'
import type { UsedTime } from './machine-time.js'
import type { Figures, Size } from './measure.js'
import { BenchSystem } from './system.js'

export const REQUEST = { kind: 'simple', message: 'bench' }
/** A main that has just started compiles: of what it serves all day this is measured, so it gets that many tasks before. */
export const WARM_UP = 500

/** @param look gives figures once the yardstick of before and after is known */
export async function betweenBare(
  temporal: Client,
  count: number,
  look: () => Promise<(bare: Bare) => Figures>,
): Promise<Figures> {
  const before = await measureBare(temporal, count)
  const figures = await look()
  const after = await measureBare(temporal, count)
  const bare = mean(before, after)
  return { ...figures(bare), bareStartsPerSecond: bare.startsPerSecond, bareStartMs: bare.startMs }
}

/** The same, with main running. */
export function inSystem(
  { tasks, database }: Size,
  look: (system: BenchSystem) => Promise<(bare: Bare) => Figures>,
): Promise<Figures> {
  return BenchSystem.with({ database, built: true }, (system) =>
    betweenBare(system.temporal, tasks, () => look(system)),
  )
}

function mean(one: Bare, other: Bare): Bare {
  const entries = Object.entries(one).map(([name, value]) => [name, (value + other[name as keyof Bare]) / 2])
  return Object.fromEntries(entries) as unknown as Bare
}

/** Gives how long each create took, in milliseconds. */
export async function createTasks(
  { tasks }: BenchSystem,
  count: number,
  connections: number,
  request: object = REQUEST,
): Promise<number[]> {
  const limit = pLimit(connections)
  return Promise.all(
    Array.from({ length: count }, () => limit(async () => (await timed(() => tasks.create('test', request)))[1])),
  )
}

export async function timed<T>(work: () => Promise<T>): Promise<[result: T, ms: number]> {
  const from = performance.now()
  return [await work(), performance.now() - from]
}

/** Milliseconds of a processor for each task, by part. */
export function perTask(byPart: UsedTime['byPart'], count: number): Figures {
  return Object.fromEntries(
    ['main', 'postgres', 'temporal', 'dispatcher'].flatMap((part) =>
      byPart[part] === undefined ? [] : [[`${part}MsPerTask`, byPart[part] / count]],
    ),
  )
}
