/**
 * The application's configuration: `app.config.json`, overlaid by `deploy.<mode>.json`, with `${NAME}` and
 * `${NAME:-default}` taken from the environment. `docs/configuration.md` lists every option.
 */
import { loadConfig } from './config/load.js'

export { loadConfig } from './config/load.js'
export { ConfigError } from './package/index.js'

/** This process's configuration. Importing it throws a ConfigError where it cannot be used. */
export const config = loadConfig()

export type AppConfig = typeof config
