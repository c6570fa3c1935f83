/** Of the two that is there, the first serves. Not literals where they are imported: one is seldom installed. */
const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/** Imports tfjs-node-gpu where it is installed, else tfjs-node. */
export async function importTfjsNode([name, ...others] = PACKAGES): Promise<void> {
  try {
    await import(name);
  } catch (error) {
    // Node's word and jest's.
    const absent = /MODULE_NOT_FOUND$/.test((error as NodeJS.ErrnoException).code ?? '');
    if (!absent || others.length === 0) throw error;
    await importTfjsNode(others);
  }
}
