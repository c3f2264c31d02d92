#include "serve/streams.h"

#include <charconv>

#include "base/json.h"
#include "serve/api_error.h"

namespace paceline::streams {

namespace {

std::shared_ptr<StoredStream> find(const Service& service, const http::Request& request) {
  static constexpr std::string_view kPrefix = "/v1/streams/";
  const std::string id = request.path.substr(kPrefix.size());
  auto stream = service.streams.find(id);
  if (!stream)
    throw ApiError(404, "there is no such stream: it never was, was deleted, is too old, or was another process's");
  return stream;
}

uint64_t number(std::string_view text, const char* where) {
  uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    bad_field(where, "expected the number of an event, got \"", text, "\"");
  return value;
}

// `from`, or the event after the one that a browser's EventSource says it has.
uint64_t first_wanted(const http::Request& request) {
  if (const auto from = request.query_value("from")) return number(*from, "from");
  const std::string_view last = request.header("last-event-id");
  return last.empty() ? 0 : number(last, "Last-Event-ID") + 1;
}

}  // namespace

void attach(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const auto stream = find(service, request);
  const uint64_t from = first_wanted(request);
  if (from > stream->event_count())
    bad_field("from", "this stream has ", stream->event_count(), " events so far, expected at most that, got ", from);
  if (from < stream->first_event())
    throw ApiError(410, cat("from: the first event that is still kept is ", stream->first_event(), ", got ", from),
                   "from");
  if (request.method == "HEAD") return exchange->respond(stream->head());
  stream->attach(exchange, from);
}

void remove(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const auto stream = find(service, request);
  const bool was_running = !stream->finished();
  service.streams.remove(stream->id());
  Json out = Json::object();
  out.set("id", stream->id()), out.set("object", "stream"), out.set("deleted", true);
  out.set("stopped", was_running), out.set("events", stream->event_count());
  exchange->respond({.body = out.dump()});
}

}  // namespace paceline::streams
