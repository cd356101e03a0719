#!/usr/bin/env python3
"""Writes a GGUF file's weights again in another format, with the same keys and tokenizer.

    f32_gguf.py SOURCE TARGET [--type F32] [--most-parameters N]

F32 is the reference of bench/quality_llm.py: every weight is the exact value the source stands for.
Other types (F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0) are applied to matrices with rows of whole
blocks; what else there is stays F32. The target appears whole or not at all. Needs the package
gguf (gguf_requirements.txt); its reference code does both directions.
"""

import argparse
import os
import pathlib
import sys

import gguf
import numpy
from gguf import quants

TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]


def copy_keys(reader, writer, kind):
    own = {"general.architecture", "general.alignment", "general.file_type"}
    for field in reader.fields.values():
        if field.name in own or field.name.startswith("GGUF."):
            continue
        element = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=element)
    file_type = "ALL_F32" if kind.name == "F32" else f"MOSTLY_{kind.name}"
    writer.add_file_type(gguf.LlamaFileType[file_type])


def type_for(tensor, wanted):
    block = gguf.GGML_QUANT_SIZES[wanted][0]
    matrix = len(tensor.shape) > 1 and int(tensor.shape[0]) % block == 0
    return wanted if matrix else gguf.GGMLQuantizationType.F32


def convert(source, target, wanted):
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, reader.get_field("general.architecture").contents())
    copy_keys(reader, writer, wanted)
    kinds = [type_for(tensor, wanted) for tensor in reader.tensors]
    for tensor, kind in zip(reader.tensors, kinds):
        count, size = gguf.GGML_QUANT_SIZES[kind]
        # The shape is that of the values, whatever they are stored as.
        writer.add_tensor_info(tensor.name, [int(n) for n in reversed(tensor.shape)],
                               numpy.dtype(numpy.float32), int(tensor.n_elements) // count * size, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor, kind in zip(reader.tensors, kinds):
        # One at a time: the whole in F32 may not fit into memory.
        values = quants.dequantize(tensor.data, tensor.tensor_type)
        writer.write_tensor_data(quants.quantize(values, kind))
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--type", choices=TYPES, default="F32")
    # 0.5B models have up to 0.63e9 when their head is a matrix of its own.
    parser.add_argument("--most-parameters", type=float, default=0.65e9)
    options = parser.parse_args()
    parameters = sum(int(tensor.n_elements) for tensor in gguf.GGUFReader(options.source).tensors)
    if parameters > options.most_parameters:
        sys.exit(f"{options.source}: {parameters} parameters; at most "
                 f"{options.most_parameters:.0f} are converted (--most-parameters)")
    incoming = options.target.with_name(f".{options.target.name}.{os.getpid()}")
    try:
        convert(options.source, incoming, gguf.GGMLQuantizationType[options.type])
        incoming.replace(options.target)
    finally:
        incoming.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
