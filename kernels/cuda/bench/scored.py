"""Prefill with features, on every path, beside the same call without them: `python3 scored.py LIBRARY [size,...]`."""

import sys

import torch

from library import Library, interleaved

library = Library(sys.argv[1])
sizes = [int(x) for x in sys.argv[2].split(",")] if len(sys.argv) > 2 else (64, 128, 256)
LENGTH, HEADS = 4096, 16
SOFTCAP, BIAS, MASK, ALIBI, SINKS = 4, 8, 16, 32, 64


def features():
    """Name, parameters, operands, and what a float64 score [N, rows, keys] becomes."""
    slopes = 2.0 ** -torch.arange(1, HEADS + 1, device="cuda", dtype=torch.float32)
    bias = torch.randn((HEADS, LENGTH, LENGTH), device="cuda")
    mask = torch.rand((LENGTH, LENGTH), device="cuda") < 0.9
    distance = (torch.arange(LENGTH, device="cuda")[:, None] - torch.arange(LENGTH, device="cuda")).abs()
    per_head = dict(biasStrideHead=LENGTH * LENGTH, biasStrideToken=LENGTH, biasStrideKey=1)
    shared = dict(maskStrideToken=LENGTH, maskStrideKey=1)
    yield "none", {}, {}, lambda s, rows: s
    yield "soft cap", dict(logitsSoftCap=5.0, flags=1 | SOFTCAP), {}, lambda s, rows: 5 * torch.tanh(s / 5)
    yield "alibi", dict(flags=1 | ALIBI), dict(alibiSlopes=slopes), (
        lambda s, rows: s - slopes[:, None, None].double() * distance[rows]
    )
    yield "bias", dict(flags=1 | BIAS, **per_head), dict(bias=bias), lambda s, rows: s + bias[:, rows].double()
    yield "mask", dict(flags=1 | MASK, **shared), dict(mask=mask.to(torch.uint8)), (
        lambda s, rows: s.masked_fill(~mask[rows], float("-inf"))
    )


def exact(q, k, v, change):
    rows = torch.arange(7, LENGTH, 97, device="cuda")
    q, k, v = (x[0].transpose(0, 1).double() for x in (q, k, v))
    scores = change(q[:, rows] @ k.transpose(1, 2) * q.shape[2] ** -0.5, rows)
    scores = scores.masked_fill(torch.arange(LENGTH, device="cuda") > rows[:, None], float("-inf"))
    return rows, (scores.softmax(-1) @ v).transpose(0, 1)


def main():
    torch.manual_seed(0)
    runs = [(torch.bfloat16, None, x) for x in ("hopper", "mma")]
    runs += [(torch.float32, None, x) for x in ("hopper", "mma", "plain")] + [(torch.float32, "tensorfloat32", "hopper")]
    for size in sizes:
        for dtype, precision, path in runs:
            q, k, v = (torch.randn((1, LENGTH, HEADS, size), device="cuda", dtype=dtype) for _ in range(3))
            calls, errors = {}, []
            for name, more, operands, change in features():
                out = torch.full_like(q, float("nan"))
                try:
                    call = library.dense(q, k, v, out, True, precision, path, more, operands)
                except ValueError:
                    continue
                call()
                rows, truth = exact(q, k, v, change)
                errors.append(f"{((out[0, rows].double() - truth).norm() / truth.norm()).item():.1e}")
                calls[name] = call
            times = interleaved(calls, rounds=5) if calls else {}
            flop = 2 * LENGTH * LENGTH * HEADS * size
            rates = ", ".join(f"{x} {flop / t * 1e-12:.0f}" for x, t in times.items())
            label = precision or str(dtype).removeprefix("torch.")
            print(f"{size} {label} {path}: TFLOP/s {rates}; errors {', '.join(errors)}", flush=True)


main()
