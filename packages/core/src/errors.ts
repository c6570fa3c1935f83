/** Base of every error this library throws on purpose. */
export class AttentionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** A wrong shape, rank, dtype, id, length or scale. Nothing was changed. */
export class InvalidArgumentError extends AttentionError {}

/** No implementation takes this problem; `reasons` says why, one entry an implementation. */
export class UnsupportedError extends AttentionError {
  constructor(
    message: string,
    readonly reasons: readonly string[],
  ) {
    super(reasons.length > 0 ? `${message}: ${reasons.join('; ')}` : message);
  }
}

/** A length, slot or allocation beyond what the cache, the memory or the device holds. */
export class CapacityError extends AttentionError {}

/** A cache or plan used after `dispose()`. */
export class DisposedError extends AttentionError {}

/** A cache made for one tfjs backend, used under another. */
export class BackendMismatchError extends AttentionError {}

/** A layer ran inside a forward context that has no metadata or cache under its name. */
export class MissingMetadataError extends AttentionError {}

/** The device, the driver or the WebAssembly engine refused. */
export class DeviceError extends AttentionError {}
