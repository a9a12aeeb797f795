import { disturbancesOf } from '../../simulator/disturbances.js'
import { type FaultKind, faultsAt } from '../../simulator/faults.js'

/** The faults of tasks, and of Ark's account. */
const OTHERS: readonly FaultKind[] = ['accountOverdue', 'expire', 'cancel']

/** The faults of a provider that answers a create with the image. */
export const IMAGE_FAULTS = [...disturbancesOf('create'), ...faultsAt('judged', 'end', 'answer')].filter(
  (kind) => !OTHERS.includes(kind),
)
