/** `local`: this machine. `dev`, `prod`: `deploy.<mode>.json` overlays `app.config.json`. */
export const MODES = ['local', 'dev', 'prod'] as const
export type Mode = (typeof MODES)[number]

/** The two processes of an application. */
export const COMPONENTS = ['main', 'asyncTask'] as const
export type Component = (typeof COMPONENTS)[number]
