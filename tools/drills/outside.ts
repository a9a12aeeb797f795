/** What is done beside the operators' own tools: what an administrator of the cluster, or the provider, would do. */
import { type DrillSystem, PROCESSES, type ProcessName } from './system.js'

export const OUTSIDE = `At this prompt, what the cluster's administrator and the provider do:
  restart <main | daemon-1 | daemon-2> [NAME=value …]   kills it, and starts it with these settings changed
  start <database | temporal>                           as its operators do once they are called
  call provider                                         its support mends what is broken on their side
  quit`

/** Carries out one line. Gives what came of it. */
export async function actOutside(system: DrillSystem, line: string): Promise<string> {
  const [verb = '', what = '', ...rest] = line.trim().split(/\s+/)
  const process = PROCESSES.find((name) => name === what)
  if (verb === 'restart' && process !== undefined) return restart(system, process, rest)
  switch (`${verb} ${what}`) {
    case 'start database':
      await system.postgres.startAgain()
      return 'the database runs'
    case 'start temporal':
      await system.temporal.startAgain()
      return 'Temporal runs'
    case 'call provider':
      system.arkProxy.mend()
      for (const { faults } of Object.values(system.providers)) faults.clear()
      return 'the provider says that all is well again on their side'
    default:
      return OUTSIDE
  }
}

function restart(system: DrillSystem, name: ProcessName, settings: string[]): string {
  const changes = settings.map((setting) => /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(setting))
  if (changes.includes(null)) return `Settings are NAME=value. ${OUTSIDE}`
  // With these settings it may never be ready.
  void system.restart(name, Object.fromEntries(changes.map((change) => [change?.[1], change?.[2]])))
  return `${name} starts`
}
