#include "serve/stream_store.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "serve/report.h"

namespace paceline {

namespace {

constexpr size_t kEventOverhead = sizeof(std::string);
constexpr size_t kBatchBytes = size_t{32} << 10;  // of one write to a reader

// To a reader that was so slow that what it would read next is gone.
std::string left_behind(bool is_sse) {
  Json error = Json::object(), out = Json::object();
  error.set("message", "this reader was too slow: the events it would read next are no longer kept");
  error.set("type", "server_error");
  out.set("error", std::move(error));
  return is_sse ? sse_event("error", out) : out.dump() + "\n";
}

}  // namespace

StoredStream::StoredStream(StreamStore& store, Worker& worker, std::string id)
    : store_(store), worker_(worker), id_(std::move(id)), since_(store.now()) {}

void StoredStream::watch(std::function<void()> on_closed, std::function<void()>) { on_closed_ = std::move(on_closed); }

void StoredStream::respond(http::Response response) {
  std::string body = std::exchange(response.body, {});
  begin_stream(std::move(response));
  write(std::move(body));
  finish();
}

void StoredStream::begin_stream(http::Response head) {
  head_ = std::move(head);
  head_.headers.emplace_back("X-Stream-Id", id_);
  begun_ = true;
  std::string first = std::exchange(head_.body, {});
  for (const auto& reader : readers_) reader->exchange->begin_stream(head_);
  write(std::move(first));
}

void StoredStream::write(std::string bytes) {
  if (bytes.empty() || finished_) return;
  if (is_sse()) bytes = cat("id: ", event_count(), "\n", bytes);
  const size_t size = bytes.size() + kEventOverhead;
  events_.push_back(std::move(bytes));
  bytes_ += size;
  pump_all();
  store_.grew(*this, size);
}

void StoredStream::finish() {
  if (std::exchange(finished_, true)) return;
  on_closed_ = nullptr;
  since_ = store_.now();
  pump_all();
  store_.make_room();
}

void StoredStream::stop() {
  if (finished_) return;
  if (const auto tell = std::exchange(on_closed_, nullptr)) tell();
}

void StoredStream::attach(std::shared_ptr<http::Exchange> exchange, uint64_t from) {
  const auto reader = std::make_shared<Reader>(Reader{std::move(exchange), from});
  readers_.push_back(reader);
  // As long as its connection lives, a reader keeps the stream, whatever the store has forgotten meanwhile.
  const auto later = [self = shared_from_this(), weak = std::weak_ptr(reader)](auto what) {
    return [self, weak, what] {
      self->worker_.post([self, weak, what] {
        if (const auto here = weak.lock()) what(*self, here);
      });
    };
  };
  if (begun_) reader->exchange->begin_stream(head_);
  reader->exchange->watch(later([](StoredStream& stream, const auto& here) { stream.remove(here); }),
                          later([](StoredStream& stream, const auto& here) {
                            if (stream.pump(*here)) stream.remove(here);
                          }));
  if (pump(*reader)) remove(reader);
}

void StoredStream::pump_all() {
  const auto readers = readers_;
  for (const auto& reader : readers)
    if (pump(*reader)) remove(reader);
}

// Whether the reader has everything.
bool StoredStream::pump(Reader& reader) {
  if (reader.next < first_event_) {
    reader.exchange->write(left_behind(is_sse()));
    reader.exchange->finish();
    return true;
  }
  while (reader.next < event_count() && reader.exchange->waiting_bytes() <= kHighWater) {
    std::string batch;
    while (reader.next < event_count() && batch.size() < kBatchBytes) batch += events_[reader.next++ - first_event_];
    reader.exchange->write(std::move(batch));
  }
  if (!finished_ || reader.next < event_count()) return false;
  reader.exchange->finish();
  return true;
}

void StoredStream::remove(const std::shared_ptr<Reader>& reader) {
  std::erase(readers_, reader);
  if (readers_.empty() && !finished_) since_ = store_.now();
}

size_t StoredStream::drop_oldest(size_t bytes) {
  size_t lost = 0;
  while (lost < bytes && !events_.empty()) {
    lost += events_.front().size() + kEventOverhead;
    events_.pop_front();
    ++first_event_;
  }
  bytes_ -= lost;
  return lost;
}

StreamStore::StreamStore(StreamLimits limits, Clock clock) : limits_(limits), clock_(std::move(clock)) {}

std::shared_ptr<StoredStream> StreamStore::open(Worker& worker, std::shared_ptr<http::Exchange> reader) {
  auto stream = std::make_shared<StoredStream>(*this, worker, random_id("strm_"));
  streams_[stream->id()] = stream;
  count_ = streams_.size();
  stream->attach(std::move(reader), 0);
  sweep_later(worker);
  return stream;
}

std::shared_ptr<StoredStream> StreamStore::find(const std::string& id) const {
  const auto at = streams_.find(id);
  return at == streams_.end() ? nullptr : at->second;
}

void StreamStore::remove(const std::string& id) {
  const auto at = streams_.find(id);
  if (at == streams_.end()) return;
  const auto stream = at->second;
  erase(at);
  stream->stop();
}

void StreamStore::sweep() {
  const auto now = clock_();
  for (auto at = streams_.begin(); at != streams_.end();) {
    const auto stream = at->second;
    if (stream->finished() && now - stream->since() >= limits_.kept) {
      at = erase(at);
      continue;
    }
    ++at;
    if (!stream->finished() && !stream->has_reader() && now - stream->since() >= limits_.without_reader) stream->stop();
  }
}

void StreamStore::close() {
  const auto streams = std::exchange(streams_, {});
  count_ = bytes_ = 0;
  for (const auto& [id, stream] : streams) stream->stop();
}

void StreamStore::grew(const StoredStream& stream, size_t bytes) {
  if (find(stream.id()) == nullptr) return;  // removed, and on its way out
  bytes_ += bytes;
  make_room();
}

StreamStore::Streams::iterator StreamStore::erase(Streams::iterator at) {
  bytes_ -= at->second->bytes();
  --count_;
  return streams_.erase(at);
}

StreamStore::Streams::iterator StreamStore::oldest_finished() {
  auto oldest = streams_.end();
  for (auto at = streams_.begin(); at != streams_.end(); ++at)
    if (at->second->finished() && (oldest == streams_.end() || at->second->since() < oldest->second->since()))
      oldest = at;
  return oldest;
}

void StreamStore::make_room() {
  const auto is_finished = [](const auto& entry) { return entry.second->finished(); };
  auto finished = static_cast<size_t>(std::count_if(streams_.begin(), streams_.end(), is_finished));
  while (finished > 0 && (finished > limits_.finished_streams || bytes_ > limits_.bytes)) {
    erase(oldest_finished());
    --finished;
  }
  while (bytes_ > limits_.bytes) {
    const auto largest = std::max_element(streams_.begin(), streams_.end(), [](const auto& a, const auto& b) {
      return a.second->bytes() < b.second->bytes();
    });
    // A little more than needed, or the next event would be here again.
    bytes_ -= largest->second->drop_oldest(bytes_ - limits_.bytes + limits_.bytes / 64);
  }
}

void StreamStore::sweep_later(Worker& worker) {
  if (std::exchange(sweeping_, true)) return;
  worker.post_after(std::chrono::seconds(1), [this, &worker] {
    sweeping_ = false;
    sweep();
    if (!streams_.empty()) sweep_later(worker);
  });
}

}  // namespace paceline
