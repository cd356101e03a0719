#include "session.h"

#include <dlfcn.h>
#include <utility>

namespace serval::check {
namespace {

serval_str str(const std::string& text) { return {text.data(), text.size()}; }

serval_error fresh_error() {
  serval_error error{};
  error.size = sizeof(error);
  return error;
}

}  // namespace

std::string code_name(serval_status code) {
  static constexpr const char* kNames[] = {"OK",
                                           "CANCELLED",
                                           "UNKNOWN",
                                           "INVALID_ARGUMENT",
                                           "DEADLINE_EXCEEDED",
                                           "NOT_FOUND",
                                           "ALREADY_EXISTS",
                                           "PERMISSION_DENIED",
                                           "RESOURCE_EXHAUSTED",
                                           "FAILED_PRECONDITION",
                                           "ABORTED",
                                           "OUT_OF_RANGE",
                                           "UNIMPLEMENTED",
                                           "INTERNAL",
                                           "UNAVAILABLE",
                                           "DATA_LOSS",
                                           "UNAUTHENTICATED"};
  if (code < 0 || code > SERVAL_UNAUTHENTICATED) return "code " + std::to_string(code);
  return kNames[code];
}

Library::Library(Context& context) {
  std::string path = context.options.plugin;
  if (path.find('/') == std::string::npos) path = "./" + path;
  handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) context.stop(std::string("dlopen: ") + dlerror());
  entry_ = static_cast<const serval_entry*>(dlsym(handle_, "serval_entry_v1"));
  if (entry_ == nullptr) context.stop("the file does not export serval_entry_v1");
}

Library::~Library() {
  if (handle_ != nullptr) dlclose(handle_);
}

Session::Session(Context& context, HostOptions options)
    : context_(context),
      host_(std::make_unique<MiniHost>(options)),
      library_(std::make_unique<Library>(context)) {
  serval_error error = fresh_error();
  plugin_ = entry().create(host_->table(), &error);
  if (plugin_ == nullptr)
    context_.stop("create failed: " + code_name(error.code) + ": " + error.message);
}

Session::~Session() {
  if (host_ == nullptr) return;
  if (!context_.failed() && model_ != nullptr) {
    if (started_) quiesce(0);
    close();
  }
  if (!context_.failed() && plugin_ != nullptr) destroy();
  report_violations();
  if (context_.failed() && plugin_ != nullptr) {
    library_->keep_loaded();
    static_cast<void>(host_.release());  // the plugin's threads may still use it
  }
}

std::vector<std::string> Session::ops() const {
  std::vector<std::string> known;
  const serval_descriptor& d = *entry().descriptor;
  for (uint32_t i = 0; i < d.n_ops; ++i)
    if (context_.requests.knows(d.ops[i])) known.emplace_back(d.ops[i]);
  context_.skip_unless(!known.empty(),
                       "the kit knows none of its ops; give a request with --request");
  return known;
}

std::vector<std::string> Session::arriving_ops() const {
  std::vector<std::string> known = ops();
  std::erase_if(known, [&](const std::string& op) { return arrival_of(op) == Arrival::whole; });
  context_.skip_unless(!known.empty(),
                       "none of its requests has \"streamed\": true or \"uploaded\": true");
  return known;
}

std::vector<std::string> Session::uploaded_ops() const {
  std::vector<std::string> known = ops();
  std::erase_if(known, [&](const std::string& op) { return arrival_of(op) != Arrival::uploaded; });
  context_.skip_unless(!known.empty(), "none of its requests has \"uploaded\": true");
  return known;
}

Opened Session::try_open(const std::string& path) {
  static const std::string kName = "check";
  host_model_ = host_->add_model();
  config_ = {sizeof(serval_model_config), 0, str(kName), {}, str(context_.options.config),
             str(context_.cache_dir)};
  path_ = path;
  config_.path = str(path_);
  serval_error error = fresh_error();
  Opened opened;
  host_->locked([&] { host_model_->opening = true; });
  opened.code =
      plugin_->model_open(plugin_->self, &config_, host_model_->ref(), &opened.model, &error);
  host_->locked([&] { host_model_->opening = false; });
  opened.message = error.message;
  if (opened.code == SERVAL_OK) model_ = opened.model;
  return opened;
}

void Session::open() {
  const Opened opened = try_open(context_.options.model);
  if (opened.code != SERVAL_OK)
    context_.stop("model_open failed: " + code_name(opened.code) + ": " + opened.message);
  if (model_ == nullptr) context_.stop("model_open said OK and gave no model");
}

void Session::start() {
  serval_error error = fresh_error();
  const serval_status code = plugin_->model_start(model_, &error);
  if (code != SERVAL_OK)
    context_.stop("model_start failed: " + code_name(code) + ": " + error.message);
  started_ = true;
}

void Session::quiesce(uint64_t deadline_ns) {
  host_->locked([&] { host_model_->quiescing = true; });
  host_->notify();
  const serval_status code = plugin_->model_quiesce(model_, deadline_ns);
  host_->locked([&] { host_model_->quiesced = true; });
  started_ = false;
  context_.expect(code == SERVAL_OK, "model_quiesce returned " + code_name(code));
}

void Session::close() {
  plugin_->model_close(model_);
  host_->locked([&] { host_model_->closed = true; });
  model_ = nullptr;
}

void Session::close_other(HostModel& model, void* handle) {
  HostModel* const current = std::exchange(host_model_, &model);
  void* const current_handle = std::exchange(model_, handle);
  quiesce(0);
  close();
  host_model_ = current;
  model_ = current_handle;
  started_ = true;
}

void Session::destroy() {
  plugin_->destroy(plugin_->self);
  host_->close_for_calls();
  plugin_ = nullptr;
}

Stream* Session::submit(Spec spec, int64_t credit) {
  return host_->submit(*host_model_, std::move(spec), credit);
}

Stream* Session::submit_arriving(Spec spec) {
  return host_->submit(*host_model_, std::move(spec), Stream::kUnlimited, 0, true);
}

void Session::feed(Stream& stream, std::size_t bytes) {
  if (host_->locked([&] { return stream.feed(bytes, bytes == 0); }))
    signal(SERVAL_SIGNAL_READABLE, stream.view.id);
}

void Session::cancel(Stream& stream, uint32_t reason) {
  stream.cancel_word.store(reason, std::memory_order_release);
  signal(SERVAL_SIGNAL_CANCEL, stream.view.id);
}

void Session::grant(Stream& stream, int64_t events) {
  const bool waits = host_->locked([&] {
    if (stream.credit != Stream::kUnlimited)
      stream.credit = events == Stream::kUnlimited ? events : stream.credit + events;
    return std::exchange(stream.waits_for_credit, false);
  });
  if (waits) signal(SERVAL_SIGNAL_WRITABLE, stream.view.id);
}

void Session::wait_for(const std::string& what, const std::function<bool()>& done) {
  if (!host_->wait(context_.patience_ms(), done)) {
    report_violations();
    context_.stop("waited " + std::to_string(context_.patience_ms()) + " ms in vain: " + what);
  }
}

void Session::wait_finished(const std::vector<Stream*>& streams) {
  wait_for("each of " + std::to_string(streams.size()) + " requests is finished", [&] {
    for (const Stream* s : streams)
      if (!s->finished) return false;
    return true;
  });
}

Stream* Session::run_one(Spec spec) {
  Stream* s = submit(std::move(spec));
  wait_finished({s});
  if (s->code != SERVAL_OK)
    context_.stop("a valid " + s->spec.op + " request was finished with " + code_name(s->code) +
                  ": " + s->message);
  return s;
}

Spec Session::lots(const std::string& op, int variant) {
  const auto [most, is_new] = most_.try_emplace(op, Size::lots);
  if (is_new) {
    Stream* s = submit(context_.requests.make(op, Size::lots));
    wait_finished({s});
    if (s->code == SERVAL_INVALID_ARGUMENT || s->code == SERVAL_OUT_OF_RANGE)
      most->second = Size::text;
  }
  return context_.requests.make(op, most->second, variant);
}

void Session::report_violations() {
  const std::vector<Violation> all = host_->violations();
  for (; reported_ < all.size(); ++reported_) {
    const Violation& v = all[reported_];
    if (only_rule_.empty() || v.rule == only_rule_) context_.fail("rule " + v.rule + ": " + v.what);
  }
}

}  // namespace serval::check
