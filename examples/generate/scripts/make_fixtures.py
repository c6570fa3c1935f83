"""Makes the random checkpoints qwen2-yarn, qwen3-shards and gptoss-mxfp4 and what Hugging Face computes with them.

Needs `pip install torch==2.11.0 transformers==5.17.0`; a few seconds on a CPU:

    python examples/generate/scripts/make_fixtures.py examples/generate/fixtures
"""

import json
import math
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    Mxfp4Config,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

SHARED = dict(
    vocab_size=128,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
    bos_token_id=0,
    eos_token_id=1,
    pad_token_id=0,
)
PROMPT_LENGTHS = (1, 7, 45)
NEW_TOKENS = 24


def randomize(model: torch.nn.Module, seed: int) -> None:
    """Weights large enough that every part of the maths shows in the logits."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if name.endswith("norm.weight"):
                weight.copy_(1 + 0.2 * noise)
            elif "bias" in name or name.endswith("sinks"):
                weight.copy_(0.5 * noise)
            elif "embed" in name:
                weight.copy_(noise)
            else:
                weight.copy_(1.5 * noise / math.sqrt(model.config.hidden_size))


def edit_config(folder: Path, changes: dict, *removed: str) -> None:
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), **changes}
    for name in removed:
        config.pop(name, None)
    path.write_text(json.dumps(config, indent=2) + "\n")


def make_qwen2(folder: Path) -> None:
    """Biases on q, k, v; YaRN and windows in the words of older configs; float16."""
    model = Qwen2ForCausalLM(
        Qwen2Config(
            **SHARED,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=3,
            use_sliding_window=True,
            sliding_window=16,
            max_window_layers=1,
        )
    )
    randomize(model, seed=2)
    model.to(torch.float16).save_pretrained(folder)
    scaling = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
    changes = {"rope_theta": 1000000.0, "rope_scaling": scaling, "torch_dtype": "float16"}
    edit_config(folder, changes, "rope_parameters", "layer_types", "dtype")


def make_qwen3(folder: Path) -> None:
    """Norms of each head's q and k; head_dim apart from the hidden size; tied embeddings; bfloat16 in shards."""
    model = Qwen3ForCausalLM(
        Qwen3Config(
            **SHARED,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            head_dim=16,
            tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        )
    )
    randomize(model, seed=3)
    model.to(torch.bfloat16).save_pretrained(folder, max_shard_size="20KB")


def make_gptoss_mxfp4(folder: Path) -> None:
    """Experts in 4 bits as the published checkpoints have them; the rest in bfloat16."""
    config = GptOssConfig(
        **SHARED,
        hidden_size=64,
        intermediate_size=32,
        num_hidden_layers=2,
        head_dim=16,
        num_local_experts=8,
        num_experts_per_tok=2,
        sliding_window=16,
        rope_parameters={
            "rope_type": "yarn",
            "rope_theta": 150000.0,
            "factor": 32.0,
            "beta_fast": 32.0,
            "beta_slow": 1.0,
            "truncate": False,
            "original_max_position_embeddings": 64,
        },
    )
    model = GptOssForCausalLM(config)
    randomize(model, seed=10)
    model.to(torch.bfloat16).save_pretrained(folder)

    tensors = load_file(folder / "model.safetensors")
    generator = torch.Generator().manual_seed(5)
    for name in [name for name in tensors if name.endswith(("gate_up_proj", "down_proj"))]:
        experts, inputs, outputs = tensors.pop(name).shape
        blocks = (experts, outputs, inputs // 32)
        codes = torch.randint(0, 256, (*blocks, 16), generator=generator, dtype=torch.uint8)
        # Gates and ups large enough to meet their limit of 7.
        bias = 124 if "gate_up" in name else 121
        scales = torch.randint(bias, bias + 2, blocks, generator=generator, dtype=torch.uint8)
        tensors[f"{name}_blocks"], tensors[f"{name}_scales"] = codes, scales
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    rope = json.loads((folder / "config.json").read_text())["rope_parameters"]
    theta = rope.pop("rope_theta")
    quantization = {
        "quant_method": "mxfp4",
        "modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router"],
    }
    changes = {"rope_theta": theta, "rope_scaling": rope, "quantization_config": quantization}
    edit_config(folder, changes, "rope_parameters")


def greedy(model: torch.nn.Module, ids: list[int]) -> dict:
    """Scores after the prompt, the greedy continuation, and how clear its closest choice was."""
    scores, gap, all_ids = [], math.inf, list(ids)
    with torch.no_grad():
        for step in range(NEW_TOKENS):
            logits = model(torch.tensor([all_ids]), use_cache=False).logits[0, -1]
            if step == 0:
                scores = logits.tolist()
            first, second = logits.log_softmax(-1).topk(2).values.tolist()
            gap = min(gap, first - second)
            all_ids.append(int(logits.argmax()))
    return {"ids": ids, "lastLogits": scores, "greedyIds": all_ids, "minTop2Gap": gap}


def load_float32(folder: Path, **options) -> torch.nn.Module:
    """The checkpoint in float32; a quantized one is loaded in bfloat16 first, whatever type is asked for."""
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options)
    config = AutoConfig.from_pretrained(folder, attn_implementation="eager")
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(loaded.state_dict())
    assert all(tensor.dtype == torch.float32 for tensor in model.state_dict().values())
    return model.eval()


def write_reference(folder: Path, **options) -> None:
    model = load_float32(folder, **options)
    generator = torch.Generator().manual_seed(6)
    prompts = [torch.randint(2, 128, (n,), generator=generator).tolist() for n in PROMPT_LENGTHS]
    reference = {
        "source": "Hugging Face transformers, float32, eager attention, no cache",
        "cases": [greedy(model, ids) for ids in prompts],
    }
    (folder / "reference.json").write_text(json.dumps(reference))
    (folder / "generation_config.json").unlink(missing_ok=True)
    for path in folder.iterdir():
        path.chmod(0o644)
    print(folder.name, [round(case["minTop2Gap"], 4) for case in reference["cases"]])


def main(target: Path) -> None:
    for name, make, options in [
        ("qwen2-yarn", make_qwen2, {}),
        ("qwen3-shards", make_qwen3, {}),
        ("gptoss-mxfp4", make_gptoss_mxfp4, {"quantization_config": Mxfp4Config(dequantize=True)}),
    ]:
        make(target / name)
        write_reference(target / name, **options)


main(Path(sys.argv[1]))
