#pragma once
// Answers that outlive their readers. A request that says `resumable` writes into a StoredStream, which numbers and keeps the events and
// hands them to any number of readers, each at its own pace; they come and go. Without a reader the work goes on for a while; a finished
// answer is kept for a while longer. Count and bytes are bounded: the oldest finished streams go first, then the oldest events of the
// largest running one. The worker's thread only.
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "serve/http/message.h"
#include "serve/worker.h"

namespace paceline {

class StreamStore;

class StoredStream : public http::Exchange, public std::enable_shared_from_this<StoredStream> {
 public:
  using Time = std::chrono::steady_clock::time_point;

  StoredStream(StreamStore& store, Worker& worker, std::string id);

  // The writer's side. Each write() is an event; in a stream of server-sent events it gets its number as `id:`.
  void respond(http::Response response) override;
  void begin_stream(http::Response head) override;
  void write(std::string bytes) override;
  void finish() override;
  size_t waiting_bytes() const override { return 0; }  // readers are waited for one by one, never the writer
  void watch(std::function<void()> on_closed, std::function<void()> on_drained) override;

  // Sends the events from number `from` on, then what comes. `from` lies in [first_event(), event_count()].
  void attach(std::shared_ptr<http::Exchange> exchange, uint64_t from);
  // Ends the work if it still goes on; whoever writes says the last word.
  void stop();

  const std::string& id() const { return id_; }
  const http::Response& head() const { return head_; }  // content type and X-Stream-Id
  uint64_t first_event() const { return first_event_; }  // that is still kept
  uint64_t event_count() const { return first_event_ + events_.size(); }
  size_t bytes() const { return bytes_; }
  bool finished() const { return finished_; }
  bool has_reader() const { return !readers_.empty(); }
  Time since() const { return since_; }  // of the end, or of the last reader's leaving
  // Forgets its oldest events until it has lost `bytes` or has none; how many bytes it lost.
  size_t drop_oldest(size_t bytes);

 private:
  struct Reader {
    std::shared_ptr<http::Exchange> exchange;
    uint64_t next = 0;
  };
  void begin(const std::shared_ptr<Reader>& reader);
  void pump_all();
  bool pump(Reader& reader);
  void remove(const std::shared_ptr<Reader>& reader);
  bool is_sse() const { return head_.content_type.starts_with("text/event-stream"); }

  StreamStore& store_;
  Worker& worker_;
  std::string id_;
  http::Response head_;
  std::deque<std::string> events_;
  uint64_t first_event_ = 0;
  size_t bytes_ = 0;
  bool begun_ = false, finished_ = false;
  Time since_;
  std::vector<std::shared_ptr<Reader>> readers_;
  std::function<void()> on_closed_;
};

struct StreamLimits {
  std::chrono::seconds without_reader{60};  // work goes on
  std::chrono::seconds kept{600};  // after the end
  size_t finished_streams = 256;
  size_t bytes = size_t{64} << 20;  // of all events
};

class StreamStore {
 public:
  using Clock = std::function<StoredStream::Time()>;

  // Outlives the worker whose tasks use it.
  explicit StreamStore(StreamLimits limits = {}, Clock clock = std::chrono::steady_clock::now);

  // A new stream whose first reader is `reader`.
  std::shared_ptr<StoredStream> open(Worker& worker, std::shared_ptr<http::Exchange> reader);
  std::shared_ptr<StoredStream> find(const std::string& id) const;  // null: there is none
  // Forgets it; a running one is stopped, and its readers hear of it.
  void remove(const std::string& id);
  // Stops what nobody reads any more and forgets what is too old. Called every second while there are streams.
  void sweep();
  // Stops everything.
  void close();

  StoredStream::Time now() const { return clock_(); }
  // From any thread.
  size_t size() const { return count_; }
  size_t bytes() const { return bytes_; }

 private:
  friend class StoredStream;
  using Streams = std::map<std::string, std::shared_ptr<StoredStream>>;
  void grew(const StoredStream& stream, size_t bytes);
  void make_room();
  Streams::iterator erase(Streams::iterator at);
  Streams::iterator oldest_finished();
  void sweep_later(Worker& worker);

  StreamLimits limits_;
  Clock clock_;
  Streams streams_;
  std::atomic<size_t> count_ = 0, bytes_ = 0;  // of streams_
  bool sweeping_ = false;
};

}  // namespace paceline
