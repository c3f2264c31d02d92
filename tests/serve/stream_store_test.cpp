// Resumable streams: readers that come, go and lag, bounds, and time that only the test moves.
#include "serve/stream_store.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "base/strings.h"

namespace paceline {
namespace {

class FakeReader : public http::Exchange {
 public:
  void respond(http::Response response) override { text += response.body, ended = true; }
  void begin_stream(http::Response given) override { head = std::move(given); }
  void write(std::string bytes) override { text += bytes, waiting += takes ? 0 : bytes.size(); }
  void finish() override { ended = true; }
  size_t waiting_bytes() const override { return waiting; }
  void watch(std::function<void()> on_closed, std::function<void()> on_drained) override {
    leave = std::move(on_closed), drain = std::move(on_drained);
  }
  http::Response head;
  std::string text;
  size_t waiting = 0;
  bool takes = true, ended = false;
  std::function<void()> leave, drain;
};

std::vector<std::weak_ptr<FakeReader>> made_readers;

std::shared_ptr<FakeReader> reader() {
  const auto made = std::make_shared<FakeReader>();
  made_readers.push_back(made);
  return made;
}

struct StreamStoreTest : testing::Test {
  void TearDown() override {
    store.close();  // a stream that runs is held by its job in earnest
    worker.flush();
    // A connection that has ended forgets whom it told, which may hold it.
    for (const auto& weak : std::exchange(made_readers, {}))
      if (const auto here = weak.lock()) here->leave = here->drain = nullptr;
  }
  std::shared_ptr<StoredStream> open(const std::shared_ptr<FakeReader>& reader,
                                     const std::string& type = "text/event-stream; charset=utf-8") {
    auto stream = store.open(worker, reader);
    stream->watch([this] { ++stopped; }, [] {});
    stream->begin_stream({.content_type = type});
    return stream;
  }
  void pass(std::chrono::seconds time) {
    now += time;
    store.sweep();
  }
  void leave(const std::shared_ptr<FakeReader>& reader) {
    reader->leave();
    worker.flush();
  }

  StoredStream::Time now;
  StreamLimits limits{.finished_streams = 4, .bytes = 4000};
  StreamStore store{limits, [this] { return now; }};
  Worker worker;
  int stopped = 0;
};

TEST_F(StreamStoreTest, NumbersEventsAndNamesTheStream) {
  const auto first = reader();
  const auto stream = open(first);
  stream->write("data: a\n\n");
  stream->write("data: b\n\n");
  EXPECT_EQ(first->text, "id: 0\ndata: a\n\nid: 1\ndata: b\n\n");
  ASSERT_EQ(first->head.headers.size(), 1u);
  EXPECT_EQ(first->head.headers[0], (std::pair<std::string, std::string>("X-Stream-Id", stream->id())));
  EXPECT_FALSE(first->ended);
  stream->finish();
  EXPECT_TRUE(first->ended);
}

TEST_F(StreamStoreTest, LinesOfJsonStayAsTheyAre) {
  const auto first = reader();
  open(first, "application/x-ndjson")->write("{}\n");
  EXPECT_EQ(first->text, "{}\n");
}

TEST_F(StreamStoreTest, ReadersComeAndGoAndEachGetsAll) {
  const auto first = reader(), second = reader(), third = reader(), late = reader();
  const auto stream = open(first);
  stream->write("data: a\n\n");
  leave(first);
  stream->write("data: b\n\n");
  stream->attach(second, 1);
  stream->attach(third, 2);
  EXPECT_EQ(second->text, "id: 1\ndata: b\n\n");
  EXPECT_EQ(third->text, "");
  stream->write("data: c\n\n");
  stream->finish();
  stream->attach(late, 0);
  EXPECT_EQ(first->text, "id: 0\ndata: a\n\n");
  EXPECT_EQ(second->text, "id: 1\ndata: b\n\nid: 2\ndata: c\n\n");
  EXPECT_EQ(third->text, "id: 2\ndata: c\n\n");
  EXPECT_EQ(late->text, first->text + second->text);
  EXPECT_TRUE(second->ended && third->ended && late->ended);
  EXPECT_EQ(stopped, 0);
}

TEST_F(StreamStoreTest, StopsAMinuteAfterTheLastReaderLeft) {
  const auto first = reader(), second = reader();
  const auto stream = open(first);
  pass(std::chrono::hours(1));
  leave(first);
  pass(std::chrono::seconds(59));
  stream->attach(second, 0);
  pass(std::chrono::seconds(59));
  leave(second);
  pass(std::chrono::seconds(59));
  EXPECT_EQ(stopped, 0);
  pass(std::chrono::seconds(1));
  EXPECT_EQ(stopped, 1);
  pass(std::chrono::seconds(1));
  EXPECT_EQ(stopped, 1);
}

TEST_F(StreamStoreTest, ForgetsTenMinutesAfterTheEnd) {
  const auto first = reader();
  const auto stream = open(first);
  stream->write("data: a\n\n");
  pass(std::chrono::hours(1));
  stream->finish();
  pass(std::chrono::seconds(599));
  EXPECT_EQ(store.find(stream->id()), stream);
  EXPECT_GT(store.bytes(), 0u);
  pass(std::chrono::seconds(1));
  EXPECT_EQ(store.find(stream->id()), nullptr);
  EXPECT_EQ(store.bytes(), 0u);
}

TEST_F(StreamStoreTest, DeletingStopsAndReadersHearTheLastWord) {
  const auto first = reader();
  const auto stream = open(first);
  store.remove(stream->id());
  EXPECT_EQ(stopped, 1);
  EXPECT_EQ(store.find(stream->id()), nullptr);
  stream->write("data: stopped\n\n");  // the writer's answer to being stopped
  stream->finish();
  EXPECT_EQ(first->text, "id: 0\ndata: stopped\n\n");
  EXPECT_TRUE(first->ended);
  EXPECT_EQ(store.bytes(), 0u);
}

TEST_F(StreamStoreTest, KeepsAtMostSoManyFinishedOnes) {
  std::vector<std::string> ids;
  const auto running = open(reader());
  for (int i = 0; i < 6; ++i) {
    const auto stream = open(reader());
    ids.push_back(stream->id());
    stream->finish();
    pass(std::chrono::seconds(1));
  }
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(store.find(ids[i]) != nullptr, i >= 2) << i;
  EXPECT_NE(store.find(running->id()), nullptr);
}

TEST_F(StreamStoreTest, BytesAreBoundedFinishedOnesGoFirst) {
  const auto done = open(reader());
  done->write(std::string(1000, 'd'));
  done->finish();
  const auto live = reader();
  const auto stream = open(live);
  for (int i = 0; i < 100; ++i) {
    stream->write(std::string(500, 'x'));
    ASSERT_LE(store.bytes(), limits.bytes) << i;
    if (i == 2) {
      ASSERT_NE(store.find(done->id()), nullptr);
    }
  }
  EXPECT_EQ(store.find(done->id()), nullptr);
  EXPECT_EQ(stream->event_count(), 100u);
  EXPECT_GT(stream->first_event(), 90u);
  EXPECT_GT(live->text.size(), 50000u);  // who keeps up has lost nothing
}

TEST_F(StreamStoreTest, ASlowReaderIsWaitedForAndOneTooSlowIsTold) {
  const auto first = reader(), slow = reader();
  slow->takes = false, slow->waiting = http::Exchange::kHighWater + 1;
  const auto stream = open(first);
  stream->attach(slow, 0);
  stream->write("data: a\n\n");
  EXPECT_EQ(slow->text, "");
  slow->waiting = 0;
  slow->drain();
  worker.flush();
  EXPECT_EQ(slow->text, "id: 0\ndata: a\n\n");
  slow->waiting = http::Exchange::kHighWater + 1;
  for (int i = 0; i < 20; ++i) stream->write(std::string(500, 'x'));
  EXPECT_TRUE(slow->ended);
  EXPECT_NE(slow->text.find("event: error"), std::string::npos);
  EXPECT_FALSE(first->ended);
}

TEST_F(StreamStoreTest, AReaderKeepsWhatTheStoreForgets) {
  const auto slow = reader();
  slow->takes = false, slow->waiting = http::Exchange::kHighWater + 1;
  auto stream = open(slow);
  stream->write("data: a\n\n");
  stream->finish();
  const std::string id = stream->id();
  stream.reset();
  pass(std::chrono::seconds(600));
  EXPECT_EQ(store.find(id), nullptr);
  slow->waiting = 0;
  slow->drain();
  worker.flush();
  EXPECT_EQ(slow->text, "id: 0\ndata: a\n\n");
  EXPECT_TRUE(slow->ended);
  slow->leave = slow->drain = nullptr;  // as a connection does when it ends
}

TEST(Worker, DoesLaterWhatIsDueLater) {
  std::string order;
  Worker worker;
  worker.post_after(std::chrono::milliseconds(30), [&] { order += "c"; });
  worker.post_after(std::chrono::milliseconds(1), [&] { order += "b"; });
  worker.post([&] { order += "a"; });
  worker.flush();
  while (true) {
    bool done = false;
    worker.post([&] { done = order.size() == 3; });
    worker.flush();
    if (done) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(order, "abc");
}

}  // namespace
}  // namespace paceline
