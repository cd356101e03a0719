#include "plugins/whisper/model/names.h"

namespace serval::whisper {
namespace {

LinearNames one(const std::string& name, const char* separator) {
  return {{name + separator + "weight"}, {name + separator + "bias"}};
}

NormNames ct2_norm(const std::string& name) { return {name + "/gamma", name + "/beta"}; }
LinearNames ct2(const std::string& name) { return one(name, "/"); }

NormNames hf_norm(const std::string& name) { return {name + ".weight", name + ".bias"}; }
LinearNames hf(const std::string& name) { return one(name, "."); }

// Hugging Face keeps queries, keys and values apart; the keys have no bias.
LinearNames hf_parts(const std::string& name, const std::string& letters) {
  LinearNames out;
  for (const char letter : letters) {
    const std::string part = name + "." + letter + "_proj";
    out.weight.push_back(part + ".weight");
    out.bias.push_back(letter == 'k' ? "" : part + ".bias");
  }
  return out;
}

}  // namespace

SpeechNames SpeechNames::of(bool ctranslate2) {
  if (ctranslate2)
    return {.conv1 = ct2("encoder/conv1"),
            .conv2 = ct2("encoder/conv2"),
            .audio_positions = "encoder/position_encodings/encodings",
            .text_positions = "decoder/position_encodings/encodings",
            .words = "decoder/embeddings/weight",
            .encoder_norm = ct2_norm("encoder/layer_norm"),
            .decoder_norm = ct2_norm("decoder/layer_norm")};
  return {.conv1 = hf("model.encoder.conv1"),
          .conv2 = hf("model.encoder.conv2"),
          .audio_positions = "model.encoder.embed_positions.weight",
          .text_positions = "model.decoder.embed_positions.weight",
          .words = "model.decoder.embed_tokens.weight",
          .encoder_norm = hf_norm("model.encoder.layer_norm"),
          .decoder_norm = hf_norm("model.decoder.layer_norm")};
}

EncoderLayerNames SpeechNames::encoder_layer(bool ctranslate2, int layer) {
  if (ctranslate2) {
    const std::string at = "encoder/layer_" + std::to_string(layer) + "/";
    return {.attention_norm = ct2_norm(at + "self_attention/layer_norm"),
            .feed_norm = ct2_norm(at + "ffn/layer_norm"),
            .qkv = ct2(at + "self_attention/linear_0"),
            .attention_out = ct2(at + "self_attention/linear_1"),
            .feed_in = ct2(at + "ffn/linear_0"),
            .feed_out = ct2(at + "ffn/linear_1")};
  }
  const std::string at = "model.encoder.layers." + std::to_string(layer) + ".";
  return {.attention_norm = hf_norm(at + "self_attn_layer_norm"),
          .feed_norm = hf_norm(at + "final_layer_norm"),
          .qkv = hf_parts(at + "self_attn", "qkv"),
          .attention_out = hf(at + "self_attn.out_proj"),
          .feed_in = hf(at + "fc1"),
          .feed_out = hf(at + "fc2")};
}

DecoderLayerNames SpeechNames::decoder_layer(bool ctranslate2, int layer) {
  if (ctranslate2) {
    const std::string at = "decoder/layer_" + std::to_string(layer) + "/";
    return {.self_norm = ct2_norm(at + "self_attention/layer_norm"),
            .cross_norm = ct2_norm(at + "attention/layer_norm"),
            .feed_norm = ct2_norm(at + "ffn/layer_norm"),
            .qkv = ct2(at + "self_attention/linear_0"),
            .self_out = ct2(at + "self_attention/linear_1"),
            .cross_q = ct2(at + "attention/linear_0"),
            .cross_kv = ct2(at + "attention/linear_1"),
            .cross_out = ct2(at + "attention/linear_2"),
            .feed_in = ct2(at + "ffn/linear_0"),
            .feed_out = ct2(at + "ffn/linear_1")};
  }
  const std::string at = "model.decoder.layers." + std::to_string(layer) + ".";
  return {.self_norm = hf_norm(at + "self_attn_layer_norm"),
          .cross_norm = hf_norm(at + "encoder_attn_layer_norm"),
          .feed_norm = hf_norm(at + "final_layer_norm"),
          .qkv = hf_parts(at + "self_attn", "qkv"),
          .self_out = hf(at + "self_attn.out_proj"),
          .cross_q = hf_parts(at + "encoder_attn", "q"),
          .cross_kv = hf_parts(at + "encoder_attn", "kv"),
          .cross_out = hf(at + "encoder_attn.out_proj"),
          .feed_in = hf(at + "fc1"),
          .feed_out = hf(at + "fc2")};
}

}  // namespace serval::whisper
