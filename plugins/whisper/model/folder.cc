#include "plugins/whisper/model/folder.h"

#include "common/formats/hf_json.h"

namespace serval::whisper {
namespace {

constexpr std::size_t kMaxJsonBytes = 4 << 20;
constexpr std::size_t kMaxIds = 1 << 16;  // of one list
constexpr int kEnglishVocab = 51864;      // a greater one is of all languages

// Layers of that side, by the tensors that each has.
int count_layers(const SpeechTensors& tensors, const std::string& side) {
  int layers = 0;
  while (layers < 4096 && tensors.find(side + "/layer_" + std::to_string(layers) +
                                       "/self_attention/linear_0/weight") != nullptr)
    ++layers;
  return layers;
}

// Numbers of model.bin that say what the model computes, with the values of a Whisper model.
Status check_ct2_numbers(SpeechTensors& tensors) {
  constexpr int kGelu = 3;
  const struct {
    const char* name;
    int want;
  } numbers[] = {{"pre_norm", 1},
                 {"scale_embeddings", 0},
                 {"alibi", 0},
                 {"activation", kGelu},
                 {"start_from_zero_embedding", 0}};
  for (const char* side : {"encoder/", "decoder/"}) {
    for (const auto& number : numbers) {
      const std::string name = std::string(side) + number.name;
      if (tensors.find(name) == nullptr) continue;
      const Result<int> value = tensors.number(name);
      if (!value) return value.error();
      if (*value != number.want)
        return error(Code::unimplemented, tensors.folder().string() + ": " + name + " is " +
                                              std::to_string(*value) + ", want " +
                                              std::to_string(number.want));
    }
  }
  // How alibi is done where it is; and which heads to take when the scores of one are asked for,
  // of which config.json has the list.
  for (const char* name : {"decoder/alibi_use_positive_positions", "decoder/scale_alibi",
                           "decoder/alignment_heads", "decoder/alignment_layer"}) {
    if (tensors.find(name) == nullptr) continue;
    if (const Result<int> value = tensors.number(name); !value) return value.error();
  }
  return {};
}

Status read_ct2_shape(SpeechTensors& tensors, SpeechShape& out) {
  Status failed;
  const auto side = [&](const std::string& name, std::size_t rank, std::size_t which) {
    const auto sides = tensors.sides(name, rank);
    if (sides) return int(std::min<uint64_t>((*sides)[which], 1 << 30));
    if (failed.ok()) failed = sides.error();
    return 0;
  };
  out.mels = side("encoder/conv1/weight", 3, 1);
  out.hidden = side("encoder/conv1/weight", 3, 0);
  out.audio_states = side("encoder/position_encodings/encodings", 2, 0);
  out.text_positions = side("decoder/position_encodings/encodings", 2, 0);
  out.vocab = side("decoder/embeddings/weight", 2, 0);
  out.encoder_ff = side("encoder/layer_0/ffn/linear_0/weight", 2, 0);
  out.decoder_ff = side("decoder/layer_0/ffn/linear_0/weight", 2, 0);
  out.encoder_layers = count_layers(tensors, "encoder");
  out.decoder_layers = count_layers(tensors, "decoder");
  if (!failed) return failed;
  for (const char* name : {"encoder/num_heads", "decoder/num_heads"}) {
    const Result<int> heads = tensors.number(name);
    if (!heads) return heads.error();
    if (out.heads != 0 && *heads != out.heads)
      return error(Code::unimplemented, tensors.folder().string() + ": encoder and decoder have " +
                                            std::to_string(out.heads) + " and " +
                                            std::to_string(*heads) + " heads, want as many");
    out.heads = *heads;
  }
  return check_ct2_numbers(tensors);
}

void read_hf_shape(HfJson& config, SpeechShape& out) {
  const auto size = [&](const char* key) {
    const auto value = config.integer(key);
    if (!value && config.status().ok()) config.wrong(key, "a whole number");
    return int(std::clamp<int64_t>(value.value_or(0), 0, 1 << 30));
  };
  if (config.text("model_type", "") != "whisper")
    config.refuse("model_type \"" + config.text("model_type", "") + "\"");
  out.mels = size("num_mel_bins");
  out.hidden = size("d_model");
  out.heads = size("encoder_attention_heads");
  if (size("decoder_attention_heads") != out.heads)
    config.refuse("another number of heads in the decoder");
  out.encoder_layers = size("encoder_layers");
  out.decoder_layers = size("decoder_layers");
  out.encoder_ff = size("encoder_ffn_dim");
  out.decoder_ff = size("decoder_ffn_dim");
  out.vocab = size("vocab_size");
  out.audio_states = size("max_source_positions");
  out.text_positions = size("max_target_positions");
  if (config.text("activation_function", "gelu") != "gelu")
    config.refuse("activation_function \"" + config.text("activation_function", "") + "\"");
  if (config.boolean("scale_embedding", false)) config.refuse("scale_embedding");
}

void read_ids(HfJson& from, const char* key, std::vector<int>& out, int vocab) {
  const std::vector<int64_t> ids = from.integers(key);
  if (ids.size() > kMaxIds) return from.wrong(key, "a shorter list");
  for (const int64_t id : ids) {
    // Some folders name ids of a larger vocabulary than theirs; they never come up.
    if (id >= 0 && id < vocab) out.push_back(int(id));
  }
}

void read_alignment_heads(HfJson& from, const SpeechShape& shape, SpeechConfig& out) {
  const json::value* heads = from.value("alignment_heads");
  if (heads == nullptr) return;
  const auto fits = [&](const json::value& pair) {
    if (!pair.is_array() || pair.get_array().size() != 2) return false;
    const json::value& layer = pair.get_array()[0];
    const json::value& head = pair.get_array()[1];
    return layer.is_int64() && head.is_int64() && layer.get_int64() >= 0 &&
           layer.get_int64() < shape.decoder_layers && head.get_int64() >= 0 &&
           head.get_int64() < shape.heads;
  };
  if (!heads->is_array() || heads->get_array().size() > kMaxIds)
    return from.wrong("alignment_heads", "a list of pairs of layer and head");
  for (const json::value& pair : heads->get_array()) {
    if (!fits(pair)) return from.wrong("alignment_heads", "pairs of a layer and a head of it");
    out.alignment_heads.push_back(
        {int(pair.get_array()[0].get_int64()), int(pair.get_array()[1].get_int64())});
  }
}

// What generation_config.json and, in older folders, config.json say.
void read_hf_generation(HfJson& from, const SpeechShape& shape, SpeechConfig& out) {
  if (out.suppress_ids.empty()) read_ids(from, "suppress_tokens", out.suppress_ids, shape.vocab);
  if (out.suppress_ids_begin.empty())
    read_ids(from, "begin_suppress_tokens", out.suppress_ids_begin, shape.vocab);
  if (out.alignment_heads.empty()) read_alignment_heads(from, shape, out);
  out.multilingual = from.boolean("is_multilingual", out.multilingual);
  const json::value* languages = from.value("lang_to_id");
  if (languages == nullptr || !out.language_ids.empty()) return;
  if (!languages->is_object()) return from.wrong("lang_to_id", "an object");
  for (const auto& [token, id] : languages->get_object()) {
    if (!id.is_int64() || id.get_int64() < 0 || id.get_int64() >= shape.vocab)
      return from.wrong("lang_to_id", "an object of token ids");
    out.language_ids.push_back(int(id.get_int64()));
  }
}

Status check_sizes(const SpeechFolder& folder) {
  const Status s = check_shape(folder.shape);
  if (s.ok()) return s;
  return error(s.error().code, folder.tensors.folder().string() + ": " + s.error().message);
}

Status read_ct2(SpeechFolder& out) {
  if (Status s = read_ct2_shape(out.tensors, out.shape); !s) return s;
  if (Status s = check_sizes(out); !s) return s;
  out.config.multilingual = out.shape.vocab > kEnglishVocab;
  const auto path = out.tensors.folder() / "config.json";
  const Result<json::object> object = read_json_file(path, kMaxJsonBytes);
  if (!object) return object.error();
  HfJson config(*object, path);
  read_ids(config, "suppress_ids", out.config.suppress_ids, out.shape.vocab);
  read_ids(config, "suppress_ids_begin", out.config.suppress_ids_begin, out.shape.vocab);
  read_ids(config, "lang_ids", out.config.language_ids, out.shape.vocab);
  read_alignment_heads(config, out.shape, out.config);
  return config.status();
}

Status read_hf(SpeechFolder& out) {
  const auto folder = out.tensors.folder();
  const Result<json::object> object = read_json_file(folder / "config.json", kMaxJsonBytes);
  if (!object) return object.error();
  HfJson config(*object, folder / "config.json");
  read_hf_shape(config, out.shape);
  if (!config.status()) return config.status();
  if (Status s = check_sizes(out); !s) return s;
  out.config.multilingual = out.shape.vocab > kEnglishVocab;
  const auto path = folder / "generation_config.json";
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    const Result<json::object> generation = read_json_file(path, kMaxJsonBytes);
    if (!generation) return generation.error();
    HfJson reader(*generation, path);
    read_hf_generation(reader, out.shape, out.config);
    if (!reader.status()) return reader.status();
  }
  read_hf_generation(config, out.shape, out.config);
  return config.status();
}

}  // namespace

Result<SpeechFolder> SpeechFolder::open(const std::filesystem::path& folder) {
  Result<SpeechTensors> tensors = SpeechTensors::open(folder);
  if (!tensors) return tensors.error();
  SpeechFolder out{std::move(*tensors), {}, {}};
  if (Status s = out.tensors.ctranslate2() ? read_ct2(out) : read_hf(out); !s) return s.error();
  if (out.config.alignment_heads.empty())
    for (int layer = out.shape.decoder_layers / 2; layer < out.shape.decoder_layers; ++layer)
      for (int head = 0; head < out.shape.heads; ++head)
        out.config.alignment_heads.push_back({layer, head});
  return out;
}

}  // namespace serval::whisper
