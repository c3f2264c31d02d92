#pragma once
// One client's connection. Internal to serve/http: Boost types stay in this folder's .cpp files and this header.
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <mutex>
#include <set>

#include "serve/http/listener.h"

namespace paceline::http {

class Connection;

// What the connections of a listener share; used on the listener's thread, but for the counters.
struct Hall {
  ListenerOptions options;
  Handler handler;
  boost::asio::io_context context{1};
  std::set<std::shared_ptr<Connection>> connections;
  std::atomic<int> open_connections = 0;
  std::atomic<uint64_t> last_request = 0;
  bool stopping = false;
  std::function<void()> on_empty;  // the last connection has gone
  std::weak_ptr<Hall> self;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Hall& hall, boost::asio::ip::tcp::socket socket);

  void start();
  // No further request; closes at once when none is being answered.
  void drain();
  void close();

 private:
  friend class SocketExchange;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void read();
  void take_first_byte(boost::system::error_code error);
  void take_headers(boost::system::error_code error);
  void take_request(boost::system::error_code error);
  void refuse(boost::system::error_code error);
  void answer_plainly(int status, const std::string& message);
  void watch_client();
  void send(std::string bytes);
  void send_next();
  void finish_answer();
  void end_answer();
  void linger();
  void drop_input(size_t dropped);

  Hall& hall_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::deque<std::string> outgoing_;
  std::shared_ptr<class SocketExchange> exchange_;  // of the request being answered
  bool keep_alive_ = true, answering_ = false, answered_ = false, sending_ = false, closed_ = false;
};

}  // namespace paceline::http
