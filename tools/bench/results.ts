/** What has been measured: round by round, in a file, so that a bench that was interrupted can be resumed. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Figures, Size } from './measure.js'
import { median } from './statistics.js'

/** By how many cores others may be at work beside a clean round. */
const FOREIGN_CORES = 0.1

const roundSchema = z.object({
  at: z.string(),
  seconds: z.number(),
  foreignCores: z.number(),
  figures: z.record(z.string(), z.number()),
})

const resultsSchema = z.object({
  /** What it was measured on, and of what. */
  machine: z.record(z.string(), z.string()),
  /** Rounds of different sizes cannot be compared. */
  size: z.object({ tasks: z.number(), rows: z.number(), seconds: z.number() }),
  rounds: z.record(z.string(), z.array(roundSchema)),
})

export type Round = z.output<typeof roundSchema>
export type Results = z.output<typeof resultsSchema>

export interface Summary {
  figures: Figures
  rounds: number
  clean: number
}

export function keyOf(measure: string, database: Size['database']): string {
  return `${measure}, ${database}`
}

export function isClean({ foreignCores }: Pick<Round, 'foreignCores'>): boolean {
  return foreignCores <= FOREIGN_CORES
}

/** The medians of the clean rounds, or of all if none is clean. Nothing without rounds. */
export function summaryOf(rounds: readonly Round[] = []): Summary | undefined {
  const clean = rounds.filter(isClean)
  const used = clean.length > 0 ? clean : rounds
  const [first] = used
  if (!first) return undefined
  const figures = Object.keys(first.figures).map((name) => [
    name,
    // Rounds of an earlier version may not have it.
    median(used.flatMap(({ figures }) => figures[name] ?? [])),
  ])
  return { figures: Object.fromEntries(figures), rounds: rounds.length, clean: clean.length }
}

/** @throws Error if the file has rounds of another size */
export function readResults(file: string, size: Results['size']): Results | undefined {
  if (!existsSync(file)) return undefined
  const results = resultsSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  const differs = Object.entries(size).find(([name, value]) => results.size[name as keyof Results['size']] !== value)
  if (differs) throw new Error(`${file} has rounds of another size: ${differs[0]} was not ${differs[1]}`)
  return results
}

export function writeResults(file: string, results: Results): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.new`, JSON.stringify(results, null, 1))
  renameSync(`${file}.new`, file)
}
