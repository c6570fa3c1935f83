// The part of the protobuf wire format that ONNX files need: varints, fixed 32-bit floats, length-delimited fields.

const text = new TextEncoder();

export type Message = Uint8Array<ArrayBuffer>;

const VARINT = 0;
const DELIMITED = 2;
const FIXED32 = 5;

/** Base-128 digits, lowest first; negative numbers as their 64-bit two's complement. */
function varint(value: number): number[] {
  const digits: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    digits.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...digits, Number(rest)];
}

const tag = (field: number, wire: number): number[] => varint(field * 8 + wire);

export function message(...fields: readonly Message[]): Message {
  const out = new Uint8Array(fields.reduce((length, field) => length + field.length, 0));
  let at = 0;
  for (const field of fields) {
    out.set(field, at);
    at += field.length;
  }
  return out;
}

export function int(field: number, value: number): Message {
  return Uint8Array.from([...tag(field, VARINT), ...varint(value)]);
}

export function float(field: number, value: number): Message {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return message(Uint8Array.from(tag(field, FIXED32)), bytes);
}

export function bytes(field: number, value: Uint8Array): Message {
  const head = Uint8Array.from([...tag(field, DELIMITED), ...varint(value.length)]);
  return message(head, Uint8Array.from(value));
}

export function string(field: number, value: string): Message {
  return bytes(field, text.encode(value));
}
