#include "common/tokenizers/post_processor.h"

#include <algorithm>

#include "common/formats/quoted_name.h"

namespace serval::tok {
namespace {

using Kind = FramePart::Kind;

constexpr std::size_t kMostParts = 256;

class Reader {
 public:
  Reader(int32_t vocab_size, PostProcessor& out) : vocab_size_(vocab_size), out_(out) {}

  Status read(Component part) {
    if (!part.status()) return part.status();
    if (part.absent()) return {};
    const std::string_view type = part.type();
    if (type == "Sequence") {
      for (Component& item : part.list("processors"))
        if (Status s = read(std::move(item)); !s) return s;
      return part.status();
    }
    if (type == "ByteLevel") {
      read_trim(part);
      return part.status();
    }
    if (type != "TemplateProcessing" && type != "BertProcessing" && type != "RobertaProcessing")
      return part.unsupported("post-processor " + quoted_name(type));
    if (framed_) return part.unsupported("a second post-processor that adds tokens");
    framed_ = true;
    if (type == "TemplateProcessing")
      read_template(part);
    else
      read_usual(part, type == "RobertaProcessing");
    return part.status();
  }

 private:
  void read_trim(Component& part) {
    out_.trim_offsets = part.flag("trim_offsets", true);
    out_.keep_first_space = part.flag("add_prefix_space", true);
  }

  TokenId checked(Component& part, const json::value& id) {
    if (id.is_int64() && id.get_int64() >= 0 && id.get_int64() < vocab_size_)
      return TokenId(id.get_int64());
    part.fail(part.bad("has a token that is not in the vocabulary"));
    return 0;
  }

  // ["[SEP]", 102]
  TokenId named_token(Component& part, const char* key) {
    const json::value* found = part.member(key);
    if (found != nullptr && found->is_array() && found->get_array().size() == 2)
      return checked(part, found->get_array()[1]);
    part.fail(part.bad("lacks \"" + std::string(key) + "\", a token with its id"));
    return 0;
  }

  void read_usual(Component& part, bool roberta) {
    const TokenId cls = named_token(part, "cls"), sep = named_token(part, "sep");
    if (roberta) read_trim(part);
    const auto second = uint8_t(roberta ? 0 : 1);
    out_.single = {{Kind::token, cls}, {Kind::first_text}, {Kind::token, sep}};
    out_.pair = out_.single;
    if (roberta) out_.pair.push_back({Kind::token, sep});
    out_.pair.push_back({Kind::second_text, -1, second});
    out_.pair.push_back({Kind::token, sep, second});
  }

  void read_template(Component& part) {
    out_.single = read_frame(part, "single");
    out_.pair = read_frame(part, "pair");
    const auto count = [](const PostProcessor::Frame& frame, Kind kind) {
      return std::count_if(frame.begin(), frame.end(),
                           [kind](const FramePart& p) { return p.kind == kind; });
    };
    if (!part.status()) return;
    if (count(out_.single, Kind::first_text) != 1 || count(out_.single, Kind::second_text) != 0 ||
        count(out_.pair, Kind::first_text) != 1 || count(out_.pair, Kind::second_text) != 1)
      part.fail(part.unsupported("a template that has not each text once"));
  }

  PostProcessor::Frame read_frame(Component& part, const char* key) {
    PostProcessor::Frame out;
    for (Component& item : part.list(key)) {
      const bool text = item.member("Sequence") != nullptr;
      Component inner(item.member(text ? "Sequence" : "SpecialToken"), item.where());
      if (inner.absent()) inner.fail(inner.bad("is neither a sequence nor a special token"));
      const std::string_view id = inner.text("id");
      const auto type = uint8_t(inner.number("type_id", 0, 0, 255));
      if (!text) {
        add_special(inner, part, id, type, out);
      } else if (id == "A" || id == "B") {
        out.push_back({id == "A" ? Kind::first_text : Kind::second_text, -1, type});
      } else {
        inner.fail(inner.bad("is a sequence that is neither A nor B"));
      }
      if (!inner.status()) part.fail(inner.status().error());
      if (out.size() > kMostParts) part.fail(part.unsupported("a template so long"));
      if (!part.status()) break;
    }
    return out;
  }

  void add_special(Component& inner, Component& part, std::string_view id, uint8_t type,
                   PostProcessor::Frame& out) {
    if (!inner.status()) return;
    const Component tokens(part.member("special_tokens"), part.where());
    const Component token(tokens.member(id), part.where());
    const json::value* ids = token.member("ids");
    if (ids == nullptr || !ids->is_array() || ids->get_array().size() > kMostParts)
      return inner.fail(inner.bad("names " + quoted_name(id) + ", which has no ids"));
    for (const json::value& one : ids->get_array())
      out.push_back({Kind::token, checked(part, one), type});
  }

  const int32_t vocab_size_;
  PostProcessor& out_;
  bool framed_ = false;
};

}  // namespace

Result<PostProcessor> read_post_processor(Component part, int32_t vocab_size) {
  PostProcessor out;
  if (Status s = Reader(vocab_size, out).read(std::move(part)); !s) return s.error();
  return out;
}

}  // namespace serval::tok
