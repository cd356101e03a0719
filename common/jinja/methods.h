// Text operations that methods and filters share.
#pragma once

#include <string>
#include <string_view>

#include "common/jinja/runtime.h"
#include "common/jinja/text.h"

namespace serval::jinja {

// The methods of str.
std::span<const Builtin> text_methods();

// str.replace; `most` < 0: all of them.
std::string replace_text(Runtime& run, std::string_view text, std::string_view from,
                         std::string_view to, int64_t most);
// Fills up to `width` code points. Side::left: the padding goes to the left.
std::string pad_text(Runtime& run, std::string_view text, int64_t width, std::string_view fill,
                     Side side);

}  // namespace serval::jinja
