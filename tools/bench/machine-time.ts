/** How much of the machine each process of a bench uses, by what the kernel says in `/proc`. Linux only. */
import { readdirSync, readFileSync } from 'node:fs'

/** `/proc` counts processor time in hundredths of a second. */
const TICKS_PER_SECOND = 100

export interface MachineTime {
  /** Processor seconds by part: `bench`, those that were named, `temporal`, `postgres`. */
  byPart: Record<string, number>
  /** Processor seconds that all processes of the machine have used. */
  machine: number
  /** Milliseconds, by the monotonic clock. */
  at: number
}

interface ProcessLine {
  pid: number
  parent: number
  command: string
  seconds: number
}

/** @param named the pids of processes that this one started, by the part that each is */
export function readMachineTime(named: Readonly<Record<string, number>> = {}): MachineTime {
  const parts = new Map(Object.entries(named).map(([part, pid]) => [pid, part]))
  const byPart: Record<string, number> = {}
  for (const { pid, command, seconds } of withDescendants(process.pid)) {
    const part = pid === process.pid ? 'bench' : (parts.get(pid) ?? command)
    byPart[part] = (byPart[part] ?? 0) + seconds
  }
  return { byPart, machine: machineSeconds(), at: performance.now() }
}

export interface UsedTime {
  /** Milliseconds of a processor, by part. */
  byPart: Record<string, number>
  /** Milliseconds of a processor, in all. */
  all: number
  /** By how many cores others were at work meanwhile. */
  foreignCores: number
}

/** What was used between two readings. */
export function usedBetween(before: MachineTime, after: MachineTime): UsedTime {
  const byPart = Object.fromEntries(
    Object.entries(after.byPart).map(([part, seconds]) => [part, 1000 * (seconds - (before.byPart[part] ?? 0))]),
  )
  const all = Object.values(byPart).reduce((sum, ms) => sum + ms, 0)
  const foreignMs = 1000 * (after.machine - before.machine) - all
  return { byPart, all, foreignCores: Math.max(0, foreignMs / (after.at - before.at)) }
}

/** Resident memory of a process, in megabytes. */
export function residentMegabytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) / 1024
}

function withDescendants(root: number): ProcessLine[] {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? readProcess(Number(name)) : []))
  const found: ProcessLine[] = all.filter(({ pid }) => pid === root)
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid))
  return found
}

/** Nothing of a process that has just ended. */
function readProcess(pid: number): ProcessLine[] {
  try {
    // The command stands in parentheses, and may hold spaces: proc(5).
    const [, command = '', rest = ''] = /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    const fields = rest.split(' ').map(Number)
    // Its own, and that of its children which have ended.
    const ticks = fields.slice(11, 15).reduce((sum, each) => sum + each, 0)
    return [{ pid, parent: fields[1] ?? 0, command, seconds: ticks / TICKS_PER_SECOND }]
  } catch {
    return []
  }
}

/** Without interrupts: they are nobody's, and most of them the bench's own network. */
function machineSeconds(): number {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/\s+/).slice(1).map(Number) ?? []
  const [user = 0, nice = 0, system = 0] = fields
  return (user + nice + system) / TICKS_PER_SECOND
}
