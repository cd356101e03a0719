// A form with audio while it arrives: fields are kept, the file is held once, and a model that can
// reads it meanwhile.
#include <algorithm>
#include <deque>

#include "host/protocols/next_of.h"
#include "host/protocols/openai/audio.h"
#include "host/protocols/openai/errors.h"
#include "host/protocols/request_headers.h"

namespace serval::host {
namespace {

// A file of so many bytes is given to the model before it is complete: 33 s of 16-bit samples.
constexpr std::size_t kEarlyBytes = 1u << 20;

// It ended for reasons of the server's, which may be gone: its model was replaced, its place in the
// queue took too long to come, its output was not taken in time.
bool broken_off(const Call& call) {
  const std::optional<Finish> finish = call.finish();
  if (!finish) return false;
  const Code code = finish->error.code;
  return code == Code::unavailable || code == Code::resource_exhausted || code == Code::cancelled;
}

class AudioUpload final : public BodyReceiver {
 public:
  struct Setup {
    OpenAiOptions options;
    std::shared_ptr<EarlyPlaces> places;
    HttpRequest http;
    uint64_t most = 0;  // bytes
    bool translate = false;
  };
  explicit AudioUpload(Setup setup) : setup_(std::move(setup)) {
    Result<std::string> boundary = form_boundary(setup_.http.headers.get("content-type"));
    if (!boundary) {
      fault_ = openai_error(415, boundary.error());
      return;
    }
    form_.emplace(*boundary, [this](const FormPart& part, std::string_view bytes) {
      return take(part, bytes);
    });
  }
  ~AudioUpload() override {
    drop_early();
    give_place_back();
  }

  std::optional<HttpResponse> receive(std::string_view bytes) override;
  Handled finish() override;

 private:
  Status take(const FormPart& part, std::string_view bytes);
  Status begin_early();
  void hear();
  void drop_early();
  void give_place_back() {
    if (std::exchange(placed_, false)) setup_.places->give_back();
  }
  Result<Request> request_for(const TranscriptionParams& params) const;

  const Setup setup_;
  std::optional<HttpResponse> fault_;
  std::optional<FormReader> form_;
  std::shared_ptr<UploadBuffer> file_;
  std::size_t file_part_ = 0;  // behind it in the form's parts
  bool tried_ = false;         // to begin early
  bool placed_ = false;        // holds one of the places
  std::shared_ptr<Call> early_;
  Request begun_;  // what it was asked, without its file
  std::deque<Event> heard_;
  std::size_t heard_bytes_ = 0;
};

Status AudioUpload::take(const FormPart& part, std::string_view bytes) {
  if (part.name != "file") return invalid(part.name + " must not be a file", part.name);
  if (!file_) {
    Result<std::shared_ptr<UploadBuffer>> room = UploadBuffer::reserve(setup_.most);
    if (!room) return room.error();
    file_ = std::move(*room);
    file_part_ = form_->parts().size();
  }
  if (file_part_ != form_->parts().size()) return invalid("file is given twice", "file");
  return file_->append(bytes);
}

// Without its file.
Result<Request> AudioUpload::request_for(const TranscriptionParams& params) const {
  Request request;
  request.model = params.model;
  request.params_json = json::serialize(params.plugin);
  if (Status status = apply_headers(setup_.http, params.stream, request); !status)
    return status.error();
  request.inputs.emplace_back();
  return request;
}

// With the fields so far, if they make a request. More may follow: finish() looks whether they
// change it. So only what no field can mend is an error already.
Status AudioUpload::begin_early() {
  Result<TranscriptionParams> params = parse_transcription(form_->parts(), setup_.translate);
  if (!params) return {};
  const Result<ModelInfo> model = setup_.options.registry->find(params->model);
  if (!model) return about_model(model.error());
  const auto& ops = model->ops;
  if (std::find(ops.begin(), ops.end(), "transcribe_upload") == ops.end()) return {};
  Result<Request> request = request_for(*params);
  if (!request) return request.error();
  placed_ = setup_.places->take();
  if (!placed_) return {};
  begun_ = *request;
  request->op = "transcribe_upload";
  request->upload = file_;
  request->arriving = true;
  Result<std::shared_ptr<Call>> call = setup_.options.registry->submit(std::move(*request));
  if (!call) return about_model(std::move(call).error());
  early_ = std::move(*call);
  return {};
}

// Takes what it has said so far, so that it does not wait for a reader that comes late.
void AudioUpload::hear() {
  while (heard_bytes_ < setup_.options.response_bytes) {
    auto [event, finish] = next_of(*early_);
    if (finish) give_place_back();
    if (!event) return;
    heard_bytes_ += event->data.size() + event->meta_json.size();
    heard_.push_back(std::move(*event));
  }
}

void AudioUpload::drop_early() {
  if (early_) std::exchange(early_, nullptr)->cancel(CancelReason::client);
  heard_.clear();
}

std::optional<HttpResponse> AudioUpload::receive(std::string_view bytes) {
  if (fault_) return std::move(fault_);
  if (early_) hear();
  if (Status status = form_->feed(bytes); !status) return openai_error(status.error());
  const bool under_way = file_ && file_part_ == form_->parts().size();
  if (!under_way || file_->view().bytes.size() < kEarlyBytes || std::exchange(tried_, true))
    return std::nullopt;
  if (Status status = begin_early(); !status) return openai_error(status.error());
  return std::nullopt;
}

// What has begun goes on, unless a field behind the file asks for something else.
Handled AudioUpload::finish() {
  if (fault_) return std::move(*fault_);
  if (Status status = form_->finish(); !status) return openai_error(status.error());
  if (file_) file_->complete();
  Result<TranscriptionParams> params = parse_transcription(form_->parts(), setup_.translate);
  if (!params) return openai_error(params.error());
  Result<Request> request = request_for(*params);
  if (!request) return openai_error(request.error());
  const bool goes_on = early_ && !broken_off(*early_) && begun_.model == request->model &&
                       begun_.params_json == request->params_json &&
                       begun_.deadline_ns == request->deadline_ns;
  if (!goes_on) {
    drop_early();
    request->op = "transcribe";
    request->upload = file_;
    Result<std::shared_ptr<Call>> call = setup_.options.registry->submit(std::move(*request));
    if (!call) return openai_error(about_model(std::move(call).error()));
    early_ = std::move(*call);
  }
  TranscriptionSetup reply;
  reply.call = std::move(early_);
  reply.heard = std::move(heard_);
  reply.form = params->form;
  reply.streamed = params->stream;
  reply.response_bytes = setup_.options.response_bytes;
  reply.received_ns = setup_.http.received_ns;
  return transcription_reply(std::move(reply));
}

}  // namespace

Receiver transcription_receiver(const OpenAiOptions& options,
                                const std::shared_ptr<EarlyPlaces>& places, bool translate) {
  return [options, places, translate](HttpRequest head, uint64_t most) {
    return std::unique_ptr<BodyReceiver>(std::make_unique<AudioUpload>(
        AudioUpload::Setup{options, places, std::move(head), most, translate}));
  };
}

}  // namespace serval::host
