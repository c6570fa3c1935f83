const HEADER_BYTES = 8;
const IMPORT_SECTION = 2;
const MEMORY_IMPORT = 2;
const HAS_MAXIMUM = 0x01;
const SHARED = 0x02;

/**
 * A copy of a module whose memory import is declared shared. WebAssembly links a module only to the kind of memory that
 * it declares, and the flag is all that differs. The import must be the module's first, and must name a maximum.
 */
export function withSharedMemory(module: Uint8Array): Uint8Array {
  const bytes = module.slice();
  let at = HEADER_BYTES;
  const readLength = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const section = bytes[at++];
    const end = readLength() + at;
    if (section === IMPORT_SECTION) {
      readLength(); // imports
      for (let names = 0; names < 2; names++) {
        const length = readLength();
        at += length;
      }
      if (bytes[at++] === MEMORY_IMPORT && bytes[at] & HAS_MAXIMUM) {
        bytes[at] |= SHARED;
        return bytes;
      }
      break;
    }
    at = end;
  }
  throw new TypeError('the module does not begin with the import of a memory that has a maximum');
}
