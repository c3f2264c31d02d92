#pragma once
// The side of an exchange that handlers hold: its calls are carried to the listener's thread. Internal to serve/http.
#include <atomic>

#include "serve/http/connection.h"

namespace paceline::http {

struct ExchangeFacts {
  uint64_t request = 0;
  bool chunked = true;  // HTTP/1.1; before it, the end of a stream is the end of the connection
  bool head_only = false;
};

class SocketExchange : public Exchange, public std::enable_shared_from_this<SocketExchange> {
 public:
  SocketExchange(std::shared_ptr<Hall> hall, std::weak_ptr<Connection> connection, const ExchangeFacts& facts);

  void respond(Response response) override;
  void begin_stream(Response head) override;
  void write(std::string bytes) override;
  void finish() override;
  size_t waiting_bytes() const override { return waiting_; }
  void watch(std::function<void()> on_closed, std::function<void()> on_drained) override;

  // The listener's thread.
  void connection_closed(bool by_client);
  void bytes_sent(size_t count);

 private:
  void send(std::string bytes, bool last);
  std::string head_of(const Response& response, bool is_stream) const;

  std::shared_ptr<Hall> hall_;
  std::weak_ptr<Connection> connection_;
  ExchangeFacts facts_;
  std::atomic<size_t> waiting_ = 0;
  std::atomic<bool> begun_ = false, ended_ = false;
  std::mutex mutex_;  // guards what follows
  bool closed_ = false;
  std::function<void()> on_closed_, on_drained_;
};

}  // namespace paceline::http
