/** What `dev` tells of what it has started. */
/**
 * Main, and the shell's line that the commands of the README go by.
 *
 * @param url absent where it does not run
 * @param tokenFile absent where the environment has the token
 */
export function mainBanner(url: string | undefined, tokenFile: string | undefined): string {
  if (url === undefined) return '\nmain      DOES NOT RUN: its reason is above.'
  const token = tokenFile && ` INTERNAL_API_TOKEN=$(cat ${tokenFile})`
  return [
    `\nmain      ${url} (API document: ${url}/openapi.json)`,
    `Token     ${tokenFile ? `in ${tokenFile}` : 'INTERNAL_API_TOKEN'}. For the commands of the README:`,
    `            export MAIN=${url}${token ?? ''}`,
  ].join('\n')
}

export function temporalBanner({ address, uiUrl }: { address: string; uiUrl?: string | undefined }): string {
  return `Temporal  ${address}${uiUrl ? `, UI: ${uiUrl}` : ''}`
}
