"""bf16 or float32 prefill beside torch's SDPA back ends: `python3 prefill.py LIBRARY [bf16|f32] [cells]`."""

import sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from library import Library, interleaved

library = Library(sys.argv[1])
kind = sys.argv[2] if len(sys.argv) > 2 else "bf16"
chosen = sys.argv[3].split(",") if len(sys.argv) > 3 else None
TOKENS, HIDDEN = 16384, 2048
dtype = torch.bfloat16 if kind == "bf16" else torch.float32
PEERS = (
    {"cudnn": SDPBackend.CUDNN_ATTENTION, "flash": SDPBackend.FLASH_ATTENTION}
    if kind == "bf16"
    else {"efficient": SDPBackend.EFFICIENT_ATTENTION}
)


def peer(backend, q, k, v, causal):
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))

    def run():
        with sdpa_kernel(backend):
            return F.scaled_dot_product_attention(q, k, v, is_causal=causal)

    return run


def exact(q, k, v, causal, head):
    """float64 output of one sequence's head."""
    q, k, v = (x[0, :, head].double() for x in (q, k, v))
    rows = torch.arange(0, q.shape[0], max(1, q.shape[0] // 512), device="cuda")
    scores = q[rows] @ k.T * q.shape[1] ** -0.5
    if causal:
        scores.masked_fill_(torch.arange(k.shape[0], device="cuda") > rows[:, None], float("-inf"))
    return rows, scores.softmax(-1) @ v


def error(out, q, k, v, causal):
    worst = 0.0
    for head in (0, q.shape[2] - 1):
        rows, truth = exact(q, k, v, causal, head)
        got = out[0, rows, head].double()
        worst = max(worst, ((got - truth).norm() / truth.norm()).item())
    return worst


def main():
    torch.manual_seed(0)
    for size in (64, 128, 256):
        for length in (512, 1024, 2048, 4096, 8192, 16384):
            for causal in (False, True):
                name = f"{size}{'c' if causal else 'n'}{length}"
                if chosen and not any(name.startswith(x) for x in chosen):
                    continue
                shape = (TOKENS // length, length, HIDDEN // size, size)
                q, k, v = (torch.randn(shape, device="cuda", dtype=dtype) for _ in range(3))
                out = torch.full_like(q, float("nan"))
                try:
                    ours = library.dense(q, k, v, out, causal, path="hopper")
                except ValueError:
                    print(f"{name}: not taken")
                    continue
                calls = {"ours": ours}
                for label, backend in PEERS.items():
                    calls[label] = peer(backend, q, k, v, causal)
                ours()
                torch.cuda.synchronize()
                errors = f"error {error(out, q, k, v, causal):.1e}"
                for label in PEERS:
                    theirs = calls[label]().transpose(1, 2)
                    errors += f", {label} {error(theirs, q, k, v, causal):.1e}"
                times = interleaved(calls, rounds=9)
                flop = 4 * TOKENS * length * HIDDEN / (2 if causal else 1)
                rates = ", ".join(f"{label} {flop / t * 1e-12:.0f}" for label, t in times.items())
                ratios = ", ".join(f"{times[x] / times['ours']:.2f}x {x}" for x in PEERS)
                print(f"{name}: TFLOP/s {rates}; {ratios}; {errors}", flush=True)


main()
