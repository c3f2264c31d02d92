#include "serve/http/exchange.h"

#include <boost/asio/post.hpp>

#include "base/strings.h"

namespace paceline::http {

namespace {

std::string chunk_of(std::string_view bytes) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, bytes.size(), 16).ptr;
  return cat(std::string_view(digits, static_cast<size_t>(end - digits)), "\r\n", bytes, "\r\n");
}

}  // namespace

SocketExchange::SocketExchange(std::shared_ptr<Hall> hall, std::weak_ptr<Connection> connection,
                               const ExchangeFacts& facts)
    : hall_(std::move(hall)), connection_(std::move(connection)), facts_(facts) {}

std::string SocketExchange::head_of(const Response& response, bool is_stream) const {
  const auto reason =
      boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(static_cast<unsigned>(response.status)));
  std::string out = cat("HTTP/1.1 ", response.status, " ", std::string_view(reason.data(), reason.size()),
                        "\r\nServer: paceline\r\n");
  if (!response.content_type.empty()) out += cat("Content-Type: ", response.content_type, "\r\n");
  if (facts_.request > 0) out += cat("X-Request-Id: ", facts_.request, "\r\n");
  for (const auto& [name, value] : response.headers) out += cat(name, ": ", value, "\r\n");
  if (response.status == 304) return out;  // its length would be that of the page it stands for
  if (!is_stream) out += cat("Content-Length: ", response.body.size(), "\r\n");
  else if (facts_.chunked) out += "Transfer-Encoding: chunked\r\nCache-Control: no-cache\r\n";
  return out;
}

void SocketExchange::respond(Response response) {
  if (begun_.exchange(true)) return;
  ended_ = true;
  std::string head = head_of(response, false);
  boost::asio::post(hall_->context,
                    [self = shared_from_this(), head = std::move(head), body = std::move(response.body)]() mutable {
                      const auto connection = self->connection_.lock();
                      if (!connection || connection->closed_) return;
                      head += connection->keep_alive_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
                      if (!self->facts_.head_only) head += body;
                      self->waiting_ += head.size();
                      connection->send(std::move(head));
                      connection->finish_answer();
                    });
}

void SocketExchange::begin_stream(Response head) {
  if (begun_.exchange(true)) return;
  std::string text = head_of(head, true);
  boost::asio::post(hall_->context,
                    [self = shared_from_this(), text = std::move(text), body = std::move(head.body)]() mutable {
                      const auto connection = self->connection_.lock();
                      if (!connection || connection->closed_) return;
                      if (!self->facts_.chunked) connection->keep_alive_ = false;
                      text += connection->keep_alive_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
                      if (!body.empty()) text += self->facts_.chunked ? chunk_of(body) : body;
                      self->waiting_ += text.size();
                      connection->send(std::move(text));
                    });
}

void SocketExchange::write(std::string bytes) {
  if (bytes.empty() || ended_) return;
  send(facts_.chunked ? chunk_of(bytes) : std::move(bytes), false);
}

void SocketExchange::finish() {
  if (ended_.exchange(true)) return;
  send(facts_.chunked ? "0\r\n\r\n" : "", true);
}

void SocketExchange::send(std::string bytes, bool last) {
  waiting_ += bytes.size();
  boost::asio::post(hall_->context, [self = shared_from_this(), bytes = std::move(bytes), last]() mutable {
    const auto connection = self->connection_.lock();
    if (!connection || connection->closed_ || connection->exchange_ != self) return;
    connection->send(std::move(bytes));
    if (last) connection->finish_answer();
  });
}

void SocketExchange::watch(std::function<void()> on_closed, std::function<void()> on_drained) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      on_closed_ = std::move(on_closed), on_drained_ = std::move(on_drained);
      return;
    }
  }
  if (on_closed) on_closed();
}

void SocketExchange::connection_closed(bool by_client) {
  std::function<void()> tell, forget;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    tell.swap(on_closed_), forget.swap(on_drained_);
  }
  if (by_client && tell) tell();
}

void SocketExchange::bytes_sent(size_t count) {
  const size_t before = waiting_.fetch_sub(std::min(count, waiting_.load()));
  if (before <= kHighWater || before - count > kHighWater) return;
  std::function<void()> tell;
  {
    const std::lock_guard lock(mutex_);
    tell = on_drained_;
  }
  if (tell) tell();
}

}  // namespace paceline::http
