#include "common/jinja/template.h"

#include <exception>

#include "common/jinja/failure.h"
#include "common/jinja/interpreter.h"
#include "common/jinja/parser.h"
#include "common/jinja/text.h"

namespace serval::jinja {

Result<Template> Template::parse(std::string_view source) {
  constexpr std::size_t kMaxSource = std::size_t{4} << 20;
  if (source.size() > kMaxSource)
    return invalid("chat template: " + std::to_string(source.size()) + " bytes, at most " +
                   std::to_string(kMaxSource) + " are read");
  try {
    Parser parser(tokenize(source));
    return Template(std::make_shared<const Program>(parser.parse()));
  } catch (const Failure& failure) {
    return to_error(failure);
  } catch (const std::bad_alloc&) {
    return error(Code::resource_exhausted, "chat template: out of memory");
  } catch (const std::exception& e) {
    return error(Code::internal, std::string("chat template: ") + e.what());
  }
}

Result<std::string> Template::render(const json::object& context,
                                     const RenderOptions& options) const {
  try {
    Interpreter interpreter(*program_, options);
    return interpreter.run(context);
  } catch (const Failure& failure) {
    return to_error(failure);
  } catch (const std::bad_alloc&) {
    return error(Code::resource_exhausted, "chat template: out of memory");
  } catch (const std::exception& e) {
    return error(Code::internal, std::string("chat template: ") + e.what());
  }
}

}  // namespace serval::jinja
