/** A command as a container runs it: as a user without rights, on a root file system that is read only. */

const SCRIPT = `set -e
image=$1 writable=$2; shift 2
mount --make-rprivate /
mount --bind "$image" "$image"
mount --bind "$writable" "$writable"
mount -o remount,bind,ro "$image"
mount -o remount,bind,ro /
cd "$image"
exec "$@"`

const WITHOUT_RIGHTS = [
  'setpriv',
  '--reuid=1000',
  '--regid=1000',
  '--clear-groups',
  '--no-new-privs',
  '--bounding-set=-all',
]

/**
 * In mounts of its own, which end with it. It needs Linux; whoever is not root stays who they are.
 *
 * @param writable stands for the pod's volumes
 */
export function confined(command: string[], { image, writable }: { image: string; writable: string }): string[] {
  const isRoot = process.getuid?.() === 0
  const unshare = ['unshare', '--mount', ...(isRoot ? [] : ['--map-root-user'])]
  return [...unshare, 'sh', '-c', SCRIPT, 'confined', image, writable, ...(isRoot ? WITHOUT_RIGHTS : []), ...command]
}
