#pragma once
// What handlers see of HTTP: a request that has been read whole, and the exchange through which its answer goes out. No socket, no Boost
// type. An exchange may be used from any thread and never blocks; whoever holds it after the client has left writes into the void.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace paceline::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  uint64_t id = 0;  // of this process, in its log lines and in X-Request-Id
  std::string method;  // "GET"
  std::string path;  // decoded target without the query
  std::string query;  // as sent, without the question mark
  Headers headers;  // names in lower case
  std::string body;

  // The value of a header by its lower-case name, "" when there is none.
  std::string_view header(std::string_view name) const;
  // The decoded value of a query parameter.
  std::optional<std::string> query_value(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json; charset=utf-8";
  std::string body = {};
  Headers headers = {};
};

class Exchange {
 public:
  virtual ~Exchange() = default;

  // A whole answer. Exactly one of respond() and begin_stream() is called.
  virtual void respond(Response response) = 0;
  // An answer in parts, `head.body` being the first; write() sends more, finish() ends it.
  virtual void begin_stream(Response head) = 0;
  virtual void write(std::string bytes) = 0;
  virtual void finish() = 0;

  // Bytes handed to write() that the client has not taken yet. A writer stops above kHighWater and goes on when on_drained is called.
  virtual size_t waiting_bytes() const = 0;
  // Both are called at most once each time, from the listener's thread: quick, no throw. on_closed: the client left before the end.
  virtual void watch(std::function<void()> on_closed, std::function<void()> on_drained) = 0;

  static constexpr size_t kHighWater = size_t{256} << 10;
};

using Handler = std::function<void(Request, std::shared_ptr<Exchange>)>;

// "a%20b" -> "a b"; nullopt for a broken escape or a NUL.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace paceline::http
