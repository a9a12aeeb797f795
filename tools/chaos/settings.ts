/** The timings of a chaos run: short enough for minutes, in the same proportions as the defaults. */

/** For every process of the system, over the harness's own environment. */
export const SETTINGS = {
  CONFIG_MODE: 'local',
  // Shorter than the longest pause of a process: its claims are taken over while it sleeps.
  STUCK_TIMEOUT_SECONDS: '15',
  // Tasks that the workers of a busy machine cannot take yet stay pending, instead of being taken over repeatedly.
  MAX_BACKLOG: '10',
  RECONCILE_INTERVAL_MS: '3000',
  UNCHECKED_FOR_SECONDS: '10',
  // The faults are not the tasks' own: they must not use up the attempts.
  TASK_MAX_ATTEMPTS: '20',
  ARK_REQUEST_TIMEOUT_MS: '3000',
  // A create may be delayed by the proxy (5 s) or by a worker that is paused (18 s).
  ARK_SETTLE_SECONDS: '25',
  IMAGE_REQUEST_TIMEOUT_MS: '5000',
  // The gateway offers no lookup, so a lost image is made again; this run does not count that.
  IMAGE_ON_AMBIGUOUS_CREATE: 'retry',
  // A lookup takes half a minute here, and a run has to end in minutes.
  ARK_MAX_TASKS_IN_FLIGHT: '60',
  // Many poll every second, and this run does not test the provider's own rate limit.
  ARK_REQUESTS_PER_MINUTE: '60000',
  LOG_LEVEL: 'info',
} as const

/** How long the simulators take to make something. */
export const PROVIDER_LATENCY_MS = 800

/** The part of a run within which tasks are created and faults begin; the rest is for finishing. */
export const FAULT_SHARE = 0.5
