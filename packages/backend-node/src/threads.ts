/** 0 = as TensorFlow has it. */
let asked = 0;

export function askedThreads(): number {
  return asked;
}

export function askThreads(count: number): void {
  asked = count;
}
