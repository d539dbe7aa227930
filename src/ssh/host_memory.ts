/** What a host's worker has learned and must know again when it is started again, as one that goes on would. */
export interface HostMemory {
  /** Keys that were accepted without known_hosts, of the host and its jump hosts, by their place on the way. */
  readonly hostKeys: readonly (readonly [place: number, key: Uint8Array])[];
  /** True if sudo has refused SUDO_PASSWORD. */
  readonly isSudoWrong: boolean;
}

/** The call for it. */
export interface HostMemoryPort {
  memory(): Promise<HostMemory>;
}

/** More hosts and longer keys are no memory of ours. */
const MAX_KEYS = 32;
const MAX_KEY_BYTES = 16_384;

/** Returns what a worker has answered, reduced to what a memory has: main keeps it for the next worker. */
export function checkedMemory({ hostKeys, isSudoWrong }: HostMemory): HostMemory {
  const keys = Array.isArray(hostKeys) ? hostKeys.slice(0, MAX_KEYS) : [];
  return {
    hostKeys: keys.flatMap(([place, key]) =>
      Number.isSafeInteger(place) && key instanceof Uint8Array && key.length <= MAX_KEY_BYTES
        ? [[place, Uint8Array.from(key)] as const]
        : []
    ),
    isSudoWrong: isSudoWrong === true,
  };
}
