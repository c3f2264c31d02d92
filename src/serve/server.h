#pragma once
// The server: routes, keys, log lines, and the life of the process from the first connection to a polite end.
#include <functional>
#include <string>

#include "serve/cross_origin.h"
#include "serve/http/listener.h"
#include "serve/service.h"

namespace paceline {

struct ServerOptions {
  http::ListenerOptions listener;
  std::vector<std::string> api_keys;  // empty: whoever can connect may ask
  std::vector<std::string> allowed_origins;  // of web pages that may read answers (CORS); "*": all
  std::function<void(const std::string&)> log;  // one line, no prompt text
  bool log_bodies = false;  // but for this: the beginning of each request's body
};

class Server {
 public:
  // Listens at once. The service outlives the server.
  Server(Service& service, ServerOptions options);
  ~Server();
  int port() const { return listener_.port(); }
  // Until SIGINT or SIGTERM.
  void run();

 private:
  void take(http::Request request, std::shared_ptr<http::Exchange> exchange);
  void log_body(const http::Request& request) const;
  void metrics_page(const std::shared_ptr<http::Exchange>& exchange);
  bool is_allowed(const http::Request& request) const;

  Service& service_;
  ServerOptions options_;
  CrossOrigin cross_origin_;
  http::Listener listener_;
};

}  // namespace paceline
