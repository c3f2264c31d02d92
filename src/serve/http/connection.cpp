#include "serve/http/connection.h"

#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <tuple>

#include "base/json.h"
#include "base/strings.h"
#include "serve/http/exchange.h"

namespace paceline::http {

namespace beast = boost::beast;
namespace asio = boost::asio;
using std::chrono::seconds;

Connection::Connection(Hall& hall, asio::ip::tcp::socket socket) : hall_(hall), stream_(std::move(socket)) {}

void Connection::start() {
  boost::system::error_code ignored;
  std::ignore = stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  read();
}

void Connection::drain() {
  keep_alive_ = false;
  if (!answering_) close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  boost::system::error_code ignored;
  std::ignore = stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  stream_.close();
  if (exchange_) exchange_->connection_closed(!answered_);
  exchange_.reset();
  const auto self = shared_from_this();  // erasing may drop the last reference
  hall_.connections.erase(self);
  hall_.open_connections = static_cast<int>(hall_.connections.size());
  if (hall_.connections.empty() && hall_.on_empty) hall_.on_empty();
}

void Connection::read() {
  answering_ = answered_ = false;
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(hall_.options.header_bytes));
  parser_->body_limit(hall_.options.body_bytes);
  if (buffer_.size() > 0) return take_first_byte({});
  stream_.expires_after(seconds(hall_.options.idle_seconds));
  stream_.async_read_some(buffer_.prepare(4096), [self = shared_from_this()](auto error, size_t count) {
    self->buffer_.commit(count);
    self->take_first_byte(error);
  });
}

void Connection::take_first_byte(boost::system::error_code error) {
  if (closed_) return;
  if (error) return close();
  stream_.expires_after(seconds(hall_.options.read_seconds));
  beast::http::async_read_header(stream_, buffer_, *parser_,
                                 [self = shared_from_this()](auto failed, size_t) { self->take_headers(failed); });
}

void Connection::take_headers(boost::system::error_code error) {
  if (closed_) return;
  if (error) return refuse(error);
  const auto& head = parser_->get();
  if (head.version() < 11 && head.find(beast::http::field::transfer_encoding) != head.end())
    return answer_plainly(400, "HTTP/1.0 has no Transfer-Encoding");
  // What is coded in another way has no end that we could find; the next request would be looked for in it.
  if (!parser_->chunked() && head.find(beast::http::field::transfer_encoding) != head.end())
    return answer_plainly(400, cat("Transfer-Encoding: expected chunked at its end, got ",
                                   std::string_view(head[beast::http::field::transfer_encoding])));
  const auto read_body = [self = shared_from_this()] {
    beast::http::async_read(self->stream_, self->buffer_, *self->parser_,
                            [self](auto failed, size_t) { self->take_request(failed); });
  };
  if (!beast::iequals(head[beast::http::field::expect], "100-continue") || parser_->is_done()) return read_body();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this(), read_body](auto failed, size_t) {
                      if (failed) self->close();
                      else read_body();
                    });
}

void Connection::refuse(boost::system::error_code failure) {
  using beast::http::error;
  if (failure == error::header_limit)
    return answer_plainly(431, cat("the headers are longer than ", hall_.options.header_bytes, " bytes"));
  if (failure == error::body_limit)
    return answer_plainly(413, cat("the body is longer than ", hall_.options.body_bytes, " bytes"));
  const boost::system::error_code any_http = error::bad_target;
  const bool is_http = failure.category() == any_http.category();
  if (!is_http || failure == error::end_of_stream || failure == error::partial_message) return close();
  answer_plainly(400, cat("this is no HTTP request: ", failure.message()));
}

// An answer from here, before any handler has seen the request; the connection ends with it.
void Connection::answer_plainly(int status, const std::string& message) {
  const std::string target = parser_ ? std::string(parser_->get().target()) : "";
  const auto& body = hall_.options.error_body;
  keep_alive_ = false, answering_ = true;
  exchange_ = std::make_shared<SocketExchange>(hall_.self.lock(), weak_from_this(), ExchangeFacts{});
  exchange_->respond({.status = status,
                      .body = body ? body(target.substr(0, target.find('?')), status, message) : Json(message).dump()});
}

void Connection::take_request(boost::system::error_code error) {
  if (closed_) return;
  if (error) return refuse(error);
  auto message = parser_->release();
  Request request;
  request.id = ++hall_.last_request;
  request.method = std::string(message.method_string());
  std::string_view target(message.target().data(), message.target().size());
  if (target.starts_with("http://")) target.remove_prefix(std::min(target.find('/', 7), target.size()));
  const size_t question = target.find('?');
  if (question != std::string_view::npos) request.query = std::string(target.substr(question + 1));
  const auto path = percent_decoded(target.substr(0, question));
  if (!path || !path->starts_with('/')) return answer_plainly(400, "the path is not well formed");
  request.path = *path;
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& character : name) character = beast::detail::ascii_tolower(character);
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request.body = std::move(message.body());
  // Thousands may wait for their answer; what reading needs comes back with the next request.
  parser_.reset();
  if (buffer_.size() == 0) buffer_ = beast::flat_buffer();
  keep_alive_ = message.keep_alive() && !hall_.stopping;
  const ExchangeFacts facts{
      .request = request.id, .chunked = message.version() >= 11, .head_only = request.method == "HEAD"};
  answering_ = true;
  exchange_ = std::make_shared<SocketExchange>(hall_.self.lock(), weak_from_this(), facts);
  stream_.expires_never();
  watch_client();
  hall_.handler(std::move(request), exchange_);
}

// Sees a client leave while nothing is being sent. Bytes that arrive are its next request; they wait, and end the watch.
void Connection::watch_client() {
  stream_.socket().async_wait(asio::ip::tcp::socket::wait_read, [self = shared_from_this()](auto error) {
    if (error || self->closed_ || !self->answering_) return;
    char byte;
    const ssize_t count = ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count > 0) return;
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return self->watch_client();
    self->close();
  });
}

void Connection::send(std::string bytes) {
  if (closed_ || bytes.empty()) return;
  outgoing_.push_back(std::move(bytes));
  if (!sending_) send_next();
}

// All that waits goes out in one call.
void Connection::send_next() {
  sending_ = true;
  auto batch = std::make_shared<std::string>();
  for (std::string& piece : outgoing_) *batch += piece;
  outgoing_.clear();
  stream_.expires_after(seconds(hall_.options.write_seconds));
  asio::async_write(stream_, asio::buffer(*batch), [self = shared_from_this(), batch](auto error, size_t) {
    self->sending_ = false;
    if (self->closed_) return;
    if (error) return self->close();
    if (self->exchange_) self->exchange_->bytes_sent(batch->size());
    if (!self->outgoing_.empty()) return self->send_next();
    self->stream_.expires_never();
    if (self->answered_) self->end_answer();
  });
}

// The answer is complete; it has been sent, or will have been when the queue is empty.
void Connection::finish_answer() {
  answered_ = true;
  if (!sending_ && outgoing_.empty() && !closed_) end_answer();
}

void Connection::end_answer() {
  if (exchange_) exchange_->connection_closed(false);
  exchange_.reset();
  boost::system::error_code ignored;
  std::ignore = stream_.socket().cancel(ignored);  // the watch
  if (keep_alive_ && !hall_.stopping) return read();
  linger();
}

// What the client still sends is read and dropped for a moment, or closing would reset the connection and lose our answer.
void Connection::linger() {
  boost::system::error_code ignored;
  std::ignore = stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  stream_.expires_after(seconds(2));
  drop_input(0);
}

void Connection::drop_input(size_t dropped) {
  constexpr size_t kMost = size_t{4} << 20;
  buffer_.clear();
  if (closed_) return;
  if (dropped > kMost) return close();
  stream_.async_read_some(buffer_.prepare(65536), [self = shared_from_this(), dropped](auto error, size_t count) {
    if (error) self->close();
    else self->drop_input(dropped + count);
  });
}

}  // namespace paceline::http
