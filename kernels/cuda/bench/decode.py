"""Decode over a paged cache beside torch's SDPA over dense keys: `python3 decode.py LIBRARY [cells]`."""

import sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from library import Library, interleaved

library = Library(sys.argv[1])
chosen = sys.argv[2].split(",") if len(sys.argv) > 2 else None
HEADS, KV_HEADS, SIZE = 32, 8, 128
CELLS = ((1, 1024), (1, 8192), (1, 32768), (1, 131072), (8, 8192), (16, 8192), (32, 4096), (64, 8192), (8, 32768))
#: Bytes that stay out of the L2 cache: as many copies of the cache take turns.
COLD = 256 << 20
STORED = {
    "bfloat16": (torch.bfloat16, lambda x: x),
    "fp8_e4m3": (torch.float8_e4m3fn, lambda x: x),
    "int8": (torch.int8, lambda x: (x * 40).round().clamp(-127, 127)),
}


def paged(batch, length, block, kind):
    """Caches with shuffled blocks, enough of them to stay cold, and the first one's keys and values as floats."""
    blocks = length // block
    dtype, encode = STORED[kind]
    order = torch.randperm(batch * blocks, device="cuda")
    tables = order.reshape(batch, blocks).to(torch.int32)
    shape = (2, batch * blocks, block, KV_HEADS, SIZE)
    bytes_each = 2 * batch * length * KV_HEADS * SIZE * dtype.itemsize
    copies = max(1, -(-COLD // bytes_each))
    caches = [encode(torch.randn(shape, device="cuda", dtype=torch.bfloat16)).to(dtype) for _ in range(copies)]
    keys, values = (
        caches[0][side][order].reshape(batch, length, KV_HEADS, SIZE).to(torch.float32) for side in (0, 1)
    )
    return caches, tables, keys, values, bytes_each


def in_turn(calls):
    turn = [0]

    def call():
        calls[turn[0] % len(calls)]()
        turn[0] += 1

    return call


def sdpa(backend, q, k, v):
    def run():
        with sdpa_kernel(backend):
            return F.scaled_dot_product_attention(q, k, v, enable_gqa=True)

    return run


def main():
    torch.manual_seed(0)
    for batch, length in CELLS:
        name = f"{batch}x{length}"
        if chosen and name not in chosen:
            continue
        calls, notes, sizes = {}, [], {}
        q = torch.randn((batch, HEADS, SIZE), device="cuda", dtype=torch.bfloat16)
        lens = torch.full((batch,), length, dtype=torch.int32, device="cuda")
        runs = 8
        for kind, block in (("bfloat16", 16), ("bfloat16", 256), ("fp8_e4m3", 16), ("int8", 16)):
            caches, tables, keys, values, bytes_each = paged(batch, length, block, kind)
            outs = [torch.full_like(q, float("nan")) for _ in caches]
            each = [library.paged_decode(q, x, tables, lens, out, kind) for x, out in zip(caches, outs)]
            each[0]()
            group = HEADS // KV_HEADS
            k, v = (x.double().repeat_interleave(group, 2).transpose(1, 2)[:2] for x in (keys, values))
            scores = (k @ q[:2].double()[..., None])[..., 0] * SIZE**-0.5
            truth = (scores.softmax(-1)[:, :, None] @ v)[:, :, 0]
            error = ((outs[0][:2].double() - truth).norm() / truth.norm()).item()
            label = f"{kind}/{block}"
            notes.append(f"{label} error {error:.1e}")
            calls[label], sizes[label] = in_turn(each), bytes_each
            if kind == "bfloat16" and block == 16:
                dense = [torch.randn((2, batch, KV_HEADS, length, SIZE), device="cuda", dtype=q.dtype) for _ in caches]
                for peer, backend in (("cudnn", SDPBackend.CUDNN_ATTENTION), ("flash", SDPBackend.FLASH_ATTENTION)):
                    calls[peer] = in_turn([sdpa(backend, q[:, :, None], x[0], x[1]) for x in dense])
                    sizes[peer] = bytes_each
        times = interleaved(calls, rounds=9, repeats=runs)
        row = ", ".join(f"{x} {t * 1e6:.1f} us {sizes[x] / t * 1e-12:.2f} TB/s" for x, t in times.items())
        base = times["bfloat16/16"]
        ratios = f"{times['cudnn'] / base:.2f}x cudnn, fp8 {base / times['fp8_e4m3/16']:.2f}x, int8 {base / times['int8/16']:.2f}x"
        print(f"{name}: {row}; {ratios}; {', '.join(notes)}", flush=True)
        del calls, caches, dense
        torch.cuda.empty_cache()


main()
