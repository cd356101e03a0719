// The "decoder" of a tokenizer.json.
#include "common/formats/quoted_name.h"
#include "common/tokenizers/decoder.h"

namespace serval::tok {
namespace {

class Reader {
 public:
  explicit Reader(Decoder& out) : out_(out) {}

  Status read(Component part) {
    if (!part.status()) return part.status();
    if (part.absent()) return {};
    const std::string_view type = part.type();
    if (type == "Sequence") {
      for (Component& item : part.list("decoders"))
        if (Status s = read(std::move(item)); !s) return s;
    } else if (type == "WordPiece") {
      const std::string_view prefix = part.text("prefix", "##");
      add<WordPieceDecoder>(prefix, part.flag("cleanup", true));
    } else if (type == "ByteLevel") {
      add<ByteLevelDecoder>();
    } else if (type == "Metaspace") {
      const std::string_view mark = part.text("replacement");
      const bool never = part.text("prepend_scheme", "always") == "never";
      add<MetaspaceDecoder>(mark, !never && part.flag("add_prefix_space", true));
    } else if (type == "ByteFallback") {
      add<ByteFallbackDecoder>();
    } else if (type == "Fuse") {
      add<FuseDecoder>();
    } else if (type == "Strip") {
      read_strip(part);
    } else if (type == "Replace") {
      const std::string_view content = part.text("content");
      Result<TextPattern> pattern = TextPattern::read(part);
      if (!pattern) return pattern.error();
      add<ReplaceDecoder>(std::move(*pattern), content);
    } else if (type == "BPEDecoder") {
      add<SuffixDecoder>(part.text("suffix", "</w>"));
    } else {
      return part.unsupported("decoder " + quoted_name(type));
    }
    return part.status();
  }

 private:
  template <class T, class... Arguments>
  void add(Arguments&&... arguments) {
    out_.push_back(std::make_unique<T>(std::forward<Arguments>(arguments)...));
  }

  void read_strip(Component& part) {
    const std::string_view character = part.text("content");
    const int64_t start = part.number("start", 0, 0, 1 << 20);
    const int64_t stop = part.number("stop", 0, 0, 1 << 20);
    if (part.status().ok() && character.empty()) part.fail(part.bad("strips nothing"));
    add<StripDecoder>(character, std::size_t(start), std::size_t(stop));
  }

  Decoder& out_;
};

}  // namespace

Result<Decoder> read_decoder(Component part) {
  Decoder out;
  if (Status s = Reader(out).read(std::move(part)); !s) return s.error();
  return out;
}

}  // namespace serval::tok
