"""The CUDA kernels as Python calls on torch tensors, for benchmarks. Structs are read from abi.h."""

import ctypes
import pathlib
import re

import torch

HERE = pathlib.Path(__file__).resolve().parent
PATHS = {"auto": 0, "plain": 1, "mma": 2, "hopper": 3}
PRECISIONS = {torch.float32: 0, "tensorfloat32": 1, torch.bfloat16: 2, torch.float16: 3}
DTYPES = {"float32": 0, "float16": 1, "bfloat16": 2, "fp8_e4m3": 3, "fp8_e5m2": 4, "int8": 5}
TORCH_DTYPES = {torch.float32: 0, torch.float16: 1, torch.bfloat16: 2}
CAUSAL = 1


def struct(name):
    """A ctypes structure of abi.h: four-byte scalars and pointers."""
    text = (HERE / "../../abi.h").read_text()
    body = re.search(r"typedef struct \{([^}]*)\} " + name + ";", text).group(1)
    fields = []
    for line in filter(None, (x.strip().rstrip(";") for x in body.splitlines())):
        field = re.split(r"[\s*]+", line)[-1]
        kind = ctypes.c_void_p if "*" in line else ctypes.c_float if line.startswith("float") else ctypes.c_int
        fields.append((field, kind))
    return type(name, (ctypes.Structure,), {"_fields_": fields})


AttnParams, AttnOperands = struct("AttnParams"), struct("AttnOperands")


class CudaOptions(ctypes.Structure):
    _fields_ = [(x, ctypes.c_int) for x in ("precision", "path", "qDtype", "outDtype", "numTokens")] + [
        ("workspace", ctypes.c_void_p),
        ("workspaceBytes", ctypes.c_size_t),
        ("stream", ctypes.c_void_p),
    ]


class Library:
    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        self.lib.attn_cuda_workspace_bytes.restype = ctypes.c_size_t

    def call(self, params, operands, options):
        """A function that launches; what it reads and writes must outlive it."""
        p, o, c = AttnParams(**params), AttnOperands(), CudaOptions(**options)
        for name, tensor in operands.items():
            setattr(o, name, tensor.data_ptr())
        path = self.lib.attn_cuda_path(ctypes.byref(p), ctypes.byref(c))
        if path < 0:
            raise ValueError("no kernel takes this call")
        c.workspaceBytes = self.lib.attn_cuda_workspace_bytes(ctypes.byref(p), ctypes.byref(c))
        workspace = torch.full((c.workspaceBytes + 16,), 255, dtype=torch.uint8, device="cuda")
        c.workspace = workspace.data_ptr()

        def launch(keep=(workspace, operands)):
            c.stream = torch.cuda.current_stream().cuda_stream
            error = self.lib.attn_cuda_attention(ctypes.byref(p), ctypes.byref(o), ctypes.byref(c))
            if error:
                raise RuntimeError(f"CUDA error {error}")

        return launch

    def dense(self, q, k, v, out, causal, precision=None, path="auto", more=None, operands=None):
        """q, k, v, out `[B, S, N, H]` of one type; `more` parameters and operands beside them."""
        b, s, n, h = q.shape
        keys, kv_heads = k.shape[1], k.shape[2]
        params = dict(
            softmaxScale=h**-0.5, kScale=1, vScale=1, flags=CAUSAL if causal else 0, kvDtype=TORCH_DTYPES[k.dtype],
            windowLeft=-1, windowRight=-1, numSeqs=b, numHeads=n, numKvHeads=kv_heads, headSize=h,
            valueHeadSize=h, maxQueryLen=s, maxSeqLen=keys,
            qStrideBatch=s * n * h, qStrideToken=n * h, qStrideHead=h,
            kStrideBatch=keys * kv_heads * h, kStrideToken=kv_heads * h, kStrideHead=h,
            vStrideBatch=keys * kv_heads * h, vStrideToken=kv_heads * h, vStrideHead=h,
            outStrideBatch=s * n * h, outStrideToken=n * h, outStrideHead=h,
        )  # fmt: skip
        params |= more or {}
        ints = (operands or {}) | dict(
            seqLens=torch.full((b,), keys, dtype=torch.int32, device="cuda"),
            queryOffsets=torch.full((b,), keys - s, dtype=torch.int32, device="cuda"),
        )
        options = dict(
            precision=PRECISIONS[precision or q.dtype], path=PATHS[path],
            qDtype=TORCH_DTYPES[q.dtype], outDtype=TORCH_DTYPES[out.dtype],
        )  # fmt: skip
        return self.call(params, dict(q=q, k=k, v=v, out=out, **ints), options)

    def paged_decode(self, q, cache, tables, lens, out, kv_dtype, precision=None, path="auto"):
        """q, out `[B, N, H]`; cache `[2, P, C, K, H]` stored as `kv_dtype`; tables `[B, M]`, lens `[B]` int32."""
        b, n, h = q.shape
        _, _, block, kv_heads, _ = cache.shape
        strides = dict(Batch=block * kv_heads * h, Token=kv_heads * h, Head=h)
        params = dict(
            softmaxScale=h**-0.5, kScale=1, vScale=1, flags=CAUSAL, kvDtype=DTYPES[kv_dtype],
            windowLeft=-1, windowRight=-1, numSeqs=b, numHeads=n, numKvHeads=kv_heads, headSize=h,
            valueHeadSize=h, maxQueryLen=1, maxSeqLen=int(lens.max()), blockSize=block,
            maxBlocksPerSeq=tables.shape[1], qStrideToken=n * h, qStrideHead=h,
            outStrideToken=n * h, outStrideHead=h,
            **{f"{side}Stride{axis}": stride for side in "kv" for axis, stride in strides.items()},
        )  # fmt: skip
        ints = dict(
            queryStartLoc=torch.arange(b + 1, dtype=torch.int32, device="cuda"),
            seqLens=lens, queryOffsets=(lens - 1).to(torch.int32), blockTables=tables,
        )  # fmt: skip
        options = dict(
            precision=PRECISIONS[precision or q.dtype], path=PATHS[path], numTokens=b,
            qDtype=TORCH_DTYPES[q.dtype], outDtype=TORCH_DTYPES[out.dtype],
        )  # fmt: skip
        return self.call(params, dict(q=q, k=cache[0], v=cache[1], out=out, **ints), options)


def graph_of(call, times):
    """`call` as a CUDA graph of so many runs, so that a peer's Python costs it nothing."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        call()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(times):
            call()
    return graph


def interleaved(calls, rounds=15, warm_up=3, repeats=3):
    """Median seconds of each call, in turns, by events around graphs of `repeats` runs."""
    graphs = {name: graph_of(call, repeats) for name, call in calls.items()}
    times = {name: [] for name in calls}
    for i in range(rounds + warm_up):
        for name, graph in graphs.items():
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            graph.replay()
            end.record()
            end.synchronize()
            if i >= warm_up:
                times[name].append(start.elapsed_time(end) / repeats * 1e-3)
    return {name: sorted(each)[len(each) // 2] for name, each in times.items()}
