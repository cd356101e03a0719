// The text fields of a form as the JSON object that a JsonReader reads.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "common/json.h"
#include "host/protocols/multipart_form.h"

namespace serval::host {

// Fields as OpenAI's clients write them: "key", "key[]" for each item of an array, "key[member]"
// for a member of an object. A value becomes a number or a boolean where it looks like one, and
// stays text where `texts` names its key.
// invalid_argument with the field in `param`: given twice, given in two shapes, not UTF-8.
Result<json::object> form_fields(std::span<const FormPart> parts,
                                 std::span<const std::string_view> texts);

}  // namespace serval::host
