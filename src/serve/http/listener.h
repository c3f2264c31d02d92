#pragma once
// Accepts connections and speaks HTTP/1.1 on them: one thread, all sockets. Everything a client can do to us has a bound: bytes of headers
// and body, connections, seconds of silence. Throws Error when it cannot listen.
#include <functional>
#include <memory>
#include <string>

#include "serve/http/message.h"

namespace paceline::http {

struct ListenerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;  // 0: a free one
  size_t header_bytes = size_t{64} << 10;
  size_t body_bytes = size_t{32} << 20;
  int connections = 4096;  // or as many as the process may have descriptors for
  int read_seconds = 30;  // for the whole of a request, from its first byte
  int idle_seconds = 75;  // between two requests of a connection
  int write_seconds = 60;  // for a client to take what is waiting
  int drain_seconds = 30;  // after stop(), for answers under way
  // The body, JSON, of an answer to what no handler gets to see: path ("" if it is not known), status, what is wrong.
  std::function<std::string(std::string_view path, int status, const std::string& message)> error_body = nullptr;
};

class Listener {
 public:
  // Listens at once; requests are served when run() is called.
  Listener(const ListenerOptions& options, Handler handler);
  ~Listener();

  int port() const;
  // Serves until stop(), SIGINT or SIGTERM: then no new connection is taken, answers under way are finished (drain_seconds), and run()
  // returns. on_stop is called when that begins; a second signal ends the waiting.
  void run(const std::function<void()>& on_stop);
  void stop();
  int open_connections() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

bool is_loopback(const std::string& host);

}  // namespace paceline::http
